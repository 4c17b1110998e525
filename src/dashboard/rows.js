/*
 * rows.js: the outputs behind the first one in the form of a stream: rows
 * that are added, changed and removed.  The first one is "push".
 */

import { button, h } from "./dom.js";

const MOST = 16;


function select(id, label, now, words) {
    const input = h("select", { id, "aria-label": label },
                    ...words.map(([value, text]) =>
                        h("option", { value }, text)));

    input.value = now;

    return input;
}


/*
 * The fieldset; changed(): has anybody touched it; value(first): all outputs,
 * with "first" (null: none) before them.  A URL that is shown without its key
 * goes back as it was shown, which keeps the key.
 */

export function outputRows(stream) {
    const list = h("div", { class: "rows" });
    const rows = [];
    let count = 0;
    let touched = false;

    const add = button("Add an output", () => {
        touched = true;
        append({ name: "", url: "", role: "backup", via: "engine" })
            .url.focus();
    });

    function number() {
        add.disabled = rows.length >= MOST - 1;
    }

    function append(output) {
        const id = `field-output-${++count}`;
        const text = (what, value) => {
            const input = h("input", {
                type: "text", id: `${id}-${what}`, autocomplete: "off",
                autocapitalize: "none", spellcheck: "false"
            });

            input.value = value;

            return input;
        };
        const row = {
            url: text("url", output.url), name: text("name", output.name),
            role: select(`${id}-role`, `Role of output ${count}`, output.role,
                         [["primary", "primary"], ["backup", "backup"]]),
            via: select(`${id}-via`, `Output ${count} is pushed by`,
                        output.via,
                        [["engine", "the engine"], ["rtmp", "nginx-rtmp"]])
        };
        const drop = button("Remove", () => {
            touched = true;
            rows.splice(rows.indexOf(row), 1);
            node.remove();
            number();
            add.focus();
        });
        const node = h("div", { class: "output" },
            h("label", { for: row.url.id }, "URL"), row.url,
            h("label", { for: row.name.id }, "Name"), row.name,
            row.role, row.via, drop);

        drop.setAttribute("aria-label", `Remove output ${count}`);
        node.addEventListener("input", () => {
            touched = true;
        });

        rows.push(row);
        list.append(node);
        number();

        return row;
    }

    (stream ? stream.outputs.slice(1) : []).forEach(append);
    number();

    return {
        node: h("fieldset", { id: "field-outputs", class: "field" },
                h("legend", null, "Further outputs"),
                h("p", { class: "hint" }, "The same stream to other servers; "
                  + "of a URL that ends in *** the key is kept"),
                list, add),
        changed: () => touched,
        value: (first) => [
            ...(first === null ? [] : [first]),
            ...rows.map((row) => ({
                url: row.url.value.trim(), role: row.role.value,
                via: row.via.value,
                ...(row.name.value.trim() === ""
                    ? {} : { name: row.name.value.trim() })
            }))
        ]
    };
}
