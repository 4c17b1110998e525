/*
 * dashboard.js: the page: all streams at a glance, and which view is shown:
 * #/ is the list, #/NAME one stream.  A view is { node, update(), close() }.
 */

import { api, button, h, put, show } from "./dom.js";
import { cacheView } from "./cache.js";
import { link, listen, names, start, streams } from "./live.js";
import { nodesView } from "./nodes.js";
import { figures, lastError, nodeOf, onAir, stateChip } from "./parts.js";
import { streamView } from "./stream.js";
import { confirmDialog, onAirNow, streamForm } from "./form.js";
import { allow, forget, keep, may } from "./session.js";

const RETRY = 2000;


function row(name) {
    const chip = stateChip(), air = onAir(), error = lastError();
    const numbers = figures(), owner = nodeOf();

    const node = h("li", null,
        h("div", { class: "head" },
          h("h2", null, h("a", { href: `#/${encodeURIComponent(name)}` },
                          name)),
          chip.node, owner.node),
        air.node, numbers.node, error.node);

    return {
        node,
        update(stream) {
            chip.update(stream.status);
            owner.update(stream.status);
            air.update(stream.status);
            numbers.update(stream);
            error.update(stream.status);
        }
    };
}


/* streams that a reload has left with what was set before it */

function outdated() {
    const text = h("span");
    const node = h("div", { class: "banner warn", role: "status" }, text);
    const all = () => [...streams.values()].filter((stream) =>
        stream.status.outdated);

    if (may.define && may.all) {
        node.append(" ", button("Move all…", () => {
            const air = all().filter((stream) => onAirNow(stream) !== "");

            confirmDialog(`Move ${all().length} of the streams?`,
                          air.length === 0 ? "None of them is on air."
                          : `On air: ${air.map((s) => s.name).join(", ")}.`,
                          "Break each for a moment",
                          () => api("POST", "restart"));
        }));
    }

    return {
        node,
        update() {
            const n = all().length;

            put(text, `${n} of the streams ${n === 1 ? "runs" : "run"} with `
                      + "settings of before a reload, until they are "
                      + "moved to the new relay, which breaks each for a "
                      + "moment.");
            show(node, n > 0);
        }
    };
}


/* which of hundreds are shown; it stays while another view is */

const wanted = { text: "", state: "" };

function filter(change) {
    const search = h("input", { type: "search", id: "search",
                                autocomplete: "off", spellcheck: "false" });
    const state = h("select", { id: "state" });
    const shown = h("span", { role: "status" });

    search.value = wanted.text;

    search.addEventListener("input", () => {
        wanted.text = search.value;
        change();
    });
    state.addEventListener("change", () => {
        wanted.state = state.value;
        change();
    });

    function fits(stream) {
        const { state: now, item, error, outdated: old } = stream.status;
        const text = [stream.name, stream.playlist, now, item && item.title,
                      stream.status.node, error && error.code].join(" ")
            .toLowerCase();

        return text.includes(wanted.text.trim().toLowerCase())
               && (wanted.state === "" || wanted.state === now
                   || wanted.state === "outdated" && old);
    }

    return {
        node: h("div", { class: "filter", role: "search" },
                h("label", { for: "search" }, "Search"), search,
                h("label", { for: "state" }, "State"), state, shown),
        fits,
        update(n, all) {
            const states = new Set([...streams.values()].map((stream) =>
                stream.status.state));

            if ([...streams.values()].some((stream) =>
                    stream.status.outdated)) {
                states.add("outdated");
            }

            if (wanted.state !== "") {
                states.add(wanted.state);
            }

            const choices = ["", ...[...states].sort()];

            if (choices.join() !== [...state.options].map((o) =>
                    o.value).join()) {
                state.replaceChildren(...choices.map((value) =>
                    h("option", { value }, value || "any")));
            }

            state.value = wanted.state;
            put(shown, n === all ? "" : `${n} of ${all} are shown`);
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
    const choice = filter(() => view.update());

    if (may.define) {
        head.append(button("New stream…", () => streamForm(null), "first"));
    }

    if (may.all) {
        head.append(h("a", { href: "#cache" }, "Cache"));
    }

    if (may.all && may.node !== null) {
        head.append(h("a", { href: "#nodes" }, "Nodes"));
    }

    return {
        title: "Streams",
        node: h("div", null, head, old.node, choice.node, list, empty),
        close() {},
        update() {
            const all = names();
            let n = 0;

            old.update();
            show(empty, link.ready && all.length === 0);
            show(choice.node, all.length > 1);

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
                const fits = choice.fits(streams.get(name));

                n += fits;
                show(r.node, fits);
                r.update(streams.get(name));

                if (list.children[i] !== r.node) {
                    list.insertBefore(r.node, list.children[i] || null);
                }
            });

            choice.update(n, all.length);
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

    view = location.hash === "#cache" && may.all ? cacheView()
           : location.hash === "#nodes" && may.all && may.node !== null
             ? nodesView()
           : name === "" ? listView() : streamView(name);

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


/* asks for a token until there is one that is known, or none is asked for */

function entry() {
    const input = h("input", { type: "password", id: "token", required: true,
                               autocomplete: "off", spellcheck: "false",
                               "aria-describedby": "token-error" });
    const failure = h("p", { class: "failure", id: "token-error",
                             role: "alert" });
    const form = h("form", null,
        h("h1", { tabindex: -1 }, "A token is asked for"),
        h("div", { class: "field" }, h("label", { for: "token" }, "Token"),
          input, failure,
          h("p", { class: "hint" }, "It is kept until this window is closed.")),
        h("div", { class: "buttons" },
          h("button", { type: "submit", class: "first" }, "Enter")));

    document.getElementById("main").replaceChildren(form);

    return new Promise((done) => {
        form.addEventListener("submit", async (e) => {
            e.preventDefault();
            put(failure, "");
            keep(input.value.trim());

            try {
                done(await api("GET", ""));

            } catch (problem) {
                forget();
                put(failure, problem.message);
                input.focus();
            }
        });
    });
}


/* nothing is offered before it is known what may be */

async function login() {
    const lost = document.getElementById("lost");
    let root = null;

    while (root === null) {
        try {
            root = await api("GET", "");

        } catch (e) {
            if (e.status === 401) {
                show(lost, false);
                forget();
                root = await entry();

            } else {
                put(lost, `What may be done here is not known: ${e.message} `
                          + "Trying again.");
                show(lost, true);
                await new Promise((done) => setTimeout(done, RETRY));
            }
        }
    }

    show(lost, false);
    allow(root);

    if (may.token !== null) {
        document.querySelector("header").append(
            h("p", { id: "who" }, `${may.token}, ${may.role} `,
              button("Forget the token", () => {
                  forget();
                  location.reload();
              })));
    }
}


await login();

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
