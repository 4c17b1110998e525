/*
 * stream.js: one stream: its controls, the picture on air, the figures of
 * the last minutes, the playlist, what happened, how it is defined.
 */

import { ahead } from "./ahead.js";
import { chart } from "./chart.js";
import { api, bitrate, button, bytes, clock, facts, h, path, put, redraw,
         seconds, show, time, titled, tried } from "./dom.js";
import { confirmDialog, onAirNow, streamForm } from "./form.js";
import { apply, link, log, remove, samples, streams } from "./live.js";
import { outputs } from "./outputs.js";
import { figures, lastError, nodeOf, onAir, stateChip } from "./parts.js";
import { plan } from "./plan.js";
import { enqueue, queue } from "./queue.js";
import { ask, may } from "./session.js";
import { youtube } from "./youtube.js";

const PICTURE = 4000;
const NO_PICTURE = 15000;       /* not asked for so often, then */
const PAGE = 25;
const EVENTS = 50;


function section(title, ...children) {
    return h("section", null, h("h2", null, title), ...children);
}


/* the picture on air, while somebody can see it */

function picture(name) {
    const frame = h("div", { class: "picture" });
    let live = false;
    let timer = 0;

    function none() {
        frame.replaceChildren(h("p", null, live ? "No picture to be had"
                                                : "Nothing on air"));
    }

    function next(ms) {
        clearTimeout(timer);
        timer = live ? setTimeout(load, ms) : 0;
    }

    /* an image sends no token */

    async function load() {
        if (document.hidden) {
            next(PICTURE);
            return;
        }

        const image = new Image();
        let url = "";

        try {
            const answer = await ask(`api/1/${path(name)}/snapshot.jpg`,
                                     { cache: "no-store" });

            if (!answer.ok) {
                throw new Error(`status ${answer.status}`);
            }

            url = URL.createObjectURL(await answer.blob());
            image.src = url;
            await image.decode();

            if (live) {
                image.alt = `On air at ${new Date().toLocaleTimeString()}`;
                frame.replaceChildren(image);
                next(PICTURE);
            }

        } catch (e) {
            none();
            next(NO_PICTURE);

        } finally {
            URL.revokeObjectURL(url);
        }
    }

    none();

    return {
        node: frame,
        update(status) {
            const on = (status.state === "live" || status.slate_on_air)
                       && status.output.connected && !status.stale;

            if (on !== live) {
                live = on;
                none();
                next(0);
            }
        },
        close() {
            live = false;
            clearTimeout(timer);
        }
    };
}


/* buttons; what the server refuses is said beside them */

function controls(name) {
    const failure = h("p", { class: "failure", role: "alert" });

    const act = (action, body) => tried(failure, async () =>
        apply(await api("POST", `${path(name)}/${action}`, body)));

    const runs = (s) => s.running && !["finished", "failed"]
                                      .includes(s.status.state);

    /* what viewers would see is asked about, and said */

    function sure(action, text, yes) {
        const now = onAirNow(streams.get(name));

        if (now === "") {
            return act(action);
        }

        return confirmDialog(`${text} ${name}?`, now, yes,
                             () => act(action));
    }

    const toggle = button("Start", () => {
        if (runs(streams.get(name))) {
            sure("stop", "Stop", "Take it off the air");

        } else {
            act("start");
        }
    }, "first");
    const previous = button("Previous", () => act("previous"));
    const skip = button("Skip", () => act("skip"));
    const refresh = button("Refresh", () => act("refresh"));
    const restart = button("Restart", () =>
        sure("restart", "Restart", "Break it for a moment"));
    const prefetch = button("Prefetch", () =>
        act("prefetch", { on: !streams.get(name).status.prefetch.active }));
    const change = button("Change…", () => streamForm(streams.get(name)));
    const drop = button("Delete…", () => confirmDialog(`Delete ${name}?`,
        `${onAirNow(streams.get(name))} Its definition is removed. This cannot `
        + "be undone.", "Delete", async () => {
            await api("DELETE", path(name));
            location.hash = "#/";
            remove(name);
        }), "danger");
    const fixed = h("p", { class: "none" }, "Defined in the configuration "
                    + "file: it is changed and removed there.");

    return {
        node: h("div", null,
                h("div", { class: "buttons", role: "group",
                           "aria-label": "Controls" },
                  toggle, previous, skip, refresh, restart, prefetch,
                  ...(may.define ? [change, drop] : [])),
                fixed, failure),
        update(stream) {
            const on = runs(stream);

            put(toggle, on ? "Stop" : "Start");
            put(prefetch, stream.status.prefetch.active ? "Prefetch no more"
                                                        : "Prefetch");
            previous.disabled = skip.disabled = refresh.disabled = !on;
            prefetch.disabled = !on;
            show(change, !stream.static);
            show(drop, !stream.static);
            show(fixed, stream.static);
        }
    };
}


