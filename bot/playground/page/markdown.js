// Markdown, as in Slack's `markdown` block: headings, lists, tables, code, quotes, links, emphasis.

import { h, link } from "./dom.js";
import { emoji } from "./inline.js";

const TOKEN = new RegExp(
  [
    "(?<code>`[^`\\n]+`)",
    "(?<link>\\[[^\\]\\n]+\\]\\([^()\\s]+\\))",
    "(?<address>https?:\\/\\/[^\\s<>)]+)",
    "(?<strong>\\*\\*(?=\\S).+?\\*\\*|(?<![\\p{L}\\p{N}_])__(?=\\S).+?__(?![\\p{L}\\p{N}_]))",
    "(?<s>~~(?=\\S).+?~~)",
    "(?<em>\\*(?=\\S)[^*\\n]+?\\*|(?<![\\p{L}\\p{N}_])_(?=\\S)[^_\\n]+?_(?![\\p{L}\\p{N}_]))",
    "(?<emoji>:[a-z0-9_+-]+:)",
  ].join("|"),
  "gu",
);

function inline(store, text) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    nodes.push(text.slice(end, found.index));
    end = found.index + found[0].length;
    const [kind, whole] = Object.entries(found.groups).find(([, value]) => value !== undefined);
    if (kind === "code") nodes.push(h("code", {}, whole.slice(1, -1)));
    else if (kind === "link") {
      const [, label, address] = /^\[(.+)\]\((.+)\)$/.exec(whole);
      nodes.push(link(address, ...inline(store, label)));
    } else if (kind === "address") nodes.push(link(whole));
    else if (kind === "emoji") nodes.push(emoji(store, whole.slice(1, -1)));
    else {
      const size = kind === "em" ? 1 : 2;
      nodes.push(h(kind, {}, ...inline(store, whole.slice(size, -size))));
    }
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

const LIST = /^(\s*)([-*+]|\d+[.)])\s+(?:\[([ xX])\]\s+)?(.*)$/;

/** Render markdown as an array of nodes. */
export function markdown(store, text) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const nodes = [];
  for (let at = 0; at < lines.length;) {
    const [node, used] = block(store, lines, at);
    if (node) nodes.push(node);
    at += used;
  }
  return nodes;
}

function block(store, lines, at) {
  const line = lines[at];
  if (!line.trim()) return [null, 1];
  if (/^\s*```/.test(line)) {
    const end = lines.findIndex((other, index) => index > at && /^\s*```/.test(other));
    const last = end < 0 ? lines.length : end;
    return [h("pre", { tabindex: 0 }, h("code", {}, lines.slice(at + 1, last).join("\n"))), last - at + 1];
  }
  const heading = /^(#{1,6})\s+(.*)$/.exec(line);
  if (heading) return [h("h3", { class: `level-${heading[1].length}` }, ...inline(store, heading[2])), 1];
  if (/^\s*(-{3,}|\*{3,}|_{3,})\s*$/.test(line)) return [h("hr"), 1];
  if (LIST.test(line)) return list(store, lines, at);
  if (/^>/.test(line)) return quote(store, lines, at);
  if (line.includes("|") && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[at + 1] ?? "")) {
    return table(store, lines, at);
  }
  return paragraph(store, lines, at);
}

function run(lines, at, belongs) {
  let end = at;
  while (end < lines.length && belongs(lines[end])) end += 1;
  return lines.slice(at, end);
}

function list(store, lines, at) {
  const items = run(lines, at, (line) => LIST.test(line));
  const ordered = /\d/.test(LIST.exec(items[0])[2]);
  const node = h(ordered ? "ol" : "ul", {});
  for (const item of items) {
    const [, indent, , done, content] = LIST.exec(item);
    const box = done === undefined ? null : h("input", { type: "checkbox", disabled: true, checked: done !== " ", "aria-label": done === " " ? "open" : "done" });
    node.append(h("li", { class: indent.length > 1 ? "deeper" : null }, box, ...inline(store, content)));
  }
  return [node, items.length];
}

function quote(store, lines, at) {
  const quoted = run(lines, at, (line) => line.startsWith(">"));
  return [h("blockquote", {}, ...markdown(store, quoted.map((line) => line.replace(/^>\s?/, "")).join("\n"))), quoted.length];
}

function cells(line) {
  return line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

function table(store, lines, at) {
  const rows = run(lines, at, (line) => line.includes("|"));
  const head = h("tr", {}, ...cells(rows[0]).map((cell) => h("th", { scope: "col" }, ...inline(store, cell))));
  const body = rows.slice(2).map((row) => h("tr", {}, ...cells(row).map((cell) => h("td", {}, ...inline(store, cell)))));
  return [h("div", { class: "table-scroll", tabindex: 0 }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...body))), rows.length];
}

function paragraph(store, lines, at) {
  const starts = /^(\s*```|#{1,6}\s|>|\s*(-{3,}|\*{3,})\s*$)/;
  const text = run(lines, at, (line) => line.trim() && !LIST.test(line) && !starts.test(line));
  const content = text.flatMap((line, index) => (index ? [h("br"), ...inline(store, line)] : inline(store, line)));
  return [h("p", {}, ...content), Math.max(1, text.length)];
}
