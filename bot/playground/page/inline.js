// The parts that mrkdwn, markdown and rich text share: mentions, emoji, dates.

import { h } from "./dom.js";
import { fillDate, full } from "./time.js";

const TONES = { 2: "🏻", 3: "🏼", 4: "🏽", 5: "🏾", 6: "🏿" };
const ALIASES = { thumbsup: "+1", thumbsdown: "-1" };

/** The character of a shortcode such as `+1` or `+1::skin-tone-3`; null if there is none. */
export function emojiCharacter(store, name) {
  const [base, tone] = name.split("::");
  const character = store.data.emoji[ALIASES[base] ?? base];
  if (!character) return null;
  const shade = tone ? TONES[tone.at(-1)] ?? "" : "";
  return shade ? character.replace("\ufe0f", "") + shade : character;
}

export function emoji(store, name) {
  const character = emojiCharacter(store, name);
  if (!character) return `:${name}:`;
  return h("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, character);
}

export function mentionUser(store, id, label) {
  const person = store.people.get(id);
  const name = person?.display_name ?? label ?? id;
  return h("span", { class: id === store.me ? "mention mine" : "mention" }, `@${name}`);
}

export function mentionGroup(store, id, label) {
  const group = store.data.user_groups.find((item) => item.id === id);
  const mine = group?.members.includes(store.me);
  return h("span", { class: mine ? "mention mine" : "mention" }, `@${(group?.handle ?? label ?? id).replace(/^@/, "")}`);
}

export function mentionChannel(store, id, label) {
  const name = store.channels.get(id)?.name || label || id;
  return h("a", { class: "mention", href: `#/${id}` }, `#${name}`);
}

export function broadcast(name) {
  return h("span", { class: "mention mine" }, `@${name}`);
}

export function dateText(store, seconds, format) {
  const zone = store.person.tz;
  const text = fillDate(seconds, format, zone, store.person.locale);
  return h("time", { datetime: new Date(seconds * 1000).toISOString(), title: full(seconds, zone) }, text);
}
