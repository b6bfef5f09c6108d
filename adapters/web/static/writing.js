// The answer being made: whether somebody writes, what they say of it, and what stands there already.

const GRACE = 3_000; // a draft whose turn is over is replaced by its answer, or gone after this

export class Writing {
  typing = false;
  progress = "";
  draft = null; // {turn, attempt, n, text}, `n` counting the pieces it is made of

  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  get busy() {
    return this.typing || this.draft !== null;
  }

  // The events delta, draft, typing and progress.
  heard(event, data) {
    this.progress = event === "progress" ? data.text : "";
    if (event === "draft") this.draft = data;
    else if (event === "delta") this.draft = grown(this.draft, data);
    else if (event === "typing") this.#typing(data.on);
  }

  #typing(on) {
    this.typing = on;
    const left = this.draft;
    if (on || !left) return;
    setTimeout(() => {
      if (this.draft === left) this.draft = null;
      this.#changed();
    }, GRACE);
  }

  // A message of a turn is there.
  done(turn) {
    this.progress = "";
    if (this.draft?.turn === turn) this.draft = null;
  }

  // How it stands, after events may have been missed.
  stands(typing) {
    this.typing = typing;
    if (!typing) this.draft = null;
  }

  calm() {
    this.stands(false);
    this.progress = "";
  }
}

// The draft after one more piece. One that does not follow changes nothing: the gateway makes a gap good by sending
// the whole draft, and until then nothing can be joined.
function grown(draft, { turn, attempt, n, text }) {
  const same = draft?.turn === turn && draft.attempt === attempt;
  if (same && n === draft.n + 1) return { ...draft, n, text: draft.text + text };
  if (!same && n === 1) return { turn, attempt, n, text };
  return draft;
}
