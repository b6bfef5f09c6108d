// The gateway's tree of a text as elements. Only the tags and attributes named here are ever made; text stays text.

import { h } from "./dom.js";

const plain = { p: "p", quote: "blockquote", ul: "ul", li: "li", tr: "tr", td: "td", b: "strong", i: "em", s: "s", code: "code", hr: "hr", br: "br" };
const alignments = ["left", "right", "center"];

// `words` names the copy button: {copy, copied}. Each block finds its own direction by its first letters.
export function show(tree, words) {
  return tree.map((node) => {
    const made = element(node, words);
    if (made instanceof HTMLElement && !made.dir) made.dir = "auto";
    return made;
  });
}

function inner(tree, words) {
  return tree.map((node) => element(node, words));
}

function element(node, words) {
  if (typeof node === "string") return document.createTextNode(node);
  const made = node.t === "pre" ? code(node, words) : node.t === "table" ? table(node, words) : plainly(node, words);
  if (node.tight) made.classList.add("tight");
  return made;
}

function plainly(node, words) {
  const [name, attributes] = tag(node);
  return h(name, attributes, ...inner(node.c ?? [], words));
}

function tag({ t, n, href }) {
  if (t === "h") return [`h${Math.min(6, n + 2)}`, { class: `h${n}` }];
  if (t === "ol") return ["ol", { start: n ?? 1 }];
  if (t === "th") return ["th", { scope: "col" }];
  if (t === "a" && safe(href)) return ["a", { href, target: "_blank", rel: "noopener noreferrer nofollow ugc" }];
  return [Object.hasOwn(plain, t) ? plain[t] : "span", {}];
}

// The gateway lets no other link through; neither do we.
export function safe(href) {
  try {
    return ["http:", "https:", "mailto:", "tel:"].includes(new URL(href).protocol);
  } catch {
    return false;
  }
}

function code({ lang, c }, words) {
  const text = c.join("");
  const copy = h("button", { type: "button", class: "copy", onclick: () => copied(copy, text, words) }, words.copy);
  const bar = h("div", { class: "bar" }, h("span", {}, lang || ""), copy);
  return h("div", { class: "code", dir: "ltr" }, bar, h("pre", { tabindex: 0 }, h("code", {}, text)));
}

async function copied(button, text, words) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard without https: the old way needs a selection.
    getSelection().selectAllChildren(button.closest(".code").querySelector("code"));
    document.execCommand("copy");
  }
  button.textContent = words.copied;
  setTimeout(() => (button.textContent = words.copy), 2_000);
}

function table({ align = [], c }, words) {
  const made = h("table", {}, ...inner(c, words));
  for (const row of made.rows) {
    [...row.cells].forEach((cell, column) => {
      if (alignments.includes(align[column])) cell.classList.add(align[column]);
    });
  }
  return h("div", { class: "wide", tabindex: 0 }, made);
}
