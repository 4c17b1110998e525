/*
 * dom.js: making and filling elements, words for figures, and the API.
 * All text goes in as text: titles and messages come from strangers.
 */

import { ask } from "./session.js";


/* h("p", { class: "x", onclick: f, hidden: true }, "text", node, …) */

export function h(tag, props, ...children) {
    const node = document.createElement(tag);

    for (const [key, value] of Object.entries(props || {})) {
        if (key.startsWith("on")) {
            node.addEventListener(key.slice(2), value);

        } else if (typeof value === "boolean") {
            node.toggleAttribute(key, value);

        } else {
            node.setAttribute(key, value);
        }
    }

    node.append(...children);

    return node;
}


export function button(text, onclick, kind) {
    return h("button", { type: "button", class: kind || "", onclick }, text);
}


/* what has not changed is not touched, nor read out again */

export function put(node, text) {
    if (node.textContent !== text) {
        node.textContent = text;
    }
}


export function show(node, shown) {
    if (node.hidden === shown) {
        node.hidden = !shown;
    }
}


/* other children; the focus stays with the one of the same key */

export function redraw(parent, children) {
    const active = document.activeElement;
    const key = parent.contains(active) ? active.dataset.key : undefined;

    parent.replaceChildren(...children);

    if (key !== undefined) {
        const same = [...parent.querySelectorAll("[data-key]")];

        (same.find((e) => e.dataset.key === key && !e.disabled)
         || same.find((e) => !e.disabled) || document.querySelector("h1"))
            .focus();
    }
}


/* a list of facts: [term, node] */

export function facts(list, kind) {
    const dl = h("dl", { class: kind || "facts" });

    for (const [term, value] of list) {
        dl.append(h("div", null, h("dt", null, term), h("dd", null, value)));
    }

    return dl;
}


/* an item's title; a stranger's text must not turn the line around */

export function titled(node, item) {
    const text = item.title || item.id || `item ${item.index + 1}`;

    put(node, text);
    node.title = text;
}


export function clock(seconds) {
    if (seconds === null || seconds === undefined) {
        return "?";
    }

    const s = Math.floor(seconds);
    const two = (n) => String(n).padStart(2, "0");
    const minutes = Math.floor(s / 60) % 60;

    return s < 3600
        ? `${minutes}:${two(s % 60)}`
        : `${Math.floor(s / 3600)}:${two(minutes)}:${two(s % 60)}`;
}


export function seconds(ms) {
    return `${(ms / 1000).toFixed(1)} s`;
}


export function bitrate(kbit) {
    if (kbit === null) {
        return "–";
    }

    return kbit < 1000
        ? `${Math.round(kbit)} kbit/s` : `${(kbit / 1000).toFixed(1)} Mbit/s`;
}


export function bytes(n) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let i = 0;

    while (n >= 1000 && i < units.length - 1) {
        n /= 1000;
        i++;
    }

    return `${i === 0 ? n : n.toFixed(1)} ${units[i]}`;
}


/* the day only when it is another one */

export function time(at) {
    const date = new Date(at);
    const today = date.toDateString() === new Date().toDateString();

    return today ? date.toLocaleTimeString() : date.toLocaleString();
}


/* what went wrong, in words: of the API, or on the way to it */

export class Problem extends Error {
    constructor(detail, status, code, field) {
        super(detail);
        this.status = status;
        this.code = code;
        this.field = field;
    }
}


/* "tag" keeps the ETag of the answer, which a change is then made by */

export async function api(method, path, body, tag) {
    const options = { method, headers: {}, cache: "no-store" };

    /* resolving waits for the resolver, whose time is the server's affair */
    if (path !== "resolve") {
        options.signal = AbortSignal.timeout(10000);
    }

    if (["POST", "PATCH", "PUT"].includes(method)) {
        options.headers["Content-Type"] = "application/json";
        options.body = JSON.stringify(body || {});
    }

    if (method === "PUT" && tag.value) {
        options.headers["If-Match"] = tag.value;
    }

    let response, data;

    try {
        response = await ask(`api/1/${path}`, options);
        data = response.status === 204 ? null : await response.json();

    } catch (e) {
        if (response === undefined) {
            throw new Problem("The server does not answer.", 0, "");
        }
    }

    if (!response.ok || data === undefined) {
        throw new Problem(data && data.detail
                          || `The server answers ${response.status}.`,
                          response.status, data && data.code || "",
                          data && data.field || "");
    }

    if (tag !== undefined) {
        tag.value = response.headers.get("ETag");
    }

    return data;
}


/* what goes wrong is said where people look, until it is tried again */

export async function tried(failure, act) {
    put(failure, "");

    try {
        await act();

    } catch (e) {
        put(failure, e.message);
    }
}


export const path = (name) => `streams/${encodeURIComponent(name)}`;
