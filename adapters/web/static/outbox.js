// Messages on their way. Each is kept until it is seen in the history, so that neither a reload nor a lost
// connection loses it; it keeps its id, by which the gateway takes it once however often it is sent.

import { newId } from "./dom.js";

const KEPT = 7 * 86_400_000;

export class Outbox {
  #vault;

  constructor(vault) {
    this.#vault = vault;
  }

  // [{id, text, files, at, state: waiting | sent | failed, session, turn, detail}], oldest first
  get entries() {
    const now = Date.now();
    return (this.#vault.get("outbox") ?? []).filter((entry) => now - entry.at < KEPT);
  }

  #put(entries) {
    this.#vault.set("outbox", entries.length ? entries : null);
  }

  add(text, files) {
    this.#put([...this.entries, { id: newId(), text, files, at: Date.now(), state: "waiting" }]);
  }

  change(id, news) {
    this.#put(this.entries.map((entry) => (entry.id === id ? { ...entry, ...news } : entry)));
  }

  remove(id) {
    const entries = this.entries;
    const others = entries.filter((entry) => entry.id !== id);
    if (others.length !== entries.length) this.#put(others);
    return others.length !== entries.length;
  }

  // What another session had accepted went with it; what none has accepted goes to this one.
  settle(session) {
    this.#put(this.entries.filter((entry) => entry.state !== "sent" || entry.session === session));
  }

  get next() {
    return this.entries.find((entry) => entry.state === "waiting");
  }
}
