/*
 * cache.js: what is kept of items, the longest unused first, and its removal.
 */

import { api, button, bytes, clock, h, put, redraw, show, time }
    from "./dom.js";
import { may } from "./session.js";

const PAGE = 50;


export function cacheView() {
    const body = h("tbody");
    const range = h("span", { role: "status" });
    const failure = h("p", { class: "failure", role: "alert" });
    const back = button("Earlier", () => load(offset - PAGE));
    const on = button("Later", () => load(offset + PAGE));
    const columns = ["Title", "Length", "Size", "Kept", "Used", "Times"];
    let offset = 0;

    if (may.define) {
        columns.push("Remove");
    }

    const table = h("div", { class: "wide", tabindex: 0, role: "region",
                             "aria-label": "What is kept" },
        h("table", null,
          h("thead", null, h("tr", null, ...columns.map((text) =>
              h("th", { scope: "col" }, text)))), body));

    function line(entry) {
        const title = entry.title || entry.id;
        const cells = [h("td", null, h("bdi", { class: "title" }, title)),
                       h("td", { class: "number" }, clock(entry.duration)),
                       h("td", { class: "number" }, bytes(entry.size)),
                       h("td", null, time(entry.kept)),
                       h("td", null, time(entry.used)),
                       h("td", { class: "number" }, String(entry.uses))];

        if (may.define) {
            const drop = button("Remove", async () => {
                try {
                    await api("DELETE", `cache/${entry.key}`);
                    load(offset);

                } catch (e) {
                    put(failure, e.message);
                }
            });

            drop.setAttribute("aria-label", `Remove ${title}`);
            cells.push(h("td", { class: "acts" }, drop));
        }

        return h("tr", null, ...cells);
    }

    async function load(from) {
        offset = Math.max(0, from);

        try {
            const list = await api("GET", `cache?offset=${offset}`
                                          + `&limit=${PAGE}`);
            const end = offset + list.entries.length;

            redraw(body, list.entries.map(line));
            put(range, list.count === 0 ? "Nothing is kept."
                : `${offset + 1} to ${end} of ${list.count}, `
                  + `${bytes(list.size)} of ${bytes(list.max_size)}`);
            show(table, list.count !== 0);
            back.disabled = offset === 0;
            on.disabled = end >= list.count;
            put(failure, "");

        } catch (e) {
            put(failure, e.message);
        }
    }

    load(0);

    return {
        title: "Cache",
        node: h("div", null,
                h("p", null, h("a", { href: "#/" }, "All streams")),
                h("div", { class: "head" }, h("h1", { tabindex: -1 },
                                              "Cache")),
                table, h("div", { class: "pager" }, back, range, on),
                failure),
        close() {},
        update() {}
    };
}
