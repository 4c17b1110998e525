/*
 * outputs.js: where a stream is pushed to: what has become of each output, and
 * the buttons that stop, start and restart it without the others.
 */

import { api, button, bytes, facts, h, path, put, show, time, tried }
    from "./dom.js";
import { airing, confirmDialog } from "./form.js";
import { apply, streams } from "./live.js";
import { may } from "./session.js";


const known = (o) => [
    ["To", `${o.url}, by ${o.via === "engine" ? "the engine"
                                              : "nginx-rtmp"}`],
    ...(o.via === "rtmp" ? [] : [
        ["Since", o.since && o.state !== "stopped" && time(o.since)],
        ["Sent", `${bytes(o.bytes)}, ${o.reconnects} reconnects`],
        ["Dropped", o.dropped !== 0 && `${o.dropped} packets`],
        ["Waits", o.waiting !== 0 && bytes(o.waiting)],
        ["Problem", o.error && `${o.error.message} at ${time(o.error.at)}`]
    ])
].filter(([, value]) => value)
 .map(([term, value]) => [term, h("bdi", null, value)]);


/* what viewers would miss; "": nothing */

function missed(stream, o, action) {
    const what = airing(stream);
    const others = stream.status.outputs.filter((other) =>
        other.name !== o.name && other.state === "up");

    if (what === "") {
        return "";
    }

    /* a session of nginx-rtmp's has one target, and a stream one session */

    if (o.via === "rtmp") {
        return `${what} is on air. nginx-rtmp pushes this output, so that the `
               + "whole stream begins anew, and breaks for a moment.";
    }

    if (o.state !== "up" || action === "start") {
        return "";
    }

    return `${what} is sent to ${o.url}, which `
           + (action === "stop" ? "gets nothing more until it is started."
                                : "misses a moment of it.")
           + (others.length === 0 ? " No other output is up."
              : ` Others go on: ${others.map((e) => e.name).join(", ")}.`);
}


function line(name, output, failure) {
    const chip = h("span", { class: "chip" });
    const role = h("span");
    const list = h("div");
    let o = null;
    let shown = "";

    const act = (action) => tried(failure, async () => {
        const run = async () => apply(await api("POST",
            `${path(name)}/outputs/${encodeURIComponent(output)}/${action}`));
        const text = missed(streams.get(name), o, action);

        if (text === "") {
            await run();
            return;
        }

        confirmDialog(`${action[0].toUpperCase() + action.slice(1)} output `
                      + `${output} of ${name}?`, text,
                      action === "stop" ? "Take it off the air"
                                        : "Break it for a moment", run);
    });

    const stopped = () => streams.get(name).outputs.some((other) =>
        other.name === output && other.stopped);
    const toggle = button("Stop", () => act(stopped() ? "start" : "stop"));
    const restart = button("Restart", () => act("restart"));

    restart.setAttribute("aria-label", `Restart output ${output}`);

    return {
        node: h("li", null,
                h("div", { class: "head" }, h("h3", null, output), chip, role),
                list,
                may.operate ? h("div", { class: "buttons", role: "group",
                                         "aria-label": `Output ${output}` },
                                toggle, restart) : ""),
        update(status) {
            const now = JSON.stringify(status);

            put(toggle, stopped() ? "Start" : "Stop");
            toggle.setAttribute("aria-label",
                                `${toggle.textContent} output ${output}`);
            restart.disabled = status.state === "stopped";

            if (now === shown) {
                return;
            }

            shown = now;
            o = status;
            put(chip, o.state);
            chip.dataset.state = o.state;
            put(role, o.role);
            list.replaceChildren(facts(known(o), "details"));
        }
    };
}


export function outputs(name) {
    const failure = h("p", { class: "failure", role: "alert" });
    const list = h("ul", { class: "outputs" });
    const node = h("section", null, h("h2", null, "Outputs"), list, failure);
    let lines = new Map();

    return {
        node,
        update({ status }) {
            const all = status.outputs;

            show(node, all.length !== 0);

            /* a line stays, and the focus in it, while its output does */

            if (all.map((o) => o.name).join(" ")
                !== [...lines.keys()].join(" "))
            {
                lines = new Map(all.map((o) => [o.name, lines.get(o.name)
                                                || line(name, o.name,
                                                        failure)]));
                list.replaceChildren(...[...lines.values()].map((l) =>
                    l.node));
            }

            all.forEach((o) => lines.get(o.name).update(o));
        }
    };
}