/* one page of the playlist, read anew when something in it has changed */

function playlist(name) {
    const body = h("tbody");
    const range = h("span", { role: "status" });
    const failure = h("p", { class: "failure", role: "alert" });
    const back = button("Earlier", () => load(offset - PAGE));
    const on = button("Later", () => load(offset + PAGE));
    let offset = null;
    let state = "";
    let busy = false;
    let again = false;

    function line(item) {
        const title = h("bdi", { class: "title" });
        const what = h("td", null, title);

        titled(title, item);

        if (item.reason !== null) {
            what.append(h("bdi", { class: "why" }, item.reason), " ");
        }

        if (item.code !== null) {
            what.append(h("code", null, item.code));
        }

        if (item.preflight.verdict !== null && item.state === "pending") {
            what.append(" ", h("span", {
                class: "verdict", "data-verdict": item.preflight.verdict,
                title: item.preflight.code || "",
            }, item.preflight.verdict));
        }

        return h("tr", { "data-item": item.state },
                 h("td", { class: "number" }, String(item.index + 1)), what,
                 h("td", { class: "number" }, clock(item.duration)),
                 h("td", null, item.state),
                 may.operate ? h("td", { class: "acts" },
                     act(item, "now", `Play ${title.textContent} now`),
                     act(item, "next", `Play ${title.textContent} next`),
                     act(item, "go to", `Go to ${title.textContent}`)) : "");
    }

    function act(item, action, label) {
        const b = button(action[0].toUpperCase() + action.slice(1),
                         async () => {
            try {
                await enqueue(name, item, action);
                put(failure, "");

            } catch (e) {
                put(failure, e.message);
            }
        });

        b.dataset.key = `${item.index} ${action}`;
        b.setAttribute("aria-label", label);

        return b;
    }

    function draw(list) {
        /* an item that had no room is left out, and the next page's come */
        const end = offset + PAGE;
        const items = list.items.filter((item) => item.index < end);

        redraw(body, items.map(line));
        put(range, list.total === 0 ? "No items are known yet."
            : `Items ${offset + 1} to ${Math.min(end, list.total)} of `
              + list.total);
        back.disabled = offset === 0;
        on.disabled = end >= list.total;
    }

    async function load(from) {
        offset = Math.max(0, from);

        if (busy) {
            again = true;
            return;
        }

        busy = true;

        try {
            do {
                again = false;
                draw(await api("GET", `${path(name)}/items?offset=${offset}`
                                      + `&limit=${PAGE}`));
            } while (again);

            put(failure, "");

        } catch (e) {
            put(failure, e.message);

        } finally {
            busy = false;
        }
    }

    return {
        node: section("Playlist",
            h("div", { class: "wide", tabindex: 0, role: "region",
                       "aria-label": "Items of the playlist" },
              h("table", null,
                h("thead", null, h("tr", null,
                  ...["No.", "Title, and why not", "Length", "State",
                      ...(may.operate ? ["Play"] : [])].map(
                      (text) => h("th", { scope: "col" }, text)))),
                body)),
            h("div", { class: "pager" }, back, range, on), failure),
        update(status) {
            const { item, next, playlist: p } = status;
            const now = [status.state, item && item.index, next && next.index,
                         p.count, p.played, p.failed, p.skipped,
                         p.refreshed_at].join(" ");

            /* begins where the item on air is */
            if (now !== state) {
                state = now;
                load(offset !== null ? offset
                     : item === null ? 0 : item.index - item.index % PAGE);
            }
        }
    };
}


/* what happened, the latest first */

function happened(name) {
    const list = h("ol", { class: "events", tabindex: 0,
                             "aria-label": "Latest first" });
    const none = h("p", { class: "none" }, "Nothing is on record.");
    let last = null;

    function line(entry) {
        const li = h("li", null,
                     h("time", { datetime: entry.at }, time(entry.at)), " ");

        if (entry.item) {
            const title = h("bdi", { class: "title" });

            titled(title, entry.item);
            li.append(title, " ");
        }

        li.append(h("bdi", { class: entry.type }, entry.message));

        if (entry.code) {
            li.append(" ", h("code", null, entry.code));
        }

        return li;
    }

    return {
        node: section("Events", list, none),
        update() {
            const own = log.filter((entry) => entry.stream === name)
                           .slice(-EVENTS);
            const newest = own[own.length - 1] || null;

            show(none, newest === null);
            show(list, newest !== null);

            if (newest !== last) {
                last = newest;
                list.replaceChildren(...own.reverse().map(line));
            }
        }
    };
}


/* a list of facts that appear as they are known */

