/*
 * plan.js: the schedule: a day of what would air as a time line, the conflicts
 * in words, and the slots as JSON, to be checked and saved by who may.
 */

import { api, button, clock, h, path, put, redraw, show, time }
    from "./dom.js";
import { may } from "./session.js";

const DAY = 86400000;
const AHEAD = 7;                /* days, as far as a plan goes whole */
const LOOK = 30000;             /* it is made anew, ms */
const MOST = 1000;              /* entries of a page of the plan */

const starts = ["soft", "hard", "next"];

const said = {
    late: (c) => `begins ${clock(c.seconds)} late`,
    missed: (c) => "does not begin"
                   + (c.by === null ? " before its end" : ` before ${c.by}`),
    overlap: (c) => `${c.by} begins at the same time instead`,
    cut: (c) => `is cut by ${c.by}`
                + (c.seconds === 0 ? "" : `, ${clock(c.seconds)} too early`),
    filler: (c) => `${clock(c.seconds)} before it are filled`,
    empty: () => "has nothing that can be played",
    never: () => "is in the past"
};


function midnight(days) {
    const day = new Date();

    day.setHours(0, 0, 0, 0);
    day.setDate(day.getDate() + days);

    return day;
}


/* entries of the same kind that follow one another are one block */

function blocks(entries) {
    const all = [];

    for (const e of entries) {
        const last = all[all.length - 1];
        const same = last !== undefined && last.slot === e.slot
                     && (last.slot !== null || last.why === e.why)
                     && e.late === null;

        if (same) {
            last.end = e.end;
            last.items.push(e);

        } else {
            all.push({ start: e.start, end: e.end, slot: e.slot, why: e.why,
                       late: e.late, items: [e] });
        }
    }

    return all;
}


function titles(items) {
    const names = items.filter((e) => e.item !== null)
                       .map((e) => `“${e.item.title || e.item.id || "?"}”`);

    return names.slice(0, 3).join(", ")
           + (names.length > 3 ? ` and ${names.length - 3} more` : "");
}


function line(block) {
    const hours = (at) => new Date(at).toLocaleTimeString();
    const notes = [];

    if (block.late !== null && block.late >= 1) {
        notes.push(`${clock(block.late)} late`);
    }

    if (block.items.some((e) => e.cut)) {
        notes.push("cut");
    }

    if (block.items.some((e) => e.estimated)) {
        notes.push("about");
    }

    return h("li", { "data-why": block.why },
             h("span", { class: "number" },
               `${hours(block.start)} – ${hours(block.end)}`), " ",
             h("span", { class: "badge" }, block.slot || block.why), " ",
             h("bdi", { class: "title" }, titles(block.items)), " ",
             h("span", { class: "why" }, notes.join(", ")));
}


/* the same as a picture: nothing that the list does not say */

function strip(all, from, until) {
    const share = (ms) => `${100 * ms / (until - from)}%`;

    return all.map((block) => {
        const start = Math.max(new Date(block.start), from);
        const end = Math.min(new Date(block.end), until);
        const node = h("span", { "data-why": block.why });

        node.style.insetInlineStart = share(start - from);
        node.style.inlineSize = share(end - start);

        return node;
    });
}


function words(conflict) {
    return h("li", null, h("strong", null, conflict.slot),
             conflict.start === null ? "" : ` (${time(conflict.start)})`,
             ` ${said[conflict.kind](conflict)}.`);
}


/* a slot is added by its fields; all else there is in the text */

