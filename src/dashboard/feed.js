/*
 * feed.js: the server's events.  An EventSource sends no token with what it
 * asks, so this reads them itself; it does not connect anew.
 */

import { ask } from "./session.js";


export class Feed extends EventTarget {
    constructor(path) {
        super();
        this.open = false;
        this.closed = false;
        this.abort = new AbortController();
        this.read(path);
    }

    close() {
        this.closed = true;
        this.open = false;
        this.abort.abort();
    }

    async read(path) {
        try {
            const response = await ask(path, { signal: this.abort.signal,
                                               cache: "no-store" });

            if (!response.ok) {
                throw new Error(`status ${response.status}`);
            }

            this.open = true;
            this.dispatchEvent(new Event("open"));

            const reader = response.body.pipeThrough(new TextDecoderStream())
                                        .getReader();
            let text = "";

            for (;;) {
                const { value, done } = await reader.read();

                if (done) {
                    break;
                }

                const blocks = (text + value).split("\n\n");

                text = blocks.pop();
                blocks.forEach((block) => this.tell(block));
            }

        } catch (e) {
            /* the end, as any other */
        }

        this.open = false;

        if (!this.closed) {
            this.closed = true;
            this.dispatchEvent(new Event("error"));
        }
    }

    /* a comment has neither */

    tell(block) {
        const type = block.match(/^event: (.*)$/m);
        const data = block.match(/^data: (.*)$/m);

        if (type !== null && data !== null && !this.closed) {
            this.dispatchEvent(new MessageEvent(type[1], { data: data[1] }));
        }
    }
}
