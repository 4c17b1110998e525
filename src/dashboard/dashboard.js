/*
 * dashboard.js: the page: all streams at a glance, and which view is shown:
 * #/ is the list, #/NAME one stream.  A view is { node, update(), close() }.
 */

import { api, button, h, put, show, writable } from "./dom.js";
import { link, listen, names, start, streams } from "./live.js";
import { figures, lastError, onAir, stateChip } from "./parts.js";
import { streamView } from "./stream.js";
import { streamForm } from "./form.js";


function row(name) {
    const chip = stateChip(), air = onAir(), error = lastError();
    const numbers = figures();

    const node = h("li", null,
        h("div", { class: "head" },
          h("h2", null, h("a", { href: `#/${encodeURIComponent(name)}` },
                          name)),
          chip.node),
        air.node, numbers.node, error.node);

    return {
        node,
        update(stream) {
            chip.update(stream.status);
            air.update(stream.status);
            numbers.update(stream);
            error.update(stream.status);
        }
    };
}


/* streams that a reload has left with what was set before it */

function outdated() {
    const text = h("span");
    const failure = h("span", { class: "failure", role: "alert" });
    const node = h("div", { class: "banner warn", role: "status" }, text);

    if (writable) {
        node.append(" ", button("Restart them", async () => {
            try {
                await api("POST", "restart");
                put(failure, "");

            } catch (e) {
                put(failure, e.message);
            }
        }), " ", failure);
    }

    return {
        node,
        update() {
            const n = [...streams.values()]
                .filter((stream) => stream.status.outdated).length;

            put(text, `${n} of the streams ${n === 1 ? "runs" : "run"} with `
                      + "settings of before a reload.");
            show(node, n > 0);
        }
    };
}


function listView() {
    const rows = new Map();
    const old = outdated();
    const list = h("ul", { class: "streams" });
    const empty = h("p", { class: "none" }, "There is no stream yet.");
    const head = h("div", { class: "head" }, h("h1", { tabindex: -1 },
                                               "Streams"));

    if (writable) {
        head.append(button("New stream…", () => streamForm(null), "first"));
    }

    return {
        title: "Streams",
        node: h("div", null, head, old.node, list, empty),
        close() {},
        update() {
            const all = names();

            old.update();
            show(empty, link.ready && all.length === 0);

            for (const [name, r] of rows) {
                if (!streams.has(name)) {
                    r.node.remove();
                    rows.delete(name);
                }
            }

            all.forEach((name, i) => {
                if (!rows.has(name)) {
                    rows.set(name, row(name));
                }

                const r = rows.get(name);

                r.update(streams.get(name));

                if (list.children[i] !== r.node) {
                    list.insertBefore(r.node, list.children[i] || null);
                }
            });
        }
    };
}


/* the view that the address names */

let view = null;

function named() {
    const match = location.hash.match(/^#\/(.+)$/);

    try {
        return match === null ? "" : decodeURIComponent(match[1]);

    } catch (e) {
        return "";      /* not of our making */
    }
}


function route() {
    const main = document.getElementById("main");
    const first = view === null;
    const name = named();

    if (view !== null) {
        view.close();
    }

    view = name === "" ? listView() : streamView(name);

    main.replaceChildren(view.node);
    view.update();

    if (!first) {
        main.querySelector("h1").focus();
        scrollTo(0, 0);
    }
}


/* what a screen reader is told: streams that come, go and change state */

const states = new Map();

function tellNews() {
    const news = [];

    for (const name of names()) {
        const state = streams.get(name).status.state;

        if (states.has(name) && states.get(name) !== state) {
            news.push(`${name} is ${state}.`);
        }

        states.set(name, state);
    }

    for (const name of states.keys()) {
        if (!streams.has(name)) {
            states.delete(name);
            news.push(`${name} is removed.`);
        }
    }

    if (news.length > 0) {
        put(document.getElementById("news"), news.join(" "));
    }
}


function tellSummary() {
    const counts = new Map();

    for (const stream of streams.values()) {
        const state = stream.status.state;
        counts.set(state, (counts.get(state) || 0) + 1);
    }

    const words = [...counts].sort().map(([state, n]) => `${n} ${state}`);
    const all = streams.size === 1 ? "1 stream" : `${streams.size} streams`;
    const summary = words.length === 0 ? all : `${all}: ${words.join(", ")}`;

    put(document.getElementById("summary"), link.ready ? summary : "");
    document.title = `${view.title} – directstream`;
}


/* what will be on air soon depends on it */

function tellResolver(resolver) {
    const line = document.getElementById("resolver");
    const canary = resolver && resolver.canary.error;
    const parts = [];

    if (resolver && resolver.fallback) {
        parts.push("The first resolver is broken, the second one is used"
                   + (resolver.error ? `: ${resolver.error.message}` : "")
                   + ".");
    }

    if (canary) {
        parts.push(`The resolver's canary fails: ${canary.message}.`);
    }

    put(line, parts.join(" "));
    show(line, parts.length !== 0);
    tellCanary(resolver && resolver.canary);
}


/* the canary's light; there is none without a canary that has been tried */

function tellCanary(canary) {
    const light = document.getElementById("canary");
    const at = canary && canary.checked_at;

    if (at) {
        put(light, canary.error ? "canary fails" : "canary ok");
        light.dataset.canary = canary.error ? "bad" : "ok";
        light.title = `as of ${new Date(at).toLocaleTimeString()}`;
    }

    show(light, Boolean(at));
}


function tellLink() {
    const lost = document.getElementById("lost");
    const relay = document.getElementById("relay");

    if (link.since !== null) {
        put(lost, `Not connected since ${link.since.toLocaleTimeString()}: `
                  + "what is shown is old. Trying again. " + link.problem);
    }

    put(relay, link.relay ? "" : "The relay worker does not run: nothing new "
                                 + "is on air until the server starts it "
                                 + "again.");
    tellResolver(link.resolver);
    show(lost, link.since !== null);
    show(relay, !link.relay);
    document.body.classList.toggle("old", link.since !== null);
}


listen(() => {
    view.update();
    tellNews();
    tellSummary();
    tellLink();
});

addEventListener("hashchange", () => {
    /* not the jump to the content */
    if (location.hash !== "#main") {
        route();
    }
});
route();
start();
