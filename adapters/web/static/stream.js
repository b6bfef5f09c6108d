// The live connection: opened, kept, and opened again, for as long as somebody looks at the page.

import { events } from "./events.js";

const SILENCE = 45_000; // three heartbeats of the gateway
const UNSEEN = 60_000; // browsers allow six connections to a host: a tab in the background gives its one back

// `open` reads what was missed and returns the session; `again()` starts afresh, `rest()` waits for `again()`.
export function stream(api, { open, since, heard, state, failed }, signal) {
  let cut = new AbortController();
  let resting = false;
  let wake = () => {};
  let unseen = 0;

  const pause = (ms) => new Promise((resolve) => {
    wake = resolve;
    if (ms !== undefined) setTimeout(resolve, ms);
  });
  const again = () => {
    resting = false;
    cut.abort();
    wake();
  };
  const rest = () => {
    resting = true;
    cut.abort();
  };

  async function listen(session, own) {
    let watch;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => own.abort(), SILENCE);
    };
    alive();
    try {
      const options = { token: session.token, signal: own.signal, headers: { Accept: "text/event-stream" } };
      const response = await api.open("GET", `chat/events?since=${since()}`, options);
      state("live");
      for await (const event of events(response.body)) {
        alive();
        if (own.signal.aborted) return;
        if (event.event !== "beat") heard(event);
      }
    } finally {
      clearTimeout(watch);
    }
  }

  async function run() {
    for (let failures = 0; !signal.aborted; ) {
      if (resting || document.hidden) {
        await pause();
        continue;
      }
      const own = (cut = new AbortController());
      const began = Date.now();
      let wished = 0; // seconds that the gateway asks us to wait
      try {
        const session = await open();
        if (!own.signal.aborted) await listen(session, own);
      } catch (error) {
        if (own.signal.aborted) continue;
        wished = error.after ?? 0;
        await failed(error).catch(() => {});
      }
      if (own.signal.aborted || resting) continue;
      // Ended by the gateway after a while: a restart or a proxy's patience, no reason to hesitate.
      failures = Date.now() - began > 10_000 ? 0 : failures + 1;
      if (failures > 1) state("away");
      await pause(Math.max(wished * 1000, Math.min(30_000, 250 * 2 ** failures) * (0.5 + Math.random() / 2)));
    }
  }

  const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
  on(window, "online", () => resting || again());
  on(window, "offline", () => resting || state("away"));
  on(window, "pagehide", () => cut.abort());
  on(window, "pageshow", () => wake());
  on(document, "visibilitychange", () => {
    clearTimeout(unseen);
    if (document.hidden) unseen = setTimeout(() => cut.abort(), UNSEEN);
    else wake();
  });
  signal.addEventListener("abort", rest);
  run();
  return { again, rest };
}
