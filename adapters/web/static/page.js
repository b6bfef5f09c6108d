// The hosted page: the panel, opened full size.

import { mount } from "./panel.js";

const settings = JSON.parse(document.querySelector("meta[name=chat]").content);
const panel = await mount(document.body, settings, {
  languages: navigator.languages,
  unread: (count) => (document.title = count ? `(${count}) ${settings.title}` : settings.title),
});
document.documentElement.lang = panel.element.lang;
document.documentElement.dir = panel.element.dir;
panel.show();