function editor(name, drawn, saved) {
    const field = (id, label, input) =>
        h("div", { class: "field" }, h("label", { for: id }, label), input);
    const input = (id, placeholder) =>
        h("input", { id, type: "text", autocomplete: "off", placeholder,
                     autocapitalize: "none", spellcheck: "false" });
    const at = input("slot-at", "mon-fri 20:00");
    const playlist = input("slot-playlist", "");
    const until = input("slot-until", "20:30");
    const start = h("select", { id: "slot-start" },
                    ...starts.map((value) => h("option", { value }, value)));
    const text = h("textarea", { id: "slots", rows: 8, spellcheck: "false",
                                 "aria-describedby": "slots-failure" });
    const failure = h("p", { class: "failure", role: "alert",
                             id: "slots-failure" });
    const done = h("p", { role: "status" });
    const tag = {};

    function put_text(schedule) {
        text.value = JSON.stringify(schedule, null, 2);
    }

    async function act(run) {
        put(failure, "");
        put(done, "");
        text.removeAttribute("aria-invalid");

        try {
            await run();

        } catch (e) {
            put(failure, e instanceof SyntaxError
                ? `This is no JSON: ${e.message}`
                : (e.field ? `${e.field}: ` : "") + e.message
                  + (e.status === 412 ? " Discard shows how it is now." : ""));
            text.setAttribute("aria-invalid", "true");
            text.focus();
        }
    }

    const load = async () => put_text(
        await api("GET", `${path(name)}/schedule`, null, tag));

    const add = button("Add the slot", () => act(() => {
        const schedule = text.value.trim() === "" ? {} : JSON.parse(text.value);
        const slot = { at: at.value.trim(), playlist: playlist.value.trim(),
                       start: start.value };

        if (until.value.trim() !== "") {
            slot.until = until.value.trim();
        }

        put_text({ ...schedule, slots: [...(schedule.slots || []), slot] });
        put(done, "Added below; it is not saved yet.");
    }));

    const check = button("Check", () => act(async () => {
        drawn(await api("POST", `${path(name)}/plan/check?limit=${MOST}`,
                        JSON.parse(text.value)), true);
        put(done, "Above is what would air; it is not saved yet.");
    }));

    const save = button("Save", () => act(async () => {
        put_text(await api("PUT", `${path(name)}/schedule`,
                           JSON.parse(text.value), tag));
        put(done, "Saved.");
        saved();
    }));

    const discard = button("Discard", () => act(async () => {
        await load();
        saved();
    }));

    const node = h("details", { class: "slots" }, h("summary", null, "Change…"),
        h("fieldset", null, h("legend", null, "A slot"),
          field("slot-at", "At", at), field("slot-playlist", "Playlist",
                                            playlist),
          field("slot-start", "Start", start),
          field("slot-until", "Until", until), add),
        field("slots", "The schedule, as JSON", text),
        h("div", { class: "buttons" }, check, save, discard), failure, done);

    node.addEventListener("toggle", () => {
        if (node.open && text.value === "") {
            act(load);
        }
    });

    return node;
}


export function plan(name) {
    const list = h("ol", { class: "timeline", "aria-label": "In order" });
    const bar = h("div", { class: "strip", "aria-hidden": "true" });
    const wrong = h("ul", { class: "conflicts", "aria-label": "Conflicts" });
    const label = h("span", { role: "status" });
    const note = h("p", { class: "none" });
    const failure = h("p", { class: "failure", role: "alert" });
    const before = button("Previous day", () => turn(-1));
    const after = button("Next day", () => turn(1));
    const look = button("What would air", () => load());
    const fixed = h("p", { class: "why" }, "It is defined in the configuration "
                    + "file, and changed there.");
    const form = !may.operate ? "" : editor(name, draw, () => {
        unsaved = false;
        load();
    });
    let day = 0;
    let shown = "";
    let unsaved = false;
    let busy = false;
    let again = false;

    const span = () => [Math.max(midnight(day).getTime(), Date.now()),
                        midnight(day + 1).getTime()];

    function turn(by) {
        day += by;
        unsaved = false;
        load();
    }

    function draw(p, check) {
        const from = check ? Date.now() : midnight(day).getTime();
        const all = blocks(p.entries);
        const more = p.total - p.offset - p.entries.length;

        unsaved = check;
        redraw(list, all.map(line));
        bar.replaceChildren(...strip(all, from,
                                     check ? from + DAY : span()[1]));
        wrong.replaceChildren(...p.conflicts.map(words));
        show(wrong, p.conflicts.length !== 0);
        put(note, all.length === 0 ? "Nothing would air."
            : more > 0 ? `${more} more items are not shown.`
            : p.truncated ? "What is later is not planned." : "");
        show(note, note.textContent !== "");
    }

    async function load() {
        before.disabled = day <= 0;
        after.disabled = day >= AHEAD;
        put(label, day === 0 ? "Today" : midnight(day).toLocaleDateString());

        if (busy) {
            again = true;
            return;
        }

        busy = true;

        try {
            do {
                again = false;

                const [from, until] = span().map((at) =>
                    new Date(at).toISOString());
                const p = await api("GET", `${path(name)}/plan?from=${from}`
                                           + `&until=${until}&limit=${MOST}`);

                if (!again) {
                    draw(p, false);
                }
            } while (again);

            put(failure, "");

        } catch (e) {
            put(failure, e.message);

        } finally {
            busy = false;
        }
    }

    return {
        node: h("section", { class: "plan" }, h("h2", null, "Schedule"),
                h("div", { class: "pager" }, before, label, after, look),
                bar, list, note, wrong, failure, fixed, form),
        update(stream) {
            const { queue, playlist, schedule, state } = stream.status;
            const now = JSON.stringify([queue.revision, playlist.refreshed_at,
                schedule.slot, schedule.due, schedule.next, state,
                stream.running, Math.floor(Date.now() / LOOK)]);

            /* the lists of one that does not run are read for its plan */

            show(look, !stream.running);
            show(fixed, stream.static);

            if (form !== "") {
                show(form, !stream.static);
            }

            if (stream.running && now !== shown && !unsaved) {
                shown = now;
                load();
            }
        }
    };
}
