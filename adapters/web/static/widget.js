// The launcher: <script src="https://chat.example.org/widget.js" data-channel="site" async></script>
// A button in a corner of the page. The chat itself is fetched when somebody wants it.
(() => {
  const script = document.currentScript;
  const base = new URL(".", script.src);
  const { channel, userToken } = script.dataset;
  const OPEN = `chat ${base} open`;

  const remember = (open) => {
    try {
      open ? sessionStorage.setItem(OPEN, "1") : sessionStorage.removeItem(OPEN);
    } catch {
      // Blocked storage: the next page starts closed.
    }
  };
  const remembered = () => {
    try {
      return sessionStorage.getItem(OPEN) !== null;
    } catch {
      return false;
    }
  };

  const style = ({ colour, ink, position }) => `
    :host { all: initial !important; position: fixed !important; z-index: 2147483000 !important;
      inset-block-end: 0 !important; ${position}: 0 !important; color-scheme: light dark; }
    .launch { all: unset; position: fixed; bottom: max(20px, env(safe-area-inset-bottom)); ${position}: 20px;
      box-sizing: border-box; inline-size: 56px; block-size: 56px; border-radius: 50%; cursor: pointer;
      display: grid; place-items: center; background: ${colour}; color: ${ink};
      box-shadow: 0 1px 3px #0004, 0 6px 24px #0003; transition: transform .15s; }
    .launch:hover { transform: scale(1.05); }
    .launch:focus-visible { outline: 3px solid ${colour}; outline-offset: 3px; }
    .launch[aria-expanded=true] svg { transform: scale(.9); }
    .launch i { position: absolute; top: 0; ${position}: 0; min-inline-size: 20px; box-sizing: border-box; padding: 0 5px;
      border-radius: 10px; background: #c62828; color: #fff; font: 600 12px/20px system-ui, sans-serif; text-align: center; }
    .launch i:empty { display: none; }
    svg { inline-size: 28px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
    @media (prefers-reduced-motion: reduce) { .launch { transition: none; } }
    @media print { :host { display: none !important; } }`;

  const make = (settings) => {
    const host = document.createElement("chat-widget");
    const root = host.attachShadow({ mode: "closed" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style(settings));
    root.adoptedStyleSheets = [sheet];

    const button = document.createElement("button");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const badge = document.createElement("i");
    button.className = "launch";
    button.type = "button";
    for (const [name, value] of [["aria-label", settings.title], ["aria-haspopup", "dialog"], ["aria-expanded", "false"]]) {
      button.setAttribute(name, value);
    }
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", "M20 11.5a7.5 7.5 0 0 1-11 6.6L4 19.5l1.4-4.6A7.5 7.5 0 1 1 20 11.5z");
    svg.append(path);
    button.append(svg, badge);
    root.append(button);
    document.body.append(host);

    let panel = null;
    const load = () => (panel ??= import(new URL(settings.panel, base)).then(({ mount }) =>
      mount(root, settings, {
        userToken,
        languages: [document.documentElement.lang, ...navigator.languages],
        close: () => toggle(false),
        unread: (count) => (badge.textContent = count || ""),
      })));
    const toggle = async (open, focus = true) => {
      button.setAttribute("aria-expanded", open);
      remember(open);
      const chat = await load().catch((error) => {
        panel = null;
        button.setAttribute("aria-expanded", "false");
        console.error("chat: the panel could not be loaded.", error);
      });
      if (open) chat?.show(focus);
      else {
        chat?.hide();
        button.focus();
      }
    };
    button.addEventListener("click", () => toggle(button.getAttribute("aria-expanded") !== "true"));
    button.addEventListener("pointerenter", () => load().catch(() => (panel = null)), { once: true });
    // Not on a small screen, where it would cover the page one came to read.
    if (remembered() && matchMedia("(min-width: 480px)").matches) toggle(true, false);
  };

  const start = async () => {
    const response = await fetch(new URL(channel ? `c/${encodeURIComponent(channel)}` : "widget.json", base), { credentials: "omit" });
    if (response.ok) make(await response.json());
    else console.warn(`chat: ${(await response.json().catch(() => null))?.detail ?? response.status}`);
  };
  const begin = () => start().catch((error) => console.warn("chat: not available on this page.", error));
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
