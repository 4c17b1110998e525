/*
 * form.js: the dialogs: a new stream, a change of one, its removal.  Which
 * fields there are and what they may be is read from the API's description.
 */

import { api, button, clock, h, path, put, show, titled, tried }
    from "./dom.js";
import { apply } from "./live.js";
import { outputRows } from "./rows.js";

const fields = [
    { name: "name", label: "Name", required: true, fixed: true,
      hint: "Letters, digits, dot, underscore and hyphen" },
    { name: "playlist", label: "Playlist", required: true,
      hint: "A URL, or the id of a YouTube playlist" },
    { name: "mode", label: "Mode",
      hint: "Relayed, fetched before it plays, or relayed and kept" },
    { name: "video", label: "Video",
      hint: "Copied as it is, encoded, or encoded where it must be" },
    { name: "video_size", label: "Video size",
      hint: "Such as 1280x720; of what is encoded" },
    { name: "video_rate", label: "Video rate",
      hint: "Frames a second; of what is encoded" },
    { name: "video_bitrate", label: "Video bitrate",
      hint: "bit/s; of what is encoded" },
    { name: "audio_rate", label: "Audio rate",
      hint: "Samples a second; of what is encoded" },
    { name: "audio_bitrate", label: "Audio bitrate",
      hint: "bit/s; of what is encoded" },
    { name: "max_keyframe_interval", label: "Longest key frame interval",
      hint: "Seconds; 0: off. What has them further apart is encoded" },
    { name: "max_item_duration", label: "Longest item",
      hint: "Seconds that an item is on air at the most; 0: off" },
    { name: "playlist_refresh", label: "Playlist is read every",
      hint: "Seconds; 0: by request" },
    { name: "playlist_refresh_jitter", label: "Give or take",
      hint: "Per cent of that" },
    { name: "source_proxy", label: "Proxy for sources",
      hint: "http:// or socks5h://host:port; its password is not shown again" },
    { name: "source_bind", label: "Address for sources",
      hint: "One of this machine, from which they are read" },
    { name: "shuffle", label: "Shuffle: each pass in another order" },
    { name: "loop", label: "Loop: begin again after the last item" },
    { name: "publish", label: "Publish",
      hint: "rtmp://host/application; empty: the server's default; none: "
            + "only pushed" },
    { name: "push", label: "Push",
      hint: "rtmp:// or rtmps://host/application/key; the key is not shown "
            + "again; the first output" },
    { name: "push_via", label: "Pushed by",
      hint: "nginx-rtmp, or the engine, which rtmps:// needs" },
    { name: "youtube", label: "YouTube",
      hint: "Whether the broadcast that shows the push is looked after; needs "
            + "an account, and a push by the engine" },
    { name: "youtube_rollover", label: "A new broadcast every",
      hint: "Seconds, of 5 h to 11 h 55 min; 0: never" },
    { name: "youtube_title", label: "Title of a broadcast",
      hint: "Of one that is made, with $stream, $title and $date; empty: as "
            + "the one before it" },
    { name: "start", label: "Start it at once" }
];


/* the schema of a stream that is created, its references followed */

let description = null;

async function schema() {
    if (description === null) {
        const all = (await api("GET", "openapi.json")).components.schemas;

        description = {};

        for (const [key, value] of
             Object.entries(all.NewStream.properties))
        {
            description[key] = value.$ref
                ? all[value.$ref.split("/").pop()] : value;
        }
    }

    return description;
}


/* a dialog is there while it is open; focus goes back by itself */

function open(dialog) {
    document.body.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.showModal();
}


function shell(title, ...children) {
    const head = h("h2", { id: "dialog-title" }, title);

    return h("dialog", { "aria-labelledby": "dialog-title" }, head,
             ...children);
}


/* an input with its label, hint and error, and how its value is sent */

