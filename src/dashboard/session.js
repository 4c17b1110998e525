/*
 * session.js: who asks: the token, which is kept until the window is closed,
 * and what it may do.
 */

const KEY = "directstream-token";

export const may = { operate: false, define: false, all: false,
                     token: null, role: "", node: null };


/* a browser that stores nothing forgets it when the page is loaded again */

let known = null;

try {
    known = sessionStorage.getItem(KEY);

} catch (e) {
    /* it says so by throwing */
}


export const token = () => known;


export function keep(value) {
    known = value;

    try {
        sessionStorage.setItem(KEY, value);

    } catch (e) {
        /* as above */
    }
}


export function forget() {
    known = null;

    try {
        sessionStorage.removeItem(KEY);

    } catch (e) {
        /* as above */
    }
}


/* fetch() of what is below the page, with the token */

export function ask(path, options) {
    const headers = { ...(options && options.headers) };

    if (token() !== null) {
        headers.Authorization = `Bearer ${token()}`;
    }

    return fetch(path, { ...options, headers });
}


/* as the root of the API says it */

export function allow(root) {
    may.role = root.role;
    may.token = root.token;
    may.operate = root.write && root.role !== "viewer";
    may.define = root.write && root.role === "admin";
    may.all = root.streams === null;
    may.node = root.node;
}
