/*
 * chart.js: a figure of the last minutes, as a line with a sentence that
 * says the same.
 */

import { h, put } from "./dom.js";

const WIDTH = 300, HEIGHT = 64;
const SPAN = 5 * 60 * 1000;


function svg(tag, attributes) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);

    for (const [key, value] of Object.entries(attributes)) {
        node.setAttribute(key, value);
    }

    return node;
}


/* 1, 2 or 5 times a power of ten, not below "value" */

function ceiling(value) {
    const power = 10 ** Math.floor(Math.log10(value));

    return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= value);
}


/* lines, apart where nothing is known */

function outline(points) {
    let d = "";
    let pen = "M";

    for (const [x, y] of points) {
        if (y === null) {
            pen = "M";
            continue;
        }

        d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
        pen = "L";
    }

    return d;
}


/* "pick" takes the figure from a sample, "words" makes text of it */

export function chart(label, pick, words) {
    const line = svg("path", { class: "line" });
    const grid = svg("path", {
        class: "grid", d: `M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}`
                          + `M0 ${HEIGHT - .5}H${WIDTH}`
    });
    const drawing = svg("svg", {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
        role: "img"
    });
    const top = h("span", { class: "top" }), now = h("span");

    drawing.append(grid, line);

    return {
        node: h("figure", null,
                h("figcaption", null, h("span", null, label), now),
                h("div", { class: "plot" }, drawing, top,
                  h("span", { class: "ago" }, "5 min ago"),
                  h("span", { class: "now" }, "now"))),

        update(samples) {
            const end = performance.now();
            const known = samples.map(pick).filter((v) => v !== null);
            const most = known.length === 0 ? 0 : Math.max(...known);
            const max = ceiling(most || 1);
            const last = known[known.length - 1];

            line.setAttribute("d", outline(samples.map((sample) => {
                const value = pick(sample);

                return [(1 - (end - sample.at) / SPAN) * WIDTH,
                        value === null ? null : (1 - value / max) * HEIGHT];
            })));

            put(top, words(max));
            put(now, known.length === 0 ? "" : words(last));
            drawing.setAttribute("aria-label", known.length === 0
                ? `${label}: nothing known yet`
                : `${label} of the last 5 minutes: now ${words(last)}, least `
                  + `${words(Math.min(...known))}, most ${words(most)}`);
        }
    };
}
