/*
 * nodes.js: the nodes of a cluster: what each has, how this one stands to
 * etcd, and who gives up or takes streams.
 */

import { api, button, facts, h, put, redraw, tried } from "./dom.js";
import { may } from "./session.js";

const PERIOD = 2000;


export function nodesView() {
    const body = h("tbody");
    const self = h("div");
    const failure = h("p", { class: "failure", role: "alert" });
    const said = h("p", { role: "status" });
    const acts = h("div", { class: "buttons", role: "group",
                            "aria-label": "Nodes" });
    const columns = ["Node", "Streams", "At most", "Weight", "State"];
    let draining = false;
    let timer = 0;
    let gone = false;

    const drain = button("Drain", () => act("node/drain", { on: !draining }));

    const act = (what, with_) => tried(failure, async () =>
        draw(await api("POST", what, with_)));

    if (may.operate) {
        acts.append(button("Balance", () => act("nodes/balance")));
    }

    if (may.define) {
        acts.append(drain);
    }

    /* a node is drained where it is; an address must be one of the web */

    function place(node) {
        return node.self || !/^https?:/.test(node.url || "")
            ? node.name
            : h("a", { href: `${node.url}#nodes`, "data-key": node.name },
                node.name);
    }

    function line(node) {
        const state = node.draining ? "drained" : "takes streams";

        return h("tr", null,
                 h("th", { scope: "row" }, place(node),
                   node.self ? " (this one)" : ""),
                 h("td", { class: "number" }, String(node.owned)),
                 h("td", { class: "number" },
                   node.max_streams ? String(node.max_streams) : "any"),
                 h("td", { class: "number" }, String(node.weight)),
                 h("td", null, state));
    }

    function draw(state) {
        draining = state.draining;
        put(drain, draining ? `Let ${state.node} take streams`
                            : `Drain ${state.node}`);
        redraw(body, state.nodes.map(line));
        self.replaceChildren(facts([
            ["This node", state.node],
            ["Joined", state.joined ? "yes" : "no"],
            ["etcd", state.quorum ? "answers" : "does not answer"],
            ["Lease left", state.lease_left === null ? "none"
                : `${state.lease_left.toFixed(1)} s`],
            ["Taken over", String(state.takeovers)],
            ["Stopped at its deadline", String(state.deadline_stops)]
        ]));
        put(said, state.failsafe
            ? "Without etcd all go on as they are: every node says that it "
              + "has none." : state.error === null || state.quorum ? ""
            : state.error.message);
    }

    async function load() {
        await tried(failure, async () => draw(await api("GET", "nodes")));

        if (!gone) {
            timer = setTimeout(load, PERIOD);
        }
    }

    load();

    return {
        title: "Nodes",
        node: h("div", null,
                h("p", null, h("a", { href: "#/" }, "All streams")),
                h("div", { class: "head" }, h("h1", { tabindex: -1 },
                                              "Nodes")),
                said, self,
                h("div", { class: "wide", tabindex: 0, role: "region",
                           "aria-label": "Nodes" },
                  h("table", null,
                    h("thead", null, h("tr", null, ...columns.map((text) =>
                        h("th", { scope: "col" }, text)))), body)),
                acts, failure),
        close() {
            gone = true;
            clearTimeout(timer);
        },
        update() {}
    };
}
