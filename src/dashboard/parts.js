/*
 * parts.js: what the list and the view of one stream both show: elements
 * that are made once, and updated from a stream or its status.
 */

import { bitrate, bytes, clock, facts, h, put, seconds, show, time, titled }
    from "./dom.js";
import { rate } from "./live.js";


/* a word and a colour */

export function stateChip() {
    const node = h("span", { class: "chip" });

    return {
        node,
        update(status) {
            put(node, status.state
                      + (status.stale ? ", as last known" : "")
                      + (status.outdated ? ", outdated" : ""));
            node.dataset.state = status.state;
        }
    };
}


/* of a cluster: who has it */

export function nodeOf() {
    const node = h("span", { class: "node" });

    return {
        node,
        update({ node: owner, epoch }) {
            show(node, owner !== null);
            put(node, owner === null ? ""
                                     : `on node ${owner}, epoch ${epoch}`);
        }
    };
}


/* the item on air, how and why so, how far it is, and what comes next */

export function onAir() {
    const title = h("bdi", { class: "title" });
    const bar = h("progress", { "aria-label": "Position in the item" });
    const position = h("span", { class: "position" });
    const kept = () => h("span", { class: "badge" }, "from cache");
    const itemKept = kept(), nextKept = kept();
    const asked = h("p", { class: "how" });
    const how = h("p", { class: "how" });
    const next = h("bdi", { class: "title" });
    const ready = h("span", { class: "ready" });
    const nextLine = h("p", { class: "next" }, h("span", null, "Next: "),
                       next, ready, nextKept);
    const none = h("p", { class: "none" }, "No item on air");
    const slate = h("p", { class: "slate" }, "The slate is on air");
    const item = h("div", { class: "item" }, title,
                   itemKept,
                   h("div", { class: "far" }, bar, position), how,
                   asked);

    return {
        node: h("div", { class: "air" }, item, none, slate, nextLine),
        update(status) {
            show(item, status.item !== null);
            show(none, status.item === null);
            put(none, status.item === null && status.state === "held"
                      && status.node !== null
                      ? "What is on air is shown there"
                      : "No item on air");
            show(slate, Boolean(status.slate_on_air));
            show(nextLine, status.next !== null);

            if (status.item !== null) {
                const { duration, position: at } = status.item;

                titled(title, status.item);
                show(itemKept, status.item.from_cache);
                put(how, status.item.reason);
                show(asked, status.item.queue_id !== null);
                put(asked, `queued by ${status.item.queued_by}`);
                show(bar, duration !== null && duration > 0);
                bar.max = duration || 1;
                bar.value = Math.min(at || 0, duration || 1);
                put(position, clock(at) + (duration === null
                                         ? "" : ` of ${clock(duration)}`));
            }

            if (status.next !== null) {
                titled(next, status.next);
                show(nextKept, status.next.from_cache);
                put(ready, status.next.ready ? "ready" : "not ready yet");
                ready.classList.toggle("yes", status.next.ready);
            }
        }
    };
}


/* items that are being fetched whole, a line each */

export function fetches() {
    const list = h("ul", { class: "fetches" });

    function line({ index, bytes: got, total, speed, eta }) {
        const bar = h("progress", { "aria-label": "How much is there",
                                    max: total || 1 });

        if (total !== null) {
            bar.value = Math.min(got, total);
        }

        return h("li", null, index === null ? "Fetching what is queued "
                                            : `Fetching item ${index + 1} `,
                 bar, " ",
                 h("span", { class: "number" }, bytes(got)
                   + (total === null ? "" : ` of ${bytes(total)}`)
                   + `, ${bytes(speed)}/s`
                   + (eta === null ? "" : `, ${clock(eta)} left`)));
    }

    return {
        node: list,
        update(status) {
            show(list, status.fetching.length !== 0);
            list.replaceChildren(...status.fetching.map(line));
        }
    };
}


/* the last error, in words; of a stream that is live again it is history */

export function lastError() {
    const message = h("bdi");
    const code = h("code");
    const at = h("span");
    const node = h("p", { class: "error" }, h("span", null, "Last error: "),
                   message, " ", code, " ", at);

    return {
        node,
        update(status) {
            show(node, status.error !== null);
            node.classList.toggle("past", status.state === "live");

            if (status.error !== null) {
                put(message, status.error.message);
                put(code, status.error.code);
                put(at, status.error.at === null
                        ? "" : `at ${time(status.error.at)}`);
            }
        }
    };
}


/* figures: [the list, its update] */

export function figures() {
    const buffer = h("span"), kbit = h("span");
    const output = h("span"), dead = h("span");

    return {
        node: facts([["Bitrate", kbit], ["Buffer", buffer],
                     ["Output", output], ["Dead air", dead]]),
        update(stream) {
            const status = stream.status;
            const on = status.output.connected;
            const down = status.outputs.filter(
                (o) => ["down", "connecting"].includes(o.state));

            put(kbit, bitrate(on ? rate(stream.name) : null));
            put(buffer, seconds(status.buffer_ms));
            put(output, !on ? "not connected"
                        : down.length === 0 ? "connected"
                        : `connected, not to ${down.map((o) => o.name)
                                                   .join(", ")}`);
            output.classList.toggle("bad", stream.running
                                           && !(on && down.length === 0));
            put(dead, seconds(status.dead_air_ms));
        }
    };
}
