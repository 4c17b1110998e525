/*
 * access.js: looks over a page for what keeps people from using it; a
 * function's body that returns a list of faults.  Hidden parts are not
 * looked at, and with a modal dialog open nothing beside it.
 */

const faults = [];
const dialog = document.querySelector("dialog:modal");
const scope = dialog || document.body;

const seen = (e) => e.checkVisibility({ visibilityProperty: true })
                    && e.getClientRects().length > 0;
const all = (selector) => [...scope.querySelectorAll(selector)].filter(seen);
const show = (e) => `${e.tagName.toLowerCase()}${e.id ? `#${e.id}` : ""}`
                    + `${e.className ? `.${e.className}` : ""} `
                    + JSON.stringify((e.textContent || "").slice(0, 40));
const fault = (what, e) => faults.push(`${what}: ${show(e)}`);


/* the page */

if (!document.documentElement.lang) {
    faults.push("no lang");
}

if (document.title.trim() === "") {
    faults.push("no title");
}

if (dialog === null) {
    for (const mark of ["main", "header", "footer", "h1"]) {
        if (document.querySelectorAll(mark).length !== 1) {
            faults.push(`not one ${mark}`);
        }
    }
}

const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);

ids.filter((id, i) => ids.indexOf(id) !== i)
   .forEach((id) => faults.push(`id twice: ${id}`));

for (const attribute of ["aria-labelledby", "aria-describedby", "for"]) {
    for (const e of document.querySelectorAll(`[${attribute}]`)) {
        e.getAttribute(attribute).split(/\s+/).forEach((id) => {
            if (document.getElementById(id) === null) {
                fault(`${attribute} names nothing`, e);
            }
        });
    }
}


/* headings: no level is left out */

let level = dialog === null ? 0 : 1;

for (const e of all("h1, h2, h3, h4, h5, h6")) {
    const own = Number(e.tagName[1]);

    if (own > level + 1) {
        fault("heading left out before", e);
    }

    level = own;
}


/* names */

function named(e) {
    const by = e.getAttribute("aria-labelledby");
    const labels = e.labels ? [...e.labels] : [];
    const text = [
        e.getAttribute("aria-label"),
        by && by.split(/\s+/).map((id) =>
            document.getElementById(id)?.textContent).join(" "),
        ...labels.map((label) => label.textContent),
        /^(a|button|summary)$/i.test(e.tagName) ? e.textContent : "",
        e.getAttribute("title")
    ];

    return text.some((t) => t && t.trim() !== "");
}

all("a[href], button, input, select, textarea, progress, dialog, figure svg, "
    + "[role=region], [role=group], [role=img]")
    .concat(dialog || []).filter((e) => !named(e))
    .forEach((e) => fault("no name", e));

all("img").filter((e) => !e.hasAttribute("alt"))
          .forEach((e) => fault("no alt", e));

all("[tabindex]").filter((e) => e.tabIndex > 0)
                 .forEach((e) => fault("positive tabindex", e));

all("th").filter((e) => !e.scope).forEach((e) => fault("no scope", e));

all("ul > *, ol > *").filter((e) => e.tagName !== "LI")
                     .forEach((e) => fault("no li", e));


/* what can be used can be reached, is seen to be, and is not too small */

for (const e of all("button, input, select, a[href], [tabindex='0']")) {
    if (e.disabled) {
        continue;
    }

    e.focus({ focusVisible: true });

    if (document.activeElement !== e) {
        fault("cannot be focused", e);
        continue;
    }

    const style = getComputedStyle(e);

    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) {
        fault("focus not seen", e);
    }

    const box = e.getBoundingClientRect();

    if (style.display !== "inline" && e.type !== "checkbox"
        && (box.height < 24 || box.width < 24))
    {
        fault("too small", e);
    }
}


/* contrast of text, over what is behind it */

function rgba(colour) {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);

    return [r, g, b, a];
}

function over(top, below) {
    return top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]))
              .concat(1);
}

function behind(e) {
    if (e === null) {
        return [255, 255, 255, 1];
    }

    const own = rgba(getComputedStyle(e).backgroundColor);

    return own[3] === 1 ? own : over(own, behind(e.parentElement));
}

function light(colour) {
    const [r, g, b] = colour.slice(0, 3).map((c) => {
        c /= 255;
        return c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
    });

    return .2126 * r + .7152 * g + .0722 * b;
}

const walker = document.createTreeWalker(scope, NodeFilter.SHOW_TEXT);
const done = new Set();

while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;

    if (walker.currentNode.data.trim() === "" || done.has(e) || !seen(e)
        || e.closest(":disabled, .unseen, .jump, script, style, noscript"))
    {
        continue;
    }

    done.add(e);

    const back = behind(e);
    const front = over(rgba(getComputedStyle(e).color), back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);

    if (ratio < 4.5) {
        fault(`contrast ${ratio.toFixed(2)}`, e);
    }
}

return faults;
