// One conversation as this tab knows it: what was said, what is on its way, what is being answered.
// It holds no element; `changed` is called after every change, `news` for each answer that comes in live.

import { Problem } from "./api.js";
import { Lines } from "./lines.js";
import { Outbox } from "./outbox.js";
import { Sender } from "./sender.js";
import { Session } from "./session.js";
import { stream } from "./stream.js";
import { Writing } from "./writing.js";

const PAGE = 50; // messages

export class Conversation {
  lines = new Lines();
  writing = new Writing(() => this.#changed());
  state = "connecting"; // connecting | live | away | over
  notice = ""; // a key of the texts
  ready = false; // the history has been read once

  #api;
  #vault;
  #session;
  #outbox;
  #tell;
  #sender;
  #stream = null;
  #pending = []; // taken by the gateway and not answered, as of the last reading
  #using = null; // the session that the live connection is for

  constructor(api, vault, settings, userToken, tell) {
    this.#api = api;
    this.#vault = vault;
    this.#session = new Session(api, vault, settings, userToken);
    this.#outbox = new Outbox(vault);
    this.#tell = tell;
    this.#sender = new Sender(api, vault, this.#outbox, this.#session, {
      changed: () => this.#changed(),
      entering: (session) => this.#entering(session),
      accepted: (entry, answer) => this.#accepted(entry, answer),
      lost: (session, error) => this.#renew(session, error),
      slow: () => this.#note("slow"),
    });
  }

  // What is on its way: from this browser, and what other clients of the session have said.
  get entries() {
    const own = this.#outbox.entries;
    const foreign = this.#pending.filter(({ id, turn }) => !this.lines.has(turn) && !own.some((entry) => entry.id === id));
    return [...foreign, ...own];
  }

  // The id of the entry that is being sent now.
  get sending() {
    return this.#sender.sending;
  }

  start(signal) {
    this.#vault.watch((name) => this.#elsewhere(name), signal);
    this.#stream = stream(this.#api, {
      open: () => this.#open(),
      since: () => this.lines.last,
      heard: (event) => this.#heard(event),
      state: (state) => this.#become(state),
      failed: (error) => this.#failed(error),
    }, signal);
  }

  // --- what the person does

  say(text, files = []) {
    this.#outbox.add(text, files);
    this.#changed();
    this.#sender.flush();
  }

  again(id) {
    this.#outbox.change(id, { state: "waiting", detail: "" });
    this.#changed();
    this.#sender.flush();
  }

  discard(id) {
    this.#outbox.remove(id);
    this.#changed();
  }

  async stop() {
    await this.#session.stop().catch((error) => error.status === 409 || this.#gone(error));
  }

  async reset() {
    try {
      if (this.#session.current && this.state !== "over") await this.#session.reset();
      else this.#session.keep(null);
    } catch (error) {
      if (!this.#gone(error)) return;
      this.#session.keep(null);
    }
    this.#restart();
  }

  async end() {
    try {
      if (this.#session.current) await this.#session.end();
    } catch (error) {
      if (!this.#gone(error)) return;
      this.#session.keep(null);
    }
    this.#over("ended");
  }

  // What somebody thinks of an answer: 1, -1, or 0 for nothing.
  async rate(seq, score) {
    try {
      this.#rated(await this.#session.rate(seq, score));
    } catch (error) {
      this.#gone(error);
    }
  }

  #rated(rating) {
    this.lines.rate(rating);
    this.#changed();
  }

  // Whether the session is over anyway; else says what is in the way.
  #gone(error) {
    if (error.lost) return true;
    this.#note(error instanceof Problem ? "unavailable" : "offline");
    return false;
  }

  upload(file) {
    return this.#session.upload(file);
  }

  transcript() {
    return this.#session.transcript();
  }

  async earlier() {
    const since = Math.max(0, this.lines.first - 1 - PAGE);
    const limit = this.lines.first - 1 - since;
    await this.#read(`chat?since=${since}&limit=${limit}`, this.#session.current);
    this.#changed();
  }

  // --- the session and its history

  async #open() {
    const session = (this.#using = await this.#session.need());
    if (session.session_id !== this.lines.session) this.lines.begin(session.session_id);
    this.#outbox.settle(session.session_id);
    const sent = this.#outbox.entries.filter(({ state }) => state === "sent");
    if (!this.lines.last) await this.#read("chat", session);
    else while (await this.#read(`chat?since=${this.lines.last}&limit=200`, session));
    // What neither waits nor became history was a command: it has had its answer.
    for (const { id } of sent) if (!this.#pending.some((entry) => entry.id === id)) this.#outbox.remove(id);
    this.ready = true;
    this.#changed();
    this.#sender.flush();
    return session;
  }

  async #read(path, session) {
    const page = await this.#api.call("GET", path, { token: session.token });
    if (session.session_id !== this.lines.session) return false;
    for (const message of page.messages) this.#add(message);
    this.writing.stands(page.typing);
    this.#pending = page.pending.map(({ message_id, text, files, at, turn }) => {
      return { id: message_id || turn, text, files, at, turn, state: "sent", session: session.session_id };
    });
    return page.has_more && page.messages.length > 0;
  }

  async #failed(error) {
    if (!(error instanceof Problem) || !error.lost || !this.#using) return;
    if (error.status === 410 && this.lines.last) this.#over("ended");
    else await this.#renew(this.#using, error);
  }

  async #renew(dead, error) {
    const known = this.lines.last > 0 || this.lines.past.length > 0;
    const note = this.state === "over" ? "" : error.status === 410 ? "ended_before" : "expired";
    const session = await this.#session.need(dead);
    this.#outbox.settle(session.session_id);
    this.#calm();
    if (session.session_id !== this.lines.session) this.lines.begin(session.session_id, { keep: known, note });
    this.#become("connecting");
    this.#stream.again();
  }

  #restart() {
    const session = this.#session.current?.session_id ?? "";
    this.#outbox.settle(session);
    this.lines.begin(session);
    this.#calm();
    this.#become("connecting");
    this.#stream.again();
  }

  #over(notice) {
    this.#calm();
    this.#become("over");
    this.#note(notice);
    this.#stream.rest();
  }

  #calm() {
    this.writing.calm();
    this.notice = "";
    this.#pending = [];
  }

  #entering(session) {
    if (this.state === "over" && session.session_id !== this.lines.session) {
      this.lines.begin(session.session_id, { keep: true });
    }
  }

  #accepted(entry, answer) {
    if (this.notice === "slow") this.notice = "";
    if (answer?.session) {
      // A reset: what was answered stands in the new session.
      this.#outbox.remove(entry.id);
      this.#session.keep(answer.session);
      return this.#restart();
    }
    for (const message of answer?.messages ?? []) this.#add(message);
    this.#answered(this.lines.reply(answer?.turn_id));
    if (this.state === "over") {
      this.#calm();
      this.#become("connecting");
      this.#stream.again();
    }
  }

  // --- hearing

  #heard({ event, data }) {
    if (event === "message") this.#arrived(data);
    else if (event === "closed") this.#over(data.reason === "timeout" ? "timeout" : "ended");
    else if (event === "reset") this.#replaced();
    else if (event === "rating") this.#rated(data);
    else this.writing.heard(event, data);
    this.#changed();
  }

  #arrived(message) {
    if (this.#add(message) && message.role !== "user") this.#tell.news(message);
  }

  #add(message) {
    if (!this.lines.add(message)) return false;
    if (message.message_id) this.#outbox.remove(message.message_id);
    if (message.role === "user" || !message.turn) return true;
    this.writing.done(message.turn);
    this.#answered(message);
    return true;
  }

  // What has an answer is no longer on its way, even if it never becomes history (commands do not).
  #answered(message) {
    for (const entry of this.#outbox.entries.filter((entry) => message && entry.turn === message.turn)) {
      this.#outbox.remove(entry.id);
      this.lines.place(entry, message.seq);
    }
  }

  // Another tab (or the person, by a command) began anew; the tab that did it has put the new token into the vault.
  async #replaced() {
    const dead = this.lines.session;
    for (let tries = 0; tries < 30 && this.#session.current?.session_id === dead; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    if (this.lines.session !== dead) return;
    if (this.#session.current?.session_id !== dead) this.#elsewhere("session");
    else this.#stream.again(); // an operator did: the old token leads to a new session
  }

  #elsewhere(name) {
    const session = this.#session.current;
    if (name === "session" || name === undefined) {
      if (!session && this.state !== "over") this.#over("ended");
      else if (session && session.session_id !== this.lines.session) this.#restart();
    }
    this.#changed();
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    if (state === "live" && this.notice === "offline") this.notice = "";
    this.#changed();
  }

  #note(notice) {
    this.notice = notice;
    this.#changed();
  }

  #changed() {
    this.#tell.changed();
  }
}
