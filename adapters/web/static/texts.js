// What the panel says, in the language of the site or of the browser; English where there is no other.

const en = {
  hello: "How can I help?",
  message: "Message",
  placeholder: "Write a message…",
  send: "Send",
  stop: "Stop the answer",
  attach: "Attach a file",
  remove: "Remove",
  log: "Conversation",
  menu: "Menu",
  new: "New conversation",
  end: "End conversation",
  save: "Save transcript",
  close: "Close",
  earlier: "Show earlier messages",
  latest: "To the latest message",
  copy: "Copy",
  copied: "Copied",
  you: "You",
  writing: "An answer is being written",
  sending: "Sending…",
  sent: "Sent",
  waiting: "Waiting for a connection",
  failed: "Not sent",
  again: "Try again",
  discard: "Discard",
  cancelled: "Stopped",
  rate: "Rate this answer",
  good: "Good answer",
  bad: "Bad answer",
  connecting: "Connecting…",
  offline: "No connection. What you write is kept and sent as soon as there is one.",
  expired: "The earlier conversation has expired. This is a new one.",
  ended_before: "The earlier conversation has ended. This is a new one.",
  ended: "This conversation has ended. Your next message starts a new one.",
  timeout: "This conversation was closed after a pause. Write to go on.",
  slow: "That was a lot at once. Sending goes on in a moment.",
  unavailable: "That did not work. Please try again.",
};

const others = ["de", "es", "fr", "pt", "it", "ar", "hi", "sw", "uk", "zh"];
const rightToLeft = ["ar"];

// {lang, dir, ...texts} of the first language that we speak
export async function speak(languages) {
  const wanted = languages.filter(Boolean).map((language) => language.toLowerCase().split("-")[0]);
  const lang = wanted.find((language) => language === "en" || others.includes(language)) ?? "en";
  const dir = rightToLeft.includes(lang) ? "rtl" : "ltr";
  if (lang === "en") return { ...en, lang, dir };
  const url = new URL(`texts/${lang}.json`, import.meta.url);
  const own = await fetch(url, { credentials: "omit", referrerPolicy: "no-referrer" })
    .then((response) => (response.ok ? response.json() : {}))
    .catch(() => ({}));
  return { ...en, ...own, lang, dir };
}