function details(title, make) {
    const list = facts([], "details");
    let shown = "";

    return {
        node: section(title, list),
        update(stream) {
            const now = make(stream).filter(([, value]) =>
                value !== undefined && value !== null);

            if (JSON.stringify(now) !== shown) {
                shown = JSON.stringify(now);
                list.replaceChildren(...facts(now.map(([term, value]) =>
                    [term, h("bdi", null, String(value))])).children);
            }
        }
    };
}


const definition = (stream) => [
    ["Playlist", stream.playlist],
    ["Mode", stream.mode],
    ["Video", stream.video],
    ["Video size", stream.video_size],
    ["Video rate", `${stream.video_rate} frames/s`],
    ["Video bitrate", bitrate(stream.video_bitrate / 1000)],
    ["Audio", `${stream.audio_rate} Hz, `
              + bitrate(stream.audio_bitrate / 1000)],
    ["Slate", stream.slate || "a picture of the name"],
    ["Shuffle", stream.shuffle ? "on" : "off"],
    ["Loop", stream.loop ? "on" : "off"],
    ["Playlist is read", stream.playlist_refresh === 0 ? "by request"
                         : `every ${clock(stream.playlist_refresh)}`],
    ["Publishes to", stream.publish === "none" ? "nowhere" : stream.publish],
    ["YouTube", stream.youtube === "off" ? null : stream.youtube]
];


const listed = (p) => p.refreshing ? "being read again"
    : p.refreshed_at === null ? "not read yet"
    : `read at ${time(p.refreshed_at)}, `
      + (["added", "removed", "moved", "changed"]
             .filter((what) => p[what] !== 0)
             .map((what) => `${p[what]} ${what}`).join(", ")
         || "nothing has changed");


const run = ({ status }) => [
    ["Since", status.since && `${status.state} since ${time(status.since)}`],
    ["Items", `${status.playlist.count}`
              + (status.playlist.truncated ? ", and no more are taken"
                 : status.playlist.complete ? "" : ", and more to come")],
    ["Playlist", listed(status.playlist)],
    ["Playlist kept", status.playlist.pending
                      && `${status.playlist.pending.message} `
                         + `since ${time(status.playlist.pending.at)}`],
    ["Items played", status.playlist.played],
    ["Items failed", status.playlist.failed],
    ["Items skipped", status.playlist.skipped],
    ["From the queue", status.queue.started + status.queue.failed === 0
                       ? null : `${status.queue.started} on air, `
                                + `${status.queue.failed} failed`],
    ["From cache", status.cache.hits + status.cache.misses === 0 ? null
                   : `${status.cache.hits} items, ${status.cache.misses} not`],
    ["Prefetch", !status.prefetch.active ? null
                 : `${status.prefetch.done} of ${status.prefetch.total}`],
    ["Output", `${bytes(status.output.bytes)} sent, `
               + `${status.output.reconnects} reconnects`],
    ["Relay worker", status.owner_pid]
];


export function streamView(name) {
    const chip = stateChip(), air = onAir(), error = lastError();
    const owner = nodeOf();
    const coming = ahead(name);
    const day = plan(name);
    const parts = [picture(name), happened(name), queue(name),
                   playlist(name)];
    const [still, events, queued, items] = parts;
    const buttons = may.operate ? controls(name) : null;
    const numbers = figures();
    const pushes = outputs(name);
    const tube = youtube(name);
    const known = [details("Now", run), details("Definition", definition)];
    const kbit = chart("Bitrate", (s) => s.kbit, bitrate);
    const buffer = chart("Buffer", (s) => s.buffer, seconds);
    const none = h("p", { class: "none" });

    const body = h("div", null,
        error.node,
        buttons === null ? "" : buttons.node,
        h("div", { class: "columns" },
          section("On air", still.node, air.node),
          section("Last minutes", numbers.node, kbit.node, buffer.node)),
        h("div", { class: "columns" }, known[0].node, known[1].node),
        pushes.node,
        tube.node,
        events.node,
        coming.node,
        day.node,
        queued.node,
        items.node);

    return {
        title: name,
        node: h("div", null,
                h("p", null, h("a", { href: "#/" }, "All streams")),
                h("div", { class: "head" },
                  h("h1", { tabindex: -1 }, name), chip.node, owner.node),
                none, body),
        close: still.close,
        update() {
            const stream = streams.get(name);

            show(body, stream !== undefined);
            show(chip.node, stream !== undefined);
            show(owner.node, stream !== undefined);
            show(none, stream === undefined);
            put(none, link.ready ? `There is no stream "${name}".` : "…");

            if (stream === undefined) {
                return;
            }

            [chip, owner, air, error, still, tube, queued,
             items].forEach((part) => part.update(stream.status));
            [numbers, pushes, coming, day, ...known].forEach((part) =>
                part.update(stream));

            if (buttons !== null) {
                buttons.update(stream);
            }

            events.update();
            kbit.update(samples.get(name));
            buffer.update(samples.get(name));
        }
    };
}
