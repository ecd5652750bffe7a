// The channel pane, the thread pane and the app's pane with its Home tab.
// The composer comes before the messages, whose buttons are many, for those who go by Tab; the style sheet shows it below.

import { h } from "./dom.js";
import { blocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { formValues } from "./elements.js";
import { MessageList } from "./message_list.js";
import { mrkdwn } from "./mrkdwn.js";

/** A channel: its messages, the welcome for newcomers, the composer. */
export function channelPane(store, channel, openThread) {
  const data = store.channels.get(channel);
  const list = new MessageList(store, channel, null, openThread, `Messages in #${data.name}`);
  const composer = new Composer(store, channel, null);
  const people = data.members.length;
  const head = h("header", { class: "pane-head" },
    h("h1", {}, h("span", { class: "hash", "aria-hidden": "true" }, "#"), data.name),
    h("p", { class: "topic" }, data.topic),
    h("p", { class: "members" }, `${people} members`));
  const welcome = store.data.welcome.text && data.members.includes(store.data.app.bot_user_id) ? welcomeCard(store, composer) : null;
  if (welcome) list.scroller.prepend(welcome);
  return { node: h("div", { class: "pane" }, head, hint(store), composer.form, list.scroller), list, composer };
}

function welcomeCard(store, composer) {
  const { title, text, suggestions } = store.data.welcome;
  return h("section", { class: "welcome", "aria-label": title },
    h("h2", {}, title),
    h("div", { class: "text" }, ...mrkdwn(store, text)),
    h("div", { class: "suggestions" }, ...suggestions.map((suggestion) => h("button", {
      type: "button",
      class: "suggestion",
      title: "Put this into the message field",
      on: { click: () => composer.fill(suggestion) },
    }, h("code", {}, suggestion)))));
}

function hint(store) {
  const { display_name: name, title, hint: text } = store.person;
  if (!text) return null;
  return h("p", { class: "person-hint" }, h("strong", {}, `You are ${name}`), title ? `, ${title.toLowerCase()}. ` : ". ", text);
}

/** A thread; `close` goes back to the channel. */
export function threadPane(store, channel, ts, close) {
  const list = new MessageList(store, channel, ts, null, "Messages in the thread");
  const composer = new Composer(store, channel, ts);
  const name = store.channels.get(channel).name || store.data.app.name;
  const head = h("header", { class: "pane-head" },
    h("button", { type: "button", class: "icon-button only-narrow", "aria-label": `Back to #${name}`, on: { click: close } }, "←"),
    h("h2", {}, "Thread"),
    h("p", { class: "topic" }, `#${name}`),
    h("button", { type: "button", class: "icon-button not-narrow", "aria-label": "Close the thread", on: { click: close } }, "✕"));
  return { node: h("div", { class: "pane" }, head, composer.form, list.scroller), list, composer };
}

/** The app: its Home tab and the direct messages with it. */
export function appPane(store, openThread, tab, showTab) {
  const { name, description } = store.data.app;
  const tabs = [["home", "Home"], ["messages", "Messages"]].map(([key, label]) => h("button", {
    type: "button",
    role: "tab",
    id: `tab-${key}`,
    "aria-selected": String(tab === key),
    "aria-controls": "app-tab",
    tabindex: tab === key ? 0 : -1,
    on: {
      click: () => showTab(key),
      keydown: (event) => {
        if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
          showTab(key === "home" ? "messages" : "home");
          document.querySelector("[role=tab][aria-selected=true]").focus();
        }
      },
    },
  }, label));
  const head = h("header", { class: "pane-head" }, h("h1", {}, name), h("p", { class: "topic" }, description));
  const node = h("div", { class: "pane" }, head, h("div", { class: "tabs", role: "tablist", "aria-label": name }, ...tabs));
  if (tab === "home") {
    node.append(h("div", { class: "scroller home", id: "app-tab", role: "tabpanel", "aria-labelledby": "tab-home", tabindex: 0 }, ...home(store)));
    return { node };
  }
  const list = new MessageList(store, store.directMessages.id, null, openThread, `Messages with ${name}`);
  const composer = new Composer(store, store.directMessages.id, null);
  list.scroller.id = "app-tab";
  list.scroller.setAttribute("role", "tabpanel");
  node.append(composer.form, list.scroller);
  return { node, list, composer };
}

function home(store) {
  const view = store.data.homes[store.me];
  if (!view) return [h("p", { class: "empty" }, `${store.data.app.name} shows nothing here yet.`)];
  const context = {
    heading: "h2",
    send: (blockId, element, value) => store.act("click", {
      view_id: view.id,
      action_id: element.action_id,
      block_id: blockId,
      value,
      values: formValues(document.querySelector(".home") ?? document.createElement("p")),
    }),
  };
  return blocks(store, context, view.blocks);
}
