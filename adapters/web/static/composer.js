// Where messages are written: Enter sends, Shift+Enter breaks the line.

import { h, icon, iconButton } from "./dom.js";

const TALLEST = 200; // pixels

export class Composer {
  #words;
  #conversation;
  #files = []; // [{name, size, id, element}], without an id while they travel
  #wanted = false; // to be sent as soon as its files are there

  constructor(words, conversation, { files, said }) {
    this.#words = words;
    this.#conversation = conversation;
    this.said = said;
    this.text = h("textarea", {
      rows: 1, "aria-label": words.message, placeholder: words.placeholder,
      enterkeyhint: "send", autocomplete: "off",
      oninput: () => this.#typed(), onkeydown: (event) => this.#key(event), onpaste: (event) => this.#paste(event),
    });
    this.picker = h("input", { type: "file", multiple: true, hidden: true, onchange: () => this.#picked() });
    this.attach = iconButton("attach", words.attach, () => this.picker.click(), { hidden: !files });
    this.send = iconButton("send", words.send, () => this.submit());
    this.stop = iconButton("stop", words.stop, () => conversation.stop());
    this.tray = h("div", { class: "files" });
    const row = h("div", { class: "row" }, this.attach, this.text, this.stop, this.send);
    this.element = h("form", { class: "composer", onsubmit: (event) => (event.preventDefault(), this.submit()) }, this.tray, row, this.picker);
    this.update();
  }

  // A message that will not be sent comes back, unless another one is being written.
  back(text) {
    this.text.value ||= text;
    this.update();
    this.text.focus();
  }

  // Dropped anywhere on the panel.
  drop(files) {
    if (this.attach.hidden) return;
    for (const file of files) this.#upload(file);
  }

  submit() {
    const text = this.text.value.trim();
    const files = this.#files.filter((file) => file.id).map(({ id, name, size }) => ({ id, name, size }));
    this.#wanted = this.#files.length > files.length;
    if (this.#wanted || (!text && !files.length)) return;
    this.text.value = "";
    this.#files = [];
    this.tray.replaceChildren();
    this.#conversation.say(text, files);
    this.update();
    this.said();
  }

  update() {
    const busy = this.#conversation.writing.busy;
    const empty = !this.text.value.trim() && !this.#files.length;
    this.stop.hidden = !(busy && empty);
    this.send.hidden = busy && empty;
    this.send.disabled = empty || this.#files.some((file) => !file.id);
    // Empty, it has no letters to tell the direction by.
    this.text.dir = this.text.value ? "auto" : this.#words.dir;
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, TALLEST)}px`;
  }

  #typed() {
    this.#wanted = false;
    this.update();
  }

  #key(event) {
    // While a word is being composed (Chinese, Japanese, ...), Enter belongs to the input method.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.submit();
  }

  #paste(event) {
    if (!event.clipboardData.files.length || this.attach.hidden) return;
    event.preventDefault();
    this.drop(event.clipboardData.files);
  }

  #picked() {
    this.drop(this.picker.files);
    this.picker.value = "";
  }

  async #upload(file) {
    const remove = h("button", { type: "button", class: "remove", "aria-label": `${this.#words.remove}: ${file.name}`, onclick: () => this.#drop(kept) }, icon("close"));
    const kept = { name: file.name, size: file.size, id: null };
    kept.element = h("span", { class: "file busy" }, icon("file"), h("span", { dir: "auto" }, file.name), remove);
    this.#files.push(kept);
    this.tray.append(kept.element);
    this.update();
    try {
      const answer = await this.#conversation.upload(file);
      Object.assign(kept, { id: answer.id });
      kept.element.classList.remove("busy");
    } catch (error) {
      this.#wanted = false; // whether to send it without is for the person to say
      kept.element.classList.add("failed");
      kept.element.classList.remove("busy");
      remove.before(h("small", {}, error.status ? error.message : this.#words.unavailable));
      this.#files = this.#files.filter((other) => other !== kept);
    }
    this.update();
    if (this.#wanted) this.submit();
    this.text.focus();
  }

  #drop(kept) {
    kept.element.remove();
    this.#files = this.#files.filter((other) => other !== kept);
    this.update();
  }
}
