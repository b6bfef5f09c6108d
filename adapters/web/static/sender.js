// Sends what is in the outbox, one after the other, and again until the gateway has it or refuses it for good.

import { Problem } from "./api.js";

const AGAIN = 3; // seconds, where the gateway names none

export class Sender {
  sending = null; // id of the entry being sent now

  #api;
  #vault;
  #outbox;
  #session;
  #hooks;
  #running = false;
  #retry = 0;
  #renewed = ""; // id of the entry for which a new session was got last

  constructor(api, vault, outbox, session, hooks) {
    this.#api = api;
    this.#vault = vault;
    this.#outbox = outbox;
    this.#session = session;
    this.#hooks = hooks;
  }

  async flush() {
    if (this.#running) return;
    this.#running = true;
    clearTimeout(this.#retry);
    let wait = 0;
    try {
      await this.#vault.alone("outbox", async () => {
        for (let entry = this.#outbox.next; entry && !wait; entry = this.#outbox.next) wait = await this.#send(entry);
      });
    } finally {
      this.#running = false;
    }
    if (!wait && this.#outbox.next) return this.flush();
    if (wait) this.#retry = setTimeout(() => this.flush(), wait * 1000);
  }

  // Seconds to wait before anything more is sent.
  async #send(entry) {
    this.sending = entry.id;
    this.#hooks.changed();
    let session = this.#session.current;
    try {
      session = await this.#session.need();
      this.#hooks.entering(session);
      const answer = await this.#post(entry, session);
      this.#outbox.change(entry.id, { state: "sent", session: session.session_id, turn: answer?.turn_id });
      this.#hooks.accepted(entry, answer);
      return 0;
    } catch (error) {
      return await this.#refused(entry, session, error);
    } finally {
      this.sending = null;
      this.#hooks.changed();
    }
  }

  #post({ id, text, files }, { token }) {
    const body = { message: text, message_id: id, ...(files.length && { files: files.map((file) => file.id) }) };
    // The answer comes by the live connection; this request only has to be taken.
    return this.#api.call("POST", "chat", { token, body, headers: { Prefer: "respond-async" } });
  }

  async #refused(entry, session, error) {
    if (!(error instanceof Problem)) return AGAIN;
    if (error.lost && session) {
      // Once at once; a gateway that refuses every session of its own making is given time.
      const first = this.#renewed !== entry.id;
      this.#renewed = entry.id;
      return this.#hooks.lost(session, error).then(() => (first ? 0 : AGAIN), () => AGAIN);
    }
    if (error.status === 429) this.#hooks.slow();
    if (error.passing) return error.after || AGAIN;
    this.#outbox.change(entry.id, { state: "failed", detail: error.message });
    return 0;
  }
}
