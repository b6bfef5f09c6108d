// An answer as it grows: {turn, attempt, n, text}, `n` counting the pieces it is made of.

// The draft after one more piece. One that does not follow changes nothing: the gateway makes a gap good by sending
// the whole draft, and until then nothing can be joined.
export function grown(draft, { turn, attempt, n, text }) {
  const same = draft?.turn === turn && draft.attempt === attempt;
  if (same && n === draft.n + 1) return { ...draft, n, text: draft.text + text };
  if (!same && n === 1) return { turn, attempt, n, text };
  return draft;
}
