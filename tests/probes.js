// Noted from before a page's first script on: what it must never do. And what the eye would look for, measured.

window.seen = { violations: [], executed: 0, roots: [] };

document.addEventListener("securitypolicyviolation", (event) => {
  seen.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => void (seen.executed += 1);

// Closed shadow roots stay closed to the page; the test keeps a hand on them.
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) {
  const root = attach.call(this, options);
  seen.roots.push({ root, mode: options.mode });
  return root;
};

const shown = (element) => element.checkVisibility() && !element.closest(".hidden");

const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

function rgba(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}

// Relative luminance (WCAG 2)
function luminance(colour) {
  const linear = colour.slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function ground(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] === 255) return colour;
  }
  return [255, 255, 255, 255];
}

window.probe = {
  // Text below 4.5 to 1, pictures below 3 to 1 (level AA); what cannot be used now is exempt.
  faint() {
    return [...document.querySelectorAll(".chat *")].filter(shown).flatMap((element) => {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (element.closest(":disabled") || !(own || element.matches("svg, textarea"))) return [];
      const colour = rgba(getComputedStyle(element).color);
      const [high, low] = [luminance(colour), luminance(ground(element))].sort((a, b) => b - a);
      const ratio = (high + 0.05) / (low + 0.05);
      return ratio < (element.matches("svg") ? 3 : 4.5) ? [`${element.outerHTML.slice(0, 80)} ${ratio.toFixed(2)}`] : [];
    });
  },

  // What a screen reader would have no name for.
  nameless() {
    const named = "button, a, textarea, section, [role=menu], [role=log], [tabindex]";
    return [...document.querySelectorAll(named)]
      .filter((element) => !(element.ariaLabel || element.textContent.trim()))
      .map((element) => element.outerHTML);
  },

  // Smaller than 24 by 24 (WCAG 2.2, target size).
  small() {
    return [...document.querySelectorAll("header button, form button")].filter(shown).filter((element) => {
      const { width, height } = element.getBoundingClientRect();
      return width < 24 || height < 24;
    }).length;
  },

  // Elements that no text of anybody may become.
  foreign(root) {
    const never = "script, iframe, object, embed, img, video, audio, form, base, link, meta, style, math, [style], [srcdoc]";
    const links = [...root.querySelectorAll("[href], [src], [action]")];
    const odd = links.filter((element) => !["http:", "https:", "mailto:", "tel:"].includes(element.protocol));
    const handled = [...root.querySelectorAll("*")].filter((e) => e.getAttributeNames().some((name) => name.startsWith("on")));
    return [...root.querySelectorAll(never), ...odd, ...handled].map((element) => element.outerHTML);
  },

  // The kinds of an element's descendants, and its words.
  shape(element) {
    return { kinds: [...element.querySelectorAll("*")].map((e) => e.tagName).join(" "), words: element.innerText };
  },
};
