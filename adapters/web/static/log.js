// The conversation as elements, brought up to date with as few changes as possible: what is on the screen stays
// where it is, so that selections, focus and screen readers are not disturbed.

import { h, icon, iconButton } from "./dom.js";
import { safe, show } from "./markup.js";
import { blocks } from "./preview.js";

const NEAR = 80; // pixels from the end that still count as reading the end

export class Log {
  #words;
  #conversation;
  #shown = new Map(); // key -> {element, state}
  #draft = null; // {turn, attempt, element, sources}
  #follow = true;

  // `press` says a text, `back` gives one back to be written anew
  constructor(words, conversation, welcome, { press, back, ratings }) {
    this.#words = words;
    this.#conversation = conversation;
    this.press = press;
    this.back = back;
    this.ratings = ratings;
    this.welcome = welcome;
    this.list = h("div", { class: "list", role: "log", "aria-label": words.log, "aria-live": "off", tabindex: 0 });
    this.earlier = h("button", { type: "button", class: "quiet earlier", onclick: () => this.#earlier() }, words.earlier);
    this.dots = h("div", { class: "dots" }, h("i"), h("i"), h("i"), h("span"));
    this.dots.setAttribute("aria-hidden", "true");
    this.latest = h("button", { type: "button", class: "round latest", "aria-label": words.latest, title: words.latest, onclick: () => this.toEnd(true) }, icon("down"));
    this.scroller = h("div", { class: "scroller", onscroll: () => this.#scrolled() }, h("div", { class: "column" }, this.earlier, welcome, this.list, this.dots));
    this.element = h("div", { class: "log" }, this.scroller, this.latest);
    new ResizeObserver(() => this.#follow && this.toEnd()).observe(this.scroller);
  }

  update() {
    const { lines, ready, writing } = this.#conversation;
    const items = this.#items();
    this.welcome.hidden = items.length > 0 || !ready;
    this.earlier.hidden = !(lines.first > 1 && lines.first < Infinity) || lines.past.length > 0;
    this.#place(items);
    this.#write(writing.draft);
    this.dots.hidden = !writing.busy || (writing.draft !== null && !writing.progress);
    this.dots.lastChild.textContent = writing.progress;
    if (this.#follow) this.toEnd();
    // What was said before is read on demand; only what comes from now on is read out.
    if (ready && this.list.getAttribute("aria-live") === "off") {
      setTimeout(() => this.list.setAttribute("aria-live", "polite"), 500);
    }
  }

  // Committed lines; then what is on its way, the draft behind the message it answers.
  #items() {
    const { lines, entries } = this.#conversation;
    const { draft } = this.#conversation.writing;
    const waiting = entries
      .filter((entry) => entry.state !== "sent" || entry.session === lines.session)
      .map((entry) => ({ ...entry, key: entry.id, role: "user", pending: true }));
    const items = [...lines.past, ...lines.committed, ...waiting];
    if (draft) {
      const known = waiting.findLastIndex((entry) => entry.turn === draft.turn || entry.id === this.#conversation.sending);
      items.splice(items.length - waiting.length + known + 1, 0, { key: "draft", draft });
    }
    return items;
  }

  #place(items) {
    const keys = new Set(items.map((item) => item.message_id || item.key));
    for (const [key, { element }] of this.#shown) {
      if (!keys.has(key)) {
        element.remove();
        this.#shown.delete(key);
        if (key === "draft") this.#draft = null;
      }
    }
    const elements = items.map((item) => this.#element(item));
    let next = this.list.firstChild;
    for (const element of elements) {
      if (element === next) next = next.nextSibling;
      else this.list.insertBefore(element, next);
    }
  }

  #element(item) {
    // A message keeps its element when it turns from sent to said.
    const key = item.message_id || item.key;
    const state = item.pending ? `${item.state} ${item.id === this.#conversation.sending} ${this.#conversation.state}` : "";
    const shown = this.#shown.get(key);
    if (shown) rated(shown.element, item.score);
    if (shown?.state === state) return shown.element;
    const element = shown && item.pending ? shown.element : this.#make(item);
    if (shown && element !== shown.element) shown.element.replaceWith(element);
    if (item.pending) element.lastChild.replaceWith(this.#fate(item));
    this.#shown.set(key, { element, state });
    return element;
  }

  #make(item) {
    if (item.note) return h("p", { class: "note" }, this.#words[item.note]);
    if (item.draft) return h("article", { class: "assistant draft", "aria-live": "off", "aria-busy": "true" }, h("div", { class: "body" }));
    const { role, text, tree, files = [], buttons = [], flag } = item;
    const body = tree ? h("div", { class: "body" }, ...show(tree, this.#words)) : h("div", { class: "body plain", dir: "auto" }, text);
    const article = h("article", { class: role }, role === "user" && h("span", { class: "hidden" }, `${this.#words.you}: `), body);
    if (!body.textContent) body.remove();
    if (files.length) article.append(h("div", { class: "files" }, ...files.map(file)));
    if (buttons.length) article.append(this.#buttons(buttons, this.#conversation.lines.session));
    if (flag === "cancelled") article.append(h("small", { class: "flag" }, this.#words.cancelled));
    if (this.ratings && item.score !== undefined) article.append(this.#rating(item, this.#conversation.lines.session));
    article.append(item.pending ? h("small") : this.#time(item.at));
    return rated(article, item.score);
  }

  // A choice says its value; once its session is over there is nothing left to choose.
  #buttons(buttons, session) {
    const choose = (button, value) => {
      if (this.#conversation.lines.session === session) this.press(value);
      else button.disabled = true;
    };
    const made = buttons.map(({ text, value, url }) =>
      url && safe(url)
        ? h("a", { class: "chip", href: url, target: "_blank", rel: "noopener noreferrer" }, text)
        : h("button", { type: "button", class: "chip", onclick: (event) => choose(event.currentTarget, value || text) }, text),
    );
    return h("div", { class: "chips" }, ...made);
  }

  // Two buttons of which one may be pressed: what is pressed once more is taken back.
  #rating({ seq }, session) {
    const words = this.#words;
    const rate = ({ currentTarget: button }, score) => {
      if (this.#conversation.lines.session !== session) button.disabled = true;
      else this.#conversation.rate(seq, button.ariaPressed === "true" ? 0 : score);
    };
    const good = iconButton("good", words.good, (event) => rate(event, 1));
    const bad = iconButton("bad", words.bad, (event) => rate(event, -1));
    return h("div", { class: "rating", role: "group", "aria-label": words.rate }, good, bad);
  }

  #time(at) {
    const moment = new Date(at);
    const today = moment.toDateString() === new Date().toDateString();
    const style = today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
    return h("time", { datetime: moment.toISOString() }, new Intl.DateTimeFormat(this.#words.lang, style).format(moment));
  }

  // How a message on its way is doing, with what can be done about it.
  #fate({ id, text, state, detail }) {
    const words = this.#words;
    const conversation = this.#conversation;
    if (state === "failed") {
      const again = h("button", { type: "button", class: "link", onclick: () => conversation.again(id) }, words.again);
      const discard = h("button", { type: "button", class: "link", onclick: () => (conversation.discard(id), this.back(text)) }, words.discard);
      return h("small", { class: "fate failed" }, [words.failed, detail].filter(Boolean).join(": "), " ", again, " ", discard);
    }
    const word = state === "sent" ? words.sent : conversation.sending === id ? words.sending : words.waiting;
    return h("small", { class: "fate" }, word);
  }

  #write(draft) {
    const element = this.#shown.get("draft")?.element;
    if (!draft || !element) return;
    if (this.#draft?.turn !== draft.turn || this.#draft.attempt !== draft.attempt) {
      this.#draft = { turn: draft.turn, attempt: draft.attempt, sources: [] };
      element.firstChild.replaceChildren();
    }
    const { sources } = this.#draft;
    const body = element.firstChild;
    const found = blocks(draft.text);
    let same = 0;
    while (same < found.length && sources[same] === found[same].source) same++;
    while (body.childNodes.length > same) body.lastChild.remove();
    body.append(...show(found.slice(same).map(({ node }) => node), this.#words));
    this.#draft.sources = found.map(({ source }) => source);
  }

  async #earlier() {
    const before = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.list.setAttribute("aria-live", "off");
    this.#follow = false;
    await this.#conversation.earlier().catch(() => {});
    this.update();
    this.scroller.scrollTop = this.scroller.scrollHeight - before;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.#follow = scrollHeight - scrollTop - clientHeight < NEAR;
    this.element.classList.toggle("behind", !this.#follow);
  }

  toEnd(smoothly = false) {
    this.#follow = true;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smoothly && !calm ? "smooth" : "instant" });
  }
}

// The article, its rating as it stands now.
function rated(article, score) {
  for (const [name, own] of [["good", 1], ["bad", -1]]) article.querySelector(`.rating .${name}`)?.setAttribute("aria-pressed", own === score);
  return article;
}

const PICTURES = /^image\/(png|jpeg|gif|webp|avif)$/;

export function file({ name, mime, size, url }) {
  if (url && PICTURES.test(mime)) {
    // The link may name the host as the world sees it; here it is the one the page came from.
    const { pathname, search } = new URL(url, location.href);
    const picture = h("img", { src: pathname + search, alt: name, loading: "lazy" });
    return h("a", { class: "picture", href: pathname + search, target: "_blank", rel: "noopener noreferrer" }, picture);
  }
  const parts = [icon("file"), h("span", { dir: "auto" }, name), size ? h("small", {}, bytes(size)) : null];
  return url && safe(new URL(url, location.href).href)
    ? h("a", { class: "file", href: url, target: "_blank", rel: "noopener noreferrer" }, ...parts)
    : h("span", { class: "file" }, ...parts);
}

function bytes(size) {
  const unit = size < 1024 ? 0 : size < 1048576 ? 1 : 2;
  return `${(size / 1024 ** unit).toFixed(unit && size / 1024 ** unit < 10 ? 1 : 0)} ${["B", "KB", "MB"][unit]}`;
}
