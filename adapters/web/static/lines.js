// What has been said, in order: the session's own messages by their number, and what stands between them.

export class Lines {
  session = "";
  past = []; // lines of sessions before this one, and notes
  #messages = new Map();
  #local = []; // said here and answered, but never part of the history (commands)
  last = 0;

  begin(session, { keep = false, note = "" } = {}) {
    this.past = keep ? [...this.past, ...this.committed] : [];
    if (note) this.past.push({ key: `note:${session}`, note });
    this.session = session;
    this.#messages.clear();
    this.#local = [];
    this.last = 0;
  }

  // True when it is news.
  add(message) {
    if (this.#messages.has(message.seq)) return false;
    this.#messages.set(message.seq, { ...message, key: `${this.session}:${message.seq}` });
    this.last = Math.max(this.last, message.seq);
    return true;
  }

  rate({ seq, score }) {
    const message = this.#messages.get(seq);
    if (message) this.#messages.set(seq, { ...message, score });
  }

  // An entry of the outbox that was answered by the message `seq` without becoming history itself.
  place(entry, seq) {
    this.#local.push({ ...entry, key: entry.id, role: "user", seq: seq - 0.5, at: entry.at, message_id: entry.id });
  }

  // Whether a turn has become history.
  has(turn) {
    return this.committed.some((message) => message.turn === turn);
  }

  // The first answer of a turn, once it is here.
  reply(turn) {
    return turn && this.committed.find((message) => message.turn === turn && message.role !== "user");
  }

  get first() {
    return Math.min(...this.#messages.keys());
  }

  get committed() {
    return [...this.#messages.values(), ...this.#local].sort((a, b) => a.seq - b.seq);
  }
}
