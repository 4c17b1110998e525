/*
 * queue.js: what is queued for a stream: the entries in order, to be moved
 * and removed, and a form that adds one by its URL.
 */

import { api, button, clock, h, path, put, redraw, show, titled }
    from "./dom.js";
import { may } from "./session.js";

const WHEN = [["end", "at the end"], ["next", "next"], ["now", "now"]];


/* asks for an item of the list, or sends the list there */

export function enqueue(name, item, action) {
    const what = item.id !== "" ? { id: item.id } : { index: item.index };

    return action === "go to"
        ? api("POST", `${path(name)}/play`, what)
        : api("POST", `${path(name)}/queue`, { ...what, at: action });
}


function form(name, failed) {
    const url = h("input", { type: "url", id: "queue-url", name: "url",
                             required: true, autocomplete: "off",
                             autocapitalize: "none", spellcheck: "false",
                             "aria-describedby": "queue-failure" });
    const when = h("select", { id: "queue-at", name: "at" },
                   ...WHEN.map(([value, text]) =>
                       h("option", { value }, text)));
    const resume = h("input", { type: "checkbox", id: "queue-resume" });
    const flag = h("div", { class: "field flag" }, resume,
                   h("label", { for: "queue-resume" },
                     "What it interrupts goes on afterwards"));
    const add = h("button", { type: "submit" }, "Queue");

    const node = h("form", { class: "queue-form", novalidate: true },
        h("div", { class: "field" },
          h("label", { for: "queue-url" }, "URL of an item"), url,
          h("label", { for: "queue-at", class: "unseen" }, "When"), when,
          add),
        flag);

    resume.checked = true;
    when.addEventListener("change", () => show(flag, when.value === "now"));
    show(flag, false);

    node.addEventListener("submit", async (e) => {
        e.preventDefault();
        add.disabled = true;

        try {
            await api("POST", `${path(name)}/queue`, {
                url: url.value.trim(), at: when.value,
                then: resume.checked ? "resume" : "continue"
            });
            url.value = "";
            url.removeAttribute("aria-invalid");
            failed("");

        } catch (problem) {
            failed(problem.message);
            url.setAttribute("aria-invalid", "true");
            url.focus();

        } finally {
            add.disabled = false;
        }
    });

    return node;
}


/* the entries, read anew when the status says that they have changed */

export function queue(name) {
    const list = h("ol", { class: "queued", "aria-label": "In order" });
    const none = h("p", { class: "none" }, "Nothing is queued.");
    const failure = h("p", { class: "failure", role: "alert",
                             id: "queue-failure" });
    const failed = (text) => put(failure, text);
    let shown = null;
    let busy = false;
    let again = false;

    async function change(method, id, body) {
        try {
            await api(method, `${path(name)}/queue/${id}`, body);
            failed("");
            load();

        } catch (e) {
            failed(e.message);
        }
    }

    function act(key, text, label, disabled, handler) {
        const b = button(text, handler);

        b.dataset.key = key;
        b.setAttribute("aria-label", label);
        b.disabled = disabled;

        return b;
    }

    function buttons(entries, i, title) {
        const { id } = entries[i];
        const first = i === 0 || entries[i - 1].state === "on_air";
        const after = entries[i + 2];

        return h("span", { class: "acts" },
            act(`${id} up`, "Up", `Move ${title} up`, first, () =>
                change("PATCH", id, { before: entries[i - 1].id })),
            act(`${id} down`, "Down", `Move ${title} down`,
                i === entries.length - 1, () =>
                change("PATCH", id, { before: after ? after.id : null })),
            act(`${id} remove`, "Remove", `Remove ${title}`, false, () =>
                change("DELETE", id)));
    }

    function line(entries, i) {
        const entry = entries[i];
        const title = h("bdi", { class: "title" });
        const words = [];

        titled(title, { title: entry.title || entry.url, id: entry.item,
                        index: entry.index });

        if (entry.state === "on_air") {
            words.push("on air");

        } else if (entry.kind === "return") {
            words.push(`goes on at ${clock(entry.position)}`);

        } else if (entry.kind === "go_to") {
            words.push("the list goes on from there");
        }

        if (entry.now) {
            words.push("now");
        }

        if (entry.queued_by !== null) {
            words.push(`by ${entry.queued_by}`);
        }

        const li = h("li", { "data-state": entry.state }, title, " ",
                     h("bdi", { class: "why" }, words.join(", ")));

        if (may.operate && entry.state !== "on_air") {
            li.append(buttons(entries, i, title.textContent));
        }

        return li;
    }

    async function load() {
        if (busy) {
            again = true;
            return;
        }

        busy = true;

        try {
            do {
                again = false;

                const { entries } = await api("GET", `${path(name)}/queue`);

                show(none, entries.length === 0);
                show(list, entries.length !== 0);
                redraw(list, entries.map((_, i) => line(entries, i)));
            } while (again);

        } catch (e) {
            failed(e.message);

        } finally {
            busy = false;
        }
    }

    return {
        node: h("section", null, h("h2", null, "Queue"), list, none, failure,
                may.operate ? form(name, failed) : ""),
        update(status) {
            const { item, queue: q } = status;
            const now = [q.revision, q.length, item && item.queue_id,
                         status.state].join(" ");

            if (now !== shown) {
                shown = now;
                load();
            }
        }
    };
}
