// The chat itself. The page shows it full size, the widget in a corner of somebody else's page.

import { Api } from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { h, icon, iconButton } from "./dom.js";
import { Log } from "./log.js";
import { show } from "./markup.js";
import style from "./style.js";
import { speak } from "./texts.js";
import { Vault } from "./vault.js";

const BASE = new URL("../../", import.meta.url).href;

// `settings` are the channel's; `languages` the wanted ones; `close` is there where the panel can be closed;
// `unread(count)` tells how many answers nobody has seen. Returns {element, show, hide}.
export async function mount(root, settings, { languages, userToken = "", close = null, unread = () => {} }) {
  const words = await speak(languages);
  dress(root, settings);
  return new Panel(root, settings, words, { userToken, close, unread });
}

// A constructed sheet is under nobody's Content-Security-Policy.
function dress(root, { colour, ink }) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${style}\n.chat { --accent: ${colour}; --ink: ${ink}; }`);
  const owner = root instanceof ShadowRoot ? root : document;
  owner.adoptedStyleSheets = [...owner.adoptedStyleSheets, sheet];
}

// One person's conversation with one channel of one gateway: another signed-in user of the site has another.
function vaultOf(settings, userToken) {
  let user = "";
  try {
    user = userToken && JSON.parse(atob(userToken.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub;
  } catch {
    // Not for us to judge: the gateway will refuse it.
  }
  return new Vault(["chat", BASE, settings.channel, user].filter(Boolean).join(" "));
}

class Panel {
  #words;
  #settings;
  #life = new AbortController();
  #unread;
  #missed = 0;
  #due = false;
  #started = false;

  constructor(root, settings, words, { userToken, close, unread }) {
    this.#words = words;
    this.#settings = settings;
    this.#unread = unread;
    const api = new Api(BASE);
    this.conversation = new Conversation(api, vaultOf(settings, userToken), settings, userToken, {
      changed: () => this.#changed(),
      news: () => this.#news(),
    });
    this.log = new Log(words, this.conversation, this.#welcome(), {
      press: (text) => this.#press(text),
      back: (text) => this.composer.back(text),
      ratings: settings.ratings,
    });
    this.composer = new Composer(words, this.conversation, { files: settings.files, said: () => this.log.toEnd() });
    this.notice = h("p", { class: "notice", role: "status" });
    this.status = h("span", { class: "hidden", role: "status" });
    this.element = h(
      "section",
      {
        class: close ? "chat card" : "chat full", "data-position": settings.position, lang: words.lang, dir: words.dir,
        role: close ? "dialog" : "region", "aria-label": settings.title,
        onkeydown: (event) => this.#key(event, close),
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => this.#dropped(event),
      },
      this.#header(close), this.log.element, this.notice, this.composer.element, this.status,
    );
    this.element.hidden = true;
    root.append(this.element);
    document.addEventListener("visibilitychange", () => this.#seen());
  }

  show(focus = true) {
    this.element.hidden = false;
    if (!this.#started) this.conversation.start(this.#life.signal);
    this.#started = true;
    this.#changed();
    this.#seen();
    if (!focus) return;
    // On a touch screen the keyboard would cover what there is to read.
    (matchMedia("(pointer: coarse)").matches ? this.log.list : this.composer.text).focus({ preventScroll: true });
  }

  hide() {
    this.#fold();
    this.element.hidden = true;
  }

  // --- parts

  #header(close) {
    const words = this.#words;
    const item = (label, act) => h("button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => (this.#fold(true), act()) }, label);
    this.items = [
      item(words.new, () => this.conversation.reset().then(() => this.composer.text.focus())),
      item(words.end, () => this.conversation.end()),
      item(words.save, () => this.#save()),
    ];
    this.menu = h("div", { class: "menu", role: "menu", "aria-label": words.menu, hidden: true }, ...this.items);
    this.opener = iconButton("menu", words.menu, () => (this.menu.hidden ? this.#unfold() : this.#fold(true)), { "aria-haspopup": "menu", "aria-expanded": "false" });
    const away = (event) => event.relatedTarget && !this.menu.contains(event.relatedTarget) && event.relatedTarget !== this.opener && this.#fold();
    this.menu.addEventListener("focusout", away);
    this.element?.addEventListener("click", away);
    this.state = h("span", { class: "state" });
    const name = h("div", { class: "name" }, h("h1", { dir: "auto" }, this.#settings.title), this.state);
    return h("header", {}, h("span", { class: "mark" }, icon("bubble")), name, h("div", { class: "holder" }, this.opener, this.menu), close && iconButton("close", words.close, close));
  }

  #welcome() {
    const { welcome, starters } = this.#settings;
    const chips = starters.map((text) => h("button", { type: "button", class: "chip", dir: "auto", onclick: () => this.#press(text) }, text));
    return h(
      "div",
      { class: "welcome", hidden: true },
      h("span", { class: "mark" }, icon("bubble")),
      welcome.length ? h("div", { class: "body" }, ...show(welcome, this.#words)) : h("h2", {}, this.#words.hello),
      chips.length > 0 && h("div", { class: "chips" }, ...chips),
    );
  }

  // --- what happens

  #press(text) {
    this.conversation.say(text);
    this.log.toEnd();
    this.composer.text.focus();
  }

  #key(event, close) {
    if (event.key === "Escape" && !event.isComposing) {
      event.stopPropagation();
      if (!this.menu.hidden) this.#fold(true);
      else if (close) close();
    } else if (!this.menu.hidden && ["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) {
      event.preventDefault();
      const at = this.items.indexOf(this.element.getRootNode().activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
      this.items.at(to % this.items.length).focus();
    }
  }

  #unfold() {
    this.menu.hidden = false;
    this.opener.setAttribute("aria-expanded", "true");
    this.items[0].focus();
  }

  #fold(focus = false) {
    if (focus && !this.menu.hidden) this.opener.focus();
    this.menu.hidden = true;
    this.opener.setAttribute("aria-expanded", "false");
  }

  #dropped(event) {
    event.preventDefault();
    this.composer.drop(event.dataTransfer.files);
  }

  async #save() {
    try {
      const url = URL.createObjectURL(await this.conversation.transcript());
      h("a", { href: url, download: "conversation.txt" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    } catch {
      this.notice.textContent = this.#words.unavailable;
    }
  }

  #news() {
    if (!document.hidden && !this.element.hidden) return;
    this.#missed += 1;
    this.#unread(this.#missed);
  }

  #seen() {
    if (document.hidden || this.element.hidden || !this.#missed) return;
    this.#missed = 0;
    this.#unread(0);
  }

  // Many changes in one moment are one update. (A timer, since a hidden page has no animation frames.)
  #changed() {
    if (this.#due) return;
    this.#due = true;
    setTimeout(() => {
      this.#due = false;
      this.#update();
    }, 20);
  }

  #update() {
    const { state, notice, lines } = this.conversation;
    const { busy } = this.conversation.writing;
    const words = this.#words;
    this.log.update();
    this.composer.update();
    const away = state === "away" ? "offline" : notice;
    if (this.notice.textContent !== (words[away] ?? "")) this.notice.textContent = words[away] ?? "";
    this.element.dataset.state = state;
    this.state.textContent = state === "connecting" ? words.connecting : "";
    if (this.status.textContent !== (busy ? words.writing : "")) this.status.textContent = busy ? words.writing : "";
    this.items[1].hidden = state === "over" || !lines.session;
    this.items[2].hidden = !lines.last || state === "over";
  }
}
