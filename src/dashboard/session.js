/*
 * session.js: who asks: the token, which is kept until the window is closed,
 * and what it may do.
 */

const KEY = "directstream-token";

export const may = { operate: false, define: false, all: false,
                     token: null, role: "" };


export function token() {
    return sessionStorage.getItem(KEY);
}


export function keep(value) {
    sessionStorage.setItem(KEY, value);
}


export function forget() {
    sessionStorage.removeItem(KEY);
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
}
