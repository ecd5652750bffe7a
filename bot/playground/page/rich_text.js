// Slack's rich text, as elements.

import { h, link } from "./dom.js";
import { broadcast, dateText, emoji, mentionChannel, mentionGroup, mentionUser } from "./inline.js";

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code" };

function leaf(store, element) {
  const kinds = {
    text: () => element.text,
    link: () => link(element.url, element.text ?? element.url),
    emoji: () => emoji(store, element.skin_tone ? `${element.name}::skin-tone-${element.skin_tone}` : element.name),
    user: () => mentionUser(store, element.user_id),
    usergroup: () => mentionGroup(store, element.usergroup_id),
    channel: () => mentionChannel(store, element.channel_id),
    broadcast: () => broadcast(element.range),
    date: () => dateText(store, element.timestamp, element.format ?? "{date} {time}"),
    color: () => element.value,
  };
  let node = (kinds[element.type] ?? (() => ""))();
  for (const [style, tag] of Object.entries(STYLES)) if (element.style?.[style]) node = h(tag, {}, node);
  return node;
}

function leaves(store, element) {
  return (element.elements ?? []).flatMap((item) => broken(leaf(store, item)));
}

function broken(node) {
  if (typeof node !== "string") return [node];
  return node.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
}

function part(store, element) {
  if (element.type === "rich_text_list") {
    const items = element.elements.map((item) => h("li", {}, ...leaves(store, item)));
    const tag = element.style === "ordered" ? "ol" : "ul";
    return h(tag, { class: element.indent ? `indent-${Math.min(4, element.indent)}` : null, start: element.offset ? element.offset + 1 : null }, ...items);
  }
  if (element.type === "rich_text_preformatted") {
    return h("pre", { tabindex: 0 }, h("code", {}, ...element.elements.map((item) => item.text ?? item.url ?? "")));
  }
  if (element.type === "rich_text_quote") return h("blockquote", {}, ...leaves(store, element));
  return h("p", {}, ...leaves(store, element));
}

/** Render a `rich_text` block as an array of nodes. */
export function richText(store, block) {
  return (block.elements ?? []).map((element) => part(store, element));
}