function control(field, described, stream) {
    const id = `field-${field.name}`;
    const choices = described.enum ? [...described.enum]
                    : described.const ? [described.const] : null;
    const flag = described.type === "boolean";
    const number = ["integer", "number"].includes(described.type)
                   || choices !== null && typeof choices[0] === "number";
    const error = h("p", { class: "failure", id: `${id}-error`,
                           hidden: true });
    const hint = h("p", { class: "hint", id: `${id}-hint` },
                   field.hint || "");
    const common = {
        id, name: field.name,
        "aria-describedby": `${id}-error ${id}-hint`
    };
    const now = stream && stream[field.name];
    let input;

    if (choices !== null) {
        /* what was not chosen may be left to the server */
        if (!now && choices.length > 1 && described.default === undefined) {
            choices.unshift("");
        }

        input = h("select", common, ...choices.map((choice) =>
            h("option", { value: choice },
              String(choice || "the server's default"))));

    } else {
        input = h("input", {
            ...common, type: flag ? "checkbox" : "text",
            required: Boolean(field.required), autocomplete: "off",
            autocapitalize: "none", spellcheck: "false",
            ...(number ? { inputmode: "decimal" } : {})
        });
    }

    if (flag) {
        input.checked = stream ? now : Boolean(described.default);

    } else if ((now || now === 0) && field.name !== "push") {
        input.value = now;

    } else if (!stream && described.default !== undefined) {
        input.value = described.default;
    }

    if (now && field.name === "push") {
        put(hint, `Now ${now}; leave it empty to keep that`);
    }

    /* no number is the server's default, and what is none is its to refuse */

    const raw = () => (flag ? input.checked : input.value.trim());
    const value = () => (!number ? raw() : raw() === "" ? null
                         : Number.isNaN(Number(raw())) ? raw()
                         : Number(raw()));
    const before = raw();
    const label = h("label", { for: id }, field.label);

    return {
        field, input, value,
        changed: () => raw() !== before,
        fail(text) {
            put(error, text);
            show(error, text !== "");
            input.setAttribute("aria-invalid", String(text !== ""));
        },
        node: h("div", { class: flag ? "field flag" : "field" },
                ...(flag ? [input, label] : [label, input]), error, hint)
    };
}


/* what a playlist holds, before anything plays it */

function lookup(playlist) {
    const result = h("div", { class: "lookup", role: "status" });

    function line(item) {
        const title = h("bdi", { class: "title" });
        const li = h("li", null, title, " ",
                     h("span", { class: "number" }, clock(item.duration)));

        titled(title, item);

        if (item.code !== null) {
            li.append(" ", h("code", null, item.code));
        }

        return li;
    }

    const go = button("Resolve", async () => {
        playlist.fail("");
        put(result, "Resolving…");
        go.disabled = true;

        try {
            const found = await api("POST", "resolve",
                                    { playlist: playlist.value() });
            const count = found.items.length;

            result.replaceChildren(
                h("p", null, `${count === 1 ? "1 item" : `${count} items`}`
                             + (found.complete ? "" : ", and more")),
                found.error === null ? "" :
                    h("p", { class: "failure" }, found.error.message),
                h("ol", { tabindex: 0, "aria-label": "What would play" },
                  ...found.items.map(line)));

        } catch (e) {
            put(result, "");
            playlist.fail(e.message);
            playlist.input.focus();

        } finally {
            go.disabled = false;
        }
    });

    go.title = "Show what would play";
    playlist.input.after(go);
    playlist.node.append(result);
}


/* the first output as the fields have it, where all are sent */

function firstOutput(controls, stream, unpush) {
    const was = stream && stream.outputs[0];
    const of = (name) => controls.find((c) => c.field.name === name);
    const url = of("push").value() || (was ? was.url : "");

    if (url === "" || unpush !== null && unpush.checked) {
        return null;
    }

    return {
        url,
        ...(was ? { name: was.name, role: was.role } : {}),
        ...(of("push_via").value() ? { via: of("push_via").value() } : {})
    };
}


function body(controls, stream, unpush, outputs) {
    const data = {};

    for (const { field, value, changed } of controls) {
        /* what is left as it was, is left to the server */
        if (changed() || (!stream && field.required)) {
            data[field.name] = value();
        }
    }

    if (unpush !== null && unpush.checked) {
        data.push = null;
    }

    if (outputs.changed()) {
        data.outputs = outputs.value(firstOutput(controls, stream, unpush));
        delete data.push;
        delete data.push_via;
    }

    return data;
}


