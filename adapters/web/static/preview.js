// An answer while it is being written: the common Markdown, read line by line, in the gateway's kind of tree.
// It need not be exact: the finished message brings the gateway's own tree.

const FENCE = /^ {0,3}(`{3,}(?!.*`)|~{3,}) *([\w+#.-]*)/;
const ITEM = /^ {0,3}([-*+]|(\d{1,9})[.)]) +(.*)$/;
const INLINE = /(`+)([^`]|[^`][^]*?[^`])\1(?!`)|\*\*(?=\S)([^]*?\S)\*\*|(?<![\w*])[*_](?=[^\s*_])([^*_\n]*?[^\s*_])[*_](?![\w*])|~~(?=\S)([^]*?\S)~~|\[([^\]\n]+)\]\((https?:[^\s)]+)\)|(https?:\/\/[^\s<>")\]]*[^\s<>")\].,:;!?'])/g;

const DEEPEST = 4; // lists and quotes within each other
const LONGEST = 4_000; // of a line; a longer one is no prose

// [{source, node}]: a block whose source has not changed need not be shown again.
export function blocks(text, depth = 0) {
  const found = [];
  let fence = null;
  let open = [];
  let apart = true; // by a blank line, from what came before
  const add = (source, node) => {
    found.push({ source, node: { ...node, tight: !apart } });
    apart = false;
  };
  const close = () => {
    if (open.length) add(open.join("\n"), block(open, depth));
    open = [];
  };
  for (const line of text.split("\n")) {
    if (fence) {
      if (line.trimStart().startsWith(fence.mark)) {
        add(...fenced(fence));
        fence = null;
      } else fence.lines.push(line);
      continue;
    }
    const begin = FENCE.exec(line);
    if (begin) {
      close();
      fence = { mark: begin[1], lang: begin[2], lines: [] };
    } else if (!line.trim()) {
      close();
      apart = true;
    } else {
      const [before, now] = [kind(open[0] ?? line), kind(line)];
      const inner = (before === "ul" || before === "ol") && /^ {2}/.test(line);
      if (before !== now && !inner && (now !== "p" || before === "h")) close();
      open.push(line);
    }
  }
  if (fence) add(...fenced(fence));
  close();
  return found;
}

function fenced({ lang, lines }) {
  const text = lines.join("\n");
  return [`\`\`\`${lang}\n${text}`, { t: "pre", lang, c: [text] }];
}

function kind(line) {
  if (/^#{1,6} /.test(line)) return "h";
  if (/^ {0,3}>/.test(line)) return "quote";
  if (/^ {0,3}([-*_])( *\1){2,} *$/.test(line)) return "hr";
  if (/^ {0,3}\|/.test(line)) return "table";
  if (ITEM.test(line)) return ITEM.exec(line)[2] ? "ol" : "ul";
  return "p";
}

function block(lines, depth) {
  const t = kind(lines[0]);
  if (t === "h") return { t, n: /^#+/.exec(lines[0])[0].length, c: inline(lines[0].replace(/^#+ /, "")) };
  if (t === "hr") return { t };
  if (t === "quote" && depth < DEEPEST) {
    const inner = lines.map((line) => line.replace(/^ {0,3}> ?/, "")).join("\n");
    return { t, c: blocks(inner, depth + 1).map(({ node }) => node) };
  }
  if (t === "table" && /^[ |:-]+$/.test(lines[1] ?? "")) return { t, c: [row(lines[0], "th"), ...lines.slice(2).map((line) => row(line, "td"))] };
  if ((t === "ul" || t === "ol") && depth < DEEPEST) return { t, n: Number(ITEM.exec(lines[0])[2] ?? 1), c: items(lines, depth) };
  return { t: "p", c: broken(lines) };
}

function items(lines, depth) {
  const margin = /^ */.exec(lines[0])[0].length;
  const found = [];
  let width = 0; // of the item's marker: what stands that far in belongs to the item
  for (const line of lines) {
    const item = /^ */.exec(line)[0].length < margin + 2 && ITEM.exec(line);
    if (item) {
      width = line.length - item[3].length;
      found.push([item[3]]);
    } else found.at(-1).push(line.slice(Math.min(width, /^ */.exec(line)[0].length)));
  }
  return found.map((inner, at) => ({ t: "li", tight: at > 0, c: blocks(inner.join("\n"), depth + 1).map(({ node }) => node) }));
}

function row(line, t) {
  const cells = line.trim().replace(/^\||\|$/g, "").split("|");
  return { t: "tr", c: cells.map((text) => ({ t, c: inline(text.trim()) })) };
}

function broken(lines) {
  return lines.flatMap((line, at) => (at ? [{ t: "br" }, ...inline(line)] : inline(line)));
}

function inline(text) {
  if (text.length > LONGEST) return [text];
  const found = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, , code, bold, italic, struck, label, href, address] = match;
    if (match.index > end) found.push(text.slice(end, match.index));
    end = match.index + whole.length;
    if (code) found.push({ t: "code", c: [code] });
    else if (bold) found.push({ t: "b", c: inline(bold) });
    else if (italic) found.push({ t: "i", c: inline(italic) });
    else if (struck) found.push({ t: "s", c: inline(struck) });
    else found.push({ t: "a", href: href ?? address, c: [label ?? address] });
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}
