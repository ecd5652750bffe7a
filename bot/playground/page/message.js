// One message: who, when, what, reactions, its thread.

import { append, h } from "./dom.js";
import { blocks } from "./blocks.js";
import { formValues } from "./elements.js";
import { pickEmoji } from "./emoji_picker.js";
import { fileCard } from "./files.js";
import { emojiCharacter } from "./inline.js";
import { mrkdwn } from "./mrkdwn.js";
import { clock, day, full } from "./time.js";

/** The round picture that stands for a person, with initials. */
export function avatar(person) {
  const initials = person.display_name.split(/\s+/).map((word) => word[0]).join("").slice(0, 2).toUpperCase();
  return h("span", { class: person.is_bot ? "avatar app" : "avatar", "aria-hidden": "true", style: { "--avatar": person.colour } }, person.is_bot ? "✓" : initials);
}

/** Render a message of `store.visible`. `openThread(ts)` is null inside a thread. */
export function messageItem(store, message, openThread) {
  if (message.subtype === "tombstone") return tombstone(message, openThread);
  const author = store.author(message.author ?? message.user);
  const seconds = Number.parseFloat(message.ts);
  const zone = store.person.tz;
  const item = h("li", {
    class: message.ephemeral ? "message ephemeral" : "message",
    "data-ts": message.ts,
    "data-author": author.id,
    "data-metadata": message.metadata?.event_type,
  });
  const article = h("article", { class: "message-body", "aria-label": `${author.display_name}, ${clock(seconds, zone)}` });
  append(article, [
    h("header", { class: "message-head" },
      h("span", { class: "author" }, author.display_name),
      author.is_bot ? h("span", { class: "badge" }, "app") : h("span", { class: "role" }, author.title),
      h("time", { class: "when", datetime: new Date(seconds * 1000).toISOString(), title: full(seconds, zone) }, clock(seconds, zone)),
      message.edited && !author.is_bot ? h("span", { class: "when" }, "(edited)") : null,
      message.broadcast && openThread ? h("span", { class: "when" }, "also sent to the channel") : null),
    message.ephemeral ? h("p", { class: "only-you" }, h("span", { "aria-hidden": "true" }, "◌ "), "Only visible to you") : null,
    ...body(store, message),
    ...(message.files ?? []).map(fileCard),
  ]);
  if (message.ephemeral) {
    article.append(h("p", {}, h("button", { type: "button", class: "link-button", on: { click: () => store.act("dismiss", { ts: message.ts }) } }, "Dismiss")));
  } else {
    article.append(reactions(store, message), ...threadLink(store, message, openThread));
    article.append(toolbar(store, message, openThread));
  }
  item.append(avatar(author), article);
  return item;
}

function tombstone(message, openThread) {
  const text = h("p", { class: "when" }, "This message was deleted.");
  const more = openThread && message.reply_count
    ? h("button", { type: "button", class: "thread-link", on: { click: () => openThread(message.ts) } }, replies(message.reply_count)) : null;
  return h("li", { class: "message tombstone", "data-ts": message.ts }, h("span", { class: "avatar gone", "aria-hidden": "true" }), h("div", { class: "message-body" }, text, more));
}

function body(store, message) {
  const context = {
    foldable: true,
    send: (blockId, element, value) => store.act("click", {
      channel: message.channel,
      ts: message.ts,
      action_id: element.action_id,
      block_id: blockId,
      value,
      values: formValues(document.querySelector(`[data-ts="${CSS.escape(message.ts)}"]`) ?? document.createElement("p")),
    }),
  };
  if (message.blocks?.length) return blocks(store, context, message.blocks);
  const parts = message.text ? [h("div", { class: "text" }, ...mrkdwn(store, message.text))] : [];
  return [...parts, ...(message.attachments ?? []).map((item) => attachment(store, context, item))];
}

function attachment(store, context, item) {
  const inside = item.blocks ? blocks(store, context, item.blocks) : [h("div", { class: "text" }, ...mrkdwn(store, item.text ?? item.fallback ?? ""))];
  return h("div", { class: "attachment" }, ...inside);
}

function names(store, users) {
  return users.map((user) => (user === store.me ? "you" : store.author(user).display_name)).join(", ");
}

function reactions(store, message) {
  const row = h("div", { class: "reactions" });
  for (const { name, users, count } of message.reactions ?? []) {
    const mine = users.includes(store.me);
    const word = name.replace("::", " ").replaceAll("_", " ");
    row.append(h("button", {
      type: "button",
      class: "reaction",
      "aria-pressed": String(mine),
      "aria-label": `${word}: ${count}, ${names(store, users)}`,
      title: `${names(store, users)} reacted with :${name}:`,
      "data-reaction": name,
      "data-focus": `reaction/${name}`,
      on: { click: () => store.act(mine ? "unreact" : "react", { channel: message.channel, ts: message.ts, name }) },
    }, h("span", { class: "emoji", "aria-hidden": "true" }, emojiCharacter(store, name) ?? name), h("span", { class: "reaction-count" }, count)));
  }
  if (row.childElementCount) row.append(addReaction(store, message, "reaction add", "reaction/add"));
  return row;
}

function addReaction(store, message, kind, focus) {
  const button = h("button", {
    type: "button",
    class: kind,
    "aria-label": "Add a reaction",
    title: "Add a reaction",
    "aria-haspopup": "dialog",
    "aria-expanded": "false",
    "data-focus": focus,
    on: { click: () => pickEmoji(store, button, (name) => store.act("react", { channel: message.channel, ts: message.ts, name })) },
  }, h("span", { class: "icon react" }));
  return button;
}

function replies(count) {
  return count === 1 ? "1 reply" : `${count} replies`;
}

function threadLink(store, message, openThread) {
  if (!openThread || !message.reply_count) return [];
  const seconds = Number.parseFloat(message.latest_reply);
  const when = `${day(seconds, store.person.tz, "date_short")} at ${clock(seconds, store.person.tz)}`;
  return [h("button", {
    type: "button",
    class: "thread-link",
    "data-focus": "thread",
    on: { click: () => openThread(message.ts) },
  }, ...message.reply_users.slice(0, 3).map((user) => avatar(store.author(user))), h("strong", {}, replies(message.reply_count)), h("span", { class: "when" }, `last ${when}`))];
}

function toolbar(store, message, openThread) {
  const buttons = [addReaction(store, message, "tool", "toolbar/react")];
  const target = message.broadcast ? message.thread_ts : message.ts;
  if (openThread) {
    buttons.push(h("button", { type: "button", class: "tool", "aria-label": "Reply in the thread", title: "Reply in the thread", "data-focus": "toolbar/reply", on: { click: () => openThread(target) } }, h("span", { class: "icon reply" })));
  }
  return h("div", { class: "toolbar" }, ...buttons);
}