/* does a change of a stream on air start it anew? */

const gentle = ["loop", "mode", "playlist_refresh", "playlist_refresh_jitter",
                "youtube", "youtube_rollover", "youtube_title"];

function breaks(stream, data) {
    const pushed = ["outputs", "push", "push_via"];
    const engine = [...stream.outputs, ...data.outputs || []].every((o) =>
        o.via === "engine") && data.push_via !== "rtmp";

    return onAirNow(stream) !== ""
           && Object.keys(data).some((name) => !gentle.includes(name)
                                     && !(engine && pushed.includes(name)));
}


export async function streamForm(stream) {
    const failure = h("p", { class: "failure", role: "alert" });
    const inputs = h("div");
    const save = h("button", { type: "submit", class: "first" },
                   stream ? "Change" : "Create");
    const unpush = stream && stream.push
        ? h("input", { type: "checkbox", id: "field-unpush" }) : null;

    const form = h("form", { method: "dialog", novalidate: true }, inputs,
                   failure);

    const dialog = shell(stream ? `Change ${stream.name}` : "New stream",
                         form);
    const outputs = outputRows(stream);
    let controls = [];
    let warned = false;

    form.append(h("div", { class: "buttons" },
                  button("Cancel", () => dialog.close()), save));

    form.addEventListener("submit", async (e) => {
        e.preventDefault();
        put(failure, "");
        controls.forEach((c) => c.fail(""));
        save.disabled = true;

        try {
            const data = body(controls, stream, unpush, outputs);

            if (stream && !warned && breaks(stream, data)) {
                warned = true;
                put(failure, `${onAirNow(stream)} This begins it anew.`);
                put(save, "Break it for a moment");
                return;
            }

            apply(stream ? await api("PATCH", path(stream.name), data)
                         : await api("POST", "streams", data));
            dialog.close();

            if (!stream) {
                location.hash = `#/${encodeURIComponent(data.name)}`;
            }

        } catch (problem) {
            const at = controls.find((c) => c.field.name === problem.field);

            if (at !== undefined) {
                at.fail(problem.message);
                at.input.focus();

            } else {
                put(failure, problem.message);
            }

        } finally {
            save.disabled = false;
        }
    });

    open(dialog);

    try {
        const known = await schema();

        controls = fields.filter((field) => known[field.name] !== undefined
                                 && !(stream && (field.fixed
                                                 || field.name === "start")))
                         .map((field) => control(field, known[field.name],
                                                 stream));

    } catch (e) {
        put(failure, e.message);
        save.disabled = true;
        return;
    }

    inputs.append(...controls.map((c) => c.node));
    controls.find((c) => c.field.name === "push_via").node
            .after(outputs.node);
    lookup(controls.find((c) => c.field.name === "playlist"));

    if (unpush !== null) {
        inputs.append(h("div", { class: "field flag" }, unpush,
                        h("label", { for: unpush.id }, "Push no longer")));
    }

    controls[0].input.focus();
}


/* what is on air, "": nothing */

export function airing({ status }) {
    return status.state === "live" && status.item !== null
           ? `“${status.item.title || status.item.id}”`
           : status.slate_on_air ? "the slate" : "";
}


/* what viewers would miss; "": nothing */

export function onAirNow(stream) {
    const what = airing(stream);
    const to = stream.outputs.filter((o) => !o.stopped).map((o) => o.url);

    return what === "" ? "" : `It is on air with ${what}`
           + (to.length === 0 ? "." : `, and pushed to ${to.join(", ")}.`);
}


export function confirmDialog(title, text, yes, act) {
    const failure = h("p", { class: "failure", role: "alert" });
    const cancel = button("Cancel", () => dialog.close());

    const go = button(yes, () => tried(failure, async () => {
        await act();
        dialog.close();
    }), "danger");

    const dialog = shell(title, h("p", null, h("bdi", null, text)), failure,
                         h("div", { class: "buttons" }, cancel, go));

    open(dialog);
    cancel.focus();
}
