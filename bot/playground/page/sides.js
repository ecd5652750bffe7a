// The parts around the messages: who you are, the list of channels, the app's connection.

import { h } from "./dom.js";
import { avatar } from "./message.js";

/** The switch between people. */
export function renderPeople(store) {
  const field = document.getElementById("people");
  field.replaceChildren(h("legend", {}, "You are"), ...store.selectable.map((person) => h(
    "label",
    { class: "person", title: person.hint },
    h("input", {
      type: "radio",
      name: "person",
      value: person.id,
      checked: person.id === store.me,
      on: { change: () => store.become(person.id) },
    }),
    avatar(person),
    h("span", { class: "person-words" },
      h("span", { class: "person-name" }, person.display_name),
      h("span", { class: "person-title" }, person.title)),
  )));
}

/** The channels that the current person is in, and the app. */
export function renderChannels(store, route, unread) {
  const nav = document.getElementById("channels");
  const mine = [...store.channels.values()].filter((channel) => !channel.person && channel.members.includes(store.me));
  const item = (href, sign, name, isOpen, isUnread) => h("li", {}, h("a", {
    href,
    class: isUnread ? "unread" : null,
    "aria-current": isOpen ? "page" : null,
  }, h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", {}, name), isUnread ? h("span", { class: "dot" }, h("span", { class: "hidden" }, " (new)")) : null));
  nav.replaceChildren(
    h("h2", {}, "Channels"),
    h("ul", {}, ...mine.map((channel) => item(`#/${channel.id}`, channel.is_private ? "🔒" : "#", channel.name, route.channel === channel.id, unread.has(channel.id)))),
    h("h2", {}, "Apps"),
    h("ul", {}, item("#/app", "✓", store.data.app.name, route.app, unread.has(store.directMessages?.id))),
  );
}

/** Whether the app is there. */
export function renderConnection(store) {
  const place = document.getElementById("connection");
  const count = store.data.sockets;
  place.className = count ? "connection on" : "connection off";
  place.title = count === 1 ? "1 socket" : `${count} sockets`;
  place.replaceChildren(
    h("span", { class: "lamp", "aria-hidden": "true" }),
    h("span", { class: "connection-words" }, `${store.data.app.name} is ${count ? "connected" : "not connected"}`),
  );
}
