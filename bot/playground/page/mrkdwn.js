// Slack's mrkdwn, as elements.

import { h, link } from "./dom.js";
import { broadcast, dateText, emoji, mentionChannel, mentionGroup, mentionUser } from "./inline.js";

const STYLES = { "*": "strong", _: "em", "~": "s" };

function unescape(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** Render mrkdwn text as an array of nodes. */
export function mrkdwn(store, text) {
  const nodes = [];
  for (const [index, part] of text.split("```").entries()) {
    const fenced = index % 2 === 1 && text.split("```").length > index + 1;
    if (fenced) nodes.push(h("pre", { tabindex: 0 }, h("code", {}, plain(part.replace(/^\n|\n$/g, "")))));
    else nodes.push(...lines(store, index % 2 === 1 ? `\`\`\`${part}` : part, index > 0));
  }
  return nodes;
}

// Inside code, links and mentions are shown as their text.
function plain(text) {
  return unescape(text.replace(/<([^<>|]+)\|([^<>]+)>/g, "$2").replace(/<((?:https?|mailto):[^<>|]+)>/g, "$1"));
}

const LINE_KINDS = [
  ["quote", /^(?:&gt;|>)(?![^\s>]*>)\s?(.*)$/],
  ["ul", /^\s*(?:•|-|\*)\s+(.*)$/],
  ["ol", /^\s*\d+\.\s+(.*)$/],
];

function kindOf(line) {
  for (const [kind, pattern] of LINE_KINDS) {
    const found = pattern.exec(line);
    if (found) return [kind, found[1]];
  }
  return ["text", line];
}

function lines(store, text, afterFence) {
  const nodes = [];
  let group = null;
  const all = (afterFence ? text.replace(/^\n/, "") : text).split("\n");
  for (const [index, line] of all.entries()) {
    const [kind, content] = kindOf(line);
    if (group?.kind === kind && kind !== "text") {
      if (kind === "quote") group.node.append(h("br"), ...inline(store, content));
      else group.node.append(h("li", {}, ...inline(store, content)));
      continue;
    }
    if (kind === "text") {
      if (group?.kind === "text") nodes.push(h("br"));
      if (content || index < all.length - 1) nodes.push(...inline(store, content));
      group = { kind };
      continue;
    }
    const start = kind === "ol" ? Number.parseInt(line, 10) : null;
    const node = kind === "quote" ? h("blockquote", {}, ...inline(store, content))
      : h(kind, { start: start === 1 ? null : start }, h("li", {}, ...inline(store, content)));
    nodes.push(node);
    group = { kind, node };
  }
  return nodes;
}

const TOKEN = new RegExp(
  [
    "(`[^`\\n]+`)",
    "(<[^<>\\n]+>)",
    "(:[a-z0-9_+'-]+(?:::skin-tone-[2-6])?:)",
    "((?<![\\p{L}\\p{N}*])\\*(?=\\S)[^*\\n]*?\\S\\*(?![\\p{L}\\p{N}*]))",
    "((?<![\\p{L}\\p{N}_])_(?=\\S)[^_\\n]*?[^_\\s]_(?![\\p{L}\\p{N}_]))",
    "((?<![\\p{L}\\p{N}~])~(?=\\S)[^~\\n]*?\\S~(?![\\p{L}\\p{N}~]))",
  ].join("|"),
  "gu",
);

function inline(store, text) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > end) nodes.push(unescape(text.slice(end, found.index)));
    nodes.push(token(store, found[0]));
    end = found.index + found[0].length;
  }
  if (end < text.length) nodes.push(unescape(text.slice(end)));
  return nodes;
}

function token(store, text) {
  const inner = text.slice(1, -1);
  if (text[0] === "`") return h("code", {}, plain(inner));
  if (text[0] === "<") return reference(store, inner);
  if (text[0] === ":") return emoji(store, inner);
  return h(STYLES[text[0]], {}, ...inline(store, inner));
}

function reference(store, inner) {
  const [target, ...rest] = inner.split("|");
  const label = rest.length ? unescape(rest.join("|")) : undefined;
  if (target.startsWith("@")) return mentionUser(store, target.slice(1), label);
  if (target.startsWith("#")) return mentionChannel(store, target.slice(1), label);
  if (target.startsWith("!subteam^")) return mentionGroup(store, target.slice(9), label);
  if (target.startsWith("!date^")) {
    const [, seconds, format, address] = target.split("^");
    if (!/^\d+$/.test(seconds)) return label ?? `<${inner}>`;
    const shown = dateText(store, Number(seconds), format ?? "{date} {time}");
    return address ? link(unescape(address), shown) : shown;
  }
  if (target.startsWith("!")) return broadcast(label ?? target.slice(1));
  if (/^(https?:\/\/|mailto:)/i.test(target)) return link(unescape(target), label ?? unescape(target).replace(/^mailto:/, ""));
  return unescape(`<${inner}>`);
}

/** Render a text object (`plain_text` or `mrkdwn`) as an array of nodes. */
export function textObject(store, object) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(store, object.text);
  return plainText(store, object.text, object.emoji !== false);
}

/** Render plain text: line breaks, and emoji if wanted. */
export function plainText(store, text, withEmoji = true) {
  const nodes = [];
  for (const [index, line] of String(text).split("\n").entries()) {
    if (index) nodes.push(h("br"));
    const parts = withEmoji ? line.split(/(:[a-z0-9_+'-]+(?:::skin-tone-[2-6])?:)/) : [line];
    for (const part of parts) nodes.push(/^:.+:$/.test(part) && withEmoji ? emoji(store, part.slice(1, -1)) : part);
  }
  return nodes;
}
