/*
 * ahead.js: what is coming: the next item and whether it is prepared, those
 * after it with what looking at them has shown, the slot that is due, and how
 * far a prefetch is.
 */

import { api, clock, h, path, put, show, time, titled } from "./dom.js";
import { fetches } from "./parts.js";

const ITEMS = 8;
const LOOK = 10000;             /* verdicts come without another status */


/* a verdict in words; null: nobody has looked as yet */

const said = {
    ok: "ok", risk: "may be late or differ", bad: "passed over"
};


/* how far a prefetch is; it is shown as long as it goes on */

function prefetched() {
    const bar = h("progress", { "aria-label": "Prefetched" });
    const far = h("span", { class: "number" });

    return {
        node: h("p", null, "Prefetch ", bar, " ", far),
        update({ active, done, failed, total }, node) {
            show(node, active);
            bar.max = total || 1;
            bar.value = done;
            put(far, `${done} of ${total}`
                     + (failed === 0 ? "" : `, ${failed} failed`));
        }
    };
}


/* what comes before the list's own order: the queue, a slot of the schedule */

function before({ queue, schedule }) {
    const words = [];

    if (queue.length !== 0) {
        words.push(queue.length === 1 ? "One queued item comes first."
                   : `${queue.length} queued items come first.`);
    }

    if (schedule.due !== null) {
        words.push(`${schedule.due} is due since ${time(schedule.due_at)}.`);
    }

    if (schedule.next !== null) {
        words.push(`${schedule.next} comes at ${time(schedule.next_at)}.`);
    }

    return words.join(" ");
}


export function ahead(name) {
    const list = h("ol", { class: "ahead", "aria-label": "In order" });
    const first = h("p"), then = h("p", { class: "why" });
    const none = h("p", { class: "none" }, "Nothing is known to come.");
    const failure = h("p", { class: "failure", role: "alert" });
    const fetching = fetches(), prefetch = prefetched();
    let drawn = "";
    let busy = false;

    function verdict({ verdict: what, code }) {
        return h("span", { class: "verdict", "data-verdict": what || "",
                           title: code || "" },
                 what === null ? "not looked at yet"
                 : said[what] + (code === null ? "" : `: ${code}`));
    }

    function line(item, next) {
        const title = h("bdi", { class: "title" });
        const li = h("li", null, title, " ",
                     h("span", { class: "number" }, clock(item.duration)),
                     " ");

        titled(title, item);

        if (item.index !== next.index) {
            li.append(verdict(item.preflight));
            return li;
        }

        li.append(h("span", { class: next.ready ? "verdict good" : "verdict" },
                    next.ready ? "prepared" : "being prepared"));

        if (next.from_cache) {
            li.append(" ", h("span", { class: "badge" }, "from cache"));
        }

        if (next.reason) {
            li.append(" ", h("bdi", { class: "why" }, next.reason));
        }

        return li;
    }

    /* of a shuffled list the next one alone is known */

    async function load(stream) {
        const { next, playlist } = stream.status;

        busy = true;

        try {
            const items = stream.shuffle ? [next]
                : (await api("GET", `${path(name)}/items?offset=${next.index}`
                                    + `&limit=${ITEMS}`)).items;
            const last = items.length === 0
                || items[items.length - 1].index + 1 >= playlist.count;

            list.replaceChildren(...items.map((item) => line(item, next)));
            put(then, stream.shuffle ? "Then others, as the shuffle has them."
                : !last ? `Then ${playlist.count - next.index - items.length} `
                          + "more."
                : stream.loop ? "Then the list from its beginning." : "");
            put(failure, "");

        } catch (e) {
            put(failure, e.message);

        } finally {
            busy = false;
        }
    }

    return {
        node: h("section", null, h("h2", null, "What is coming"), first, list,
                then, none, prefetch.node, fetching.node, failure),
        update(stream) {
            const { status } = stream;
            const { next, playlist, state } = status;
            const known = next !== null && next.index !== null;
            const now = known && JSON.stringify([next, playlist.refreshed_at,
                stream.shuffle, stream.loop, state,
                Math.floor(Date.now() / LOOK)]);

            put(first, before(status));
            show(first, first.textContent !== "");
            show(list, known);
            show(then, known);
            show(none, !known && first.textContent === "");
            prefetch.update(status.prefetch, prefetch.node);
            fetching.update(status);

            if (known && now !== drawn && !busy) {
                drawn = now;
                load(stream);
            }
        }
    };
}
