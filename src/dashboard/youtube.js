/*
 * youtube.js: the broadcast that shows a stream's push: its health, where it is
 * watched, when it rolls over, and what may be done about it, which is told
 * before it is done.
 */

import { api, button, facts, h, path, put, show, time, tried }
    from "./dom.js";
import { confirmDialog } from "./form.js";
import { apply } from "./live.js";
import { may } from "./session.js";

const states = {
    unknown: "not looked at yet", waiting_ingest: "nothing arrives",
    healthy: "live", dark: "dark: no broadcast is live",
    reviving: "one is being taken live", rolling_over: "being replaced",
    error: "not known"
};


const known = (y) => [
    ["Broadcast", y.broadcast === null ? null
                  : h("a", { href: y.url, rel: "noopener noreferrer",
                             target: "_blank" },
                      h("bdi", null, y.title || y.broadcast))],
    ["Live since", y.started_at && time(y.started_at)],
    ["Rolls over", y.rollover_at && `at ${time(y.rollover_at)}`],
    ["Health", y.health && y.health + (y.stream_status === "active" ? ""
                                       : `, ${y.stream_status}`)],
    ["Issue", y.issue && y.issue + (y.issues > 1 ? `, and ${y.issues - 1} more`
                                                 : "")],
    ["Problem", y.error && y.error.message],
    ["Looked at", y.checked_at && time(y.checked_at)],
    ["Quota used", y.quota_used === 0 ? null : `${y.quota_used} units today`]
];


export function youtube(name) {
    const failure = h("p", { class: "failure", role: "alert" });
    const chip = h("p", { role: "status" });
    const list = facts([], "details");
    let shown = "";

    const act = (action, data) =>
        api("POST", `${path(name)}/youtube/${action}`, data);

    const check = () => tried(failure, async () =>
        apply(await act("check")));

    const ask = (action, label) => tried(failure, async () => {
        const { would } = await act(action, { dry_run: true });

        confirmDialog(`${label} ${name}?`, `What would be done: ${would}.`,
                      label, async () => apply(await act(action)));
    });

    const buttons = h("div", { class: "buttons", role: "group",
                               "aria-label": "YouTube" },
        button("Check", check),
        button("Revive…", () => ask("revive", "Revive")),
        button("Roll over…", () => ask("rollover", "Roll over")));

    const node = h("section", { class: "youtube" }, h("h2", null, "YouTube"),
                   chip, list, may.operate ? buttons : "", failure);

    return {
        node,
        update({ youtube: y }) {
            const now = JSON.stringify(y);

            show(node, y !== null);

            if (y === null || now === shown) {
                return;
            }

            shown = now;
            put(chip, states[y.state] || y.state);
            chip.classList.toggle("failure", ["dark", "error"]
                                             .includes(y.state));
            list.replaceChildren(...facts(known(y).filter(
                ([, value]) => value)).children);
        }
    };
}
