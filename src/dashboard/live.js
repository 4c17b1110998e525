/*
 * live.js: what is known of the streams, kept up to date by the server's
 * events.  While there are none (not connected yet, lost, a server or a proxy
 * that does not pass them on) the list is asked for every two seconds, and
 * beside them seldom, for what they do not tell.
 */

import { api, Problem } from "./dom.js";
import { Feed } from "./feed.js";
import { forget } from "./session.js";

const EVENTS = "api/1/events?since=0";
const CHECK = 15000;            /* a look at the list beside the events */
const POLL = 2000;
const LOST = 5000;              /* silence that is worth saying */
const KEPT = 5 * 60 * 1000;     /* samples */
const LOG = 500;

export const streams = new Map();
export const samples = new Map();       /* name: [{ at, kbit, buffer }] */
export const log = [];
export const link = { ready: false, since: null, problem: "", relay: true,
                      resolver: null };

const logged = new Set();
const listeners = new Set();

let source = null;
let opened = 0;
let contact = performance.now();
let timer = 0;
let told = 0;
let changes = 0;


export function listen(handler) {
    listeners.add(handler);
}


/* many events come at a time; a hidden page draws nothing */

function tell() {
    told = told || setTimeout(() => {
        told = 0;
        listeners.forEach((handler) => handler());
    }, 50);
}


export function names() {
    return [...streams.keys()].sort((a, b) => (a < b ? -1 : 1));
}


function keep(stream) {
    streams.set(stream.name, stream);
    sample(stream.name, stream.status.output.bytes, stream.status.buffer_ms);
    tell();
}


export function apply(stream) {
    changes++;
    keep(stream);
}


export function remove(name) {
    changes++;
    streams.delete(name);
    samples.delete(name);
    tell();
}


function progress(data) {
    const stream = streams.get(data.name);

    if (stream === undefined) {
        return;
    }

    const status = stream.status;

    status.buffer_ms = data.buffer_ms;
    status.dead_air_ms = data.dead_air_ms;
    status.fetching = data.fetching;
    status.output.bytes = data.bytes;

    if (status.item !== null) {
        status.item.position = data.position;
    }

    sample(data.name, data.bytes, data.buffer_ms);
    tell();
}


/* a bitrate is a difference of bytes, over a second at least */

function sample(name, bytes, buffer) {
    const at = performance.now();
    const list = samples.get(name) || [];
    const last = list[list.length - 1];

    if (last !== undefined && at - last.at < 1000) {
        return;
    }

    const known = last !== undefined && bytes >= last.bytes
                  && at - last.at < CHECK * 1.5;

    list.push({
        at, bytes, buffer,
        kbit: known ? (bytes - last.bytes) * 8 / (at - last.at) : null
    });

    while (list[0].at < at - KEPT) {
        list.shift();
    }

    samples.set(name, list);
}


/* over the last samples, as items are not sent evenly; null: not known */

export function rate(name) {
    const list = (samples.get(name) || []).slice(-4);
    const first = list[0], last = list[list.length - 1];

    if (list.length < 2 || list.slice(1).some((s) => s.kbit === null)) {
        return null;
    }

    return (last.bytes - first.bytes) * 8 / (last.at - first.at);
}


/* the same record may come again after a new connection */

function record(entry) {
    const key = `${entry.id} ${entry.at}`;

    if (logged.has(key)) {
        return;
    }

    logged.add(key);
    log.push(entry);

    if (log.length > LOG) {
        const old = log.shift();
        logged.delete(`${old.id} ${old.at}`);
    }

    tell();
}


function connected() {
    contact = performance.now();
    link.problem = "";

    if (link.since !== null) {
        link.since = null;
        tell();
    }
}


/* false: what it says has been overtaken */

async function refresh() {
    const before = changes;
    let list;

    try {
        list = await api("GET", "streams");

    } catch (e) {
        if (!(e instanceof Problem)) {
            throw e;
        }

        /* the token is none any more: another one is asked for */
        if (e.status === 401) {
            forget();
            location.reload();
        }

        link.problem = e.message;
        close();
        return true;
    }

    connected();

    if (changes !== before) {
        return false;
    }

    const there = new Set(list.streams.map((stream) => stream.name));

    list.streams.forEach(keep);
    [...streams.keys()].filter((name) => !there.has(name)).forEach(remove);

    link.relay = list.relay.alive;
    link.resolver = list.resolver;
    link.ready = true;

    tell();

    return true;
}


/* a hidden page does not need one: a browser has six to a server */

function open() {
    opened = performance.now();
    source = new Feed(EVENTS);

    const on = (type, handler) => {
        source.addEventListener(type, (e) => {
            connected();
            handler(JSON.parse(e.data));
        });
    };

    on("stream", apply);
    on("progress", progress);
    on("removed", (data) => remove(data.name));
    on("log", (entry) => {
        record(entry);

        /* what it is now is of the list of streams alone */
        if (entry.type === "resolver") {
            again(0);
        }
    });

    source.addEventListener("open", () => tick());
    source.addEventListener("error", () => again(POLL));
}


function close() {
    if (source !== null) {
        source.close();
        source = null;
    }
}


function again(ms) {
    clearTimeout(timer);
    timer = setTimeout(tick, ms);
}


async function tick() {
    clearTimeout(timer);

    const fresh = await refresh();
    const now = performance.now();

    if (now - contact > LOST && link.since === null) {
        link.since = new Date(Date.now() - (now - contact));
        tell();
    }

    if (document.hidden) {
        close();

    } else if ((source === null || source.closed)
               && link.problem === "" && now - opened > CHECK)
    {
        open();
    }

    const events = source !== null && source.open;

    again(!fresh ? 200 : events || document.hidden ? CHECK : POLL);
}


export function start() {
    opened = -CHECK;
    document.addEventListener("visibilitychange", () => {
        opened = -CHECK;
        tick();
    });
    tick();
}
