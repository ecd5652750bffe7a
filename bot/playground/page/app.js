// Starts the page: which channel and thread are open stands in the address (#/C0OPS/TS, #/app/home).

import { h, toast } from "./dom.js";
import { faultsOn, showMenu } from "./menu.js";
import { Modal } from "./modal.js";
import { appPane, channelPane, threadPane } from "./panes.js";
import { renderChannels, renderConnection, renderPeople } from "./sides.js";
import { Store } from "./store.js";

const store = new Store();
const unread = new Set();
const main = document.getElementById("main");
const aside = document.getElementById("thread");
let route = {};
let pane = null;
let thread = null;

function readRoute() {
  const [first, second] = location.hash.replace(/^#\/?/, "").split("/");
  if (first === "app") return { app: true, channel: null, thread: null, tab: second === "messages" ? "messages" : "home" };
  const fallback = store.data.channels.find((channel) => !channel.person && channel.members.includes(store.me));
  const channel = store.channels.get(first)?.members.includes(store.me) ? first : fallback?.id;
  const known = channel && store.channels.get(channel).messages.has(second);
  return { app: false, channel, thread: known ? second : null, tab: null };
}

function openThread(ts) {
  location.hash = `#/${route.app ? store.directMessages.id : route.channel}/${ts}`;
}

function closeThread() {
  const ts = route.thread;
  addEventListener("hashchange", () => main.querySelector(`[data-ts="${CSS.escape(ts)}"] .thread-link`)?.focus(), { once: true });
  location.hash = `#/${route.channel}`;
}

function show() {
  const before = route;
  route = readRoute();
  const sameMain = pane && before.channel === route.channel && before.tab === route.tab && before.me === store.me;
  route.me = store.me;
  if (!sameMain) showMain();
  if (!sameMain || before.thread !== route.thread) showThread(before.thread !== route.thread);
  unread.delete(route.channel);
  renderChannels(store, route, unread);
  document.body.classList.remove("channels-open");
  document.getElementById("open-channels").setAttribute("aria-expanded", "false");
  const name = route.app ? store.data.app.name : `#${store.channels.get(route.channel)?.name ?? ""}`;
  document.title = `${name} · ${store.data.team.name}`;
}

function showMain() {
  if (route.app) {
    pane = appPane(store, openThread, route.tab, (tab) => {
      history.replaceState(null, "", `#/app/${tab}`);
      show();
    });
    if (route.tab === "home") store.act("home");
  } else if (route.channel) pane = channelPane(store, route.channel, openThread);
  else pane = { node: h("p", { class: "empty" }, "You are in no channel.") };
  main.replaceChildren(pane.node);
  pane.list?.toEnd();
}

function showThread(focus) {
  const isOpen = Boolean(route.thread);
  aside.hidden = !isOpen;
  document.body.classList.toggle("thread-open", isOpen);
  thread = isOpen ? threadPane(store, route.channel, route.thread, closeThread) : null;
  aside.replaceChildren(...(thread ? [thread.node] : []));
  thread?.list.toEnd();
  if (thread && focus) aside.focus({ preventScroll: true });
}

function again() {
  pane = null;
  show();
  renderConnection(store);
  renderFaults();
}

function refresh({ channel, isNew }) {
  if (pane?.list?.channel === channel) pane.list.render();
  else if (isNew) {
    unread.add(channel);
    renderChannels(store, route, unread);
  }
  if (route.channel === channel) thread?.list.render();
}

function renderFaults() {
  const count = document.getElementById("fault-count");
  const on = faultsOn(store.faults);
  count.hidden = on === 0;
  count.textContent = String(on);
  count.setAttribute("aria-label", `${on} on`);
}

function permalink() {
  const found = /^\/archives\/(\w+)\/p(\d+)(\d{6})$/.exec(location.pathname);
  if (!found) return;
  const ts = new URLSearchParams(location.search).get("thread_ts") ?? `${found[2]}.${found[3]}`;
  history.replaceState(null, "", `/#/${found[1]}/${ts}`);
}

async function start() {
  permalink();
  await store.start(new URLSearchParams(location.search).get("as") ?? sessionStorage.getItem("playground-person"));
  document.getElementById("team-name").textContent = store.data.team.name;
  new Modal(store).render();
  renderPeople(store);
  again();
  store.on("message", refresh);
  store.on("message_deleted", ({ channel, ts }) => {
    if (route.thread === ts) closeThread();
    refresh({ channel });
  });
  store.on("ephemeral", (item) => item.user === store.me && refresh(item));
  store.on("ephemeral_deleted", () => refresh({ channel: route.channel ?? store.directMessages?.id }));
  store.on("members", again);
  store.on("home", ({ user }) => user === store.me && route.tab === "home" && replaceHome());
  store.on("sockets", () => renderConnection(store));
  store.on("faults", renderFaults);
  store.on("reload", again);
  store.on("person", () => {
    renderPeople(store);
    document.querySelector("#people input:checked")?.focus();
    again();
  });
  store.on("offline", ({ offline }) => document.body.classList.toggle("offline", offline));
  addEventListener("hashchange", show);
  for (const [link, target] of [["skip-to-composer", () => document.querySelector("#composer-text") ?? main], ["skip-to-main", () => main]]) {
    document.getElementById(link).addEventListener("click", (event) => {
      event.preventDefault();
      target().focus();
    });
  }
  document.getElementById("open-menu").addEventListener("click", (event) => showMenu(store, event.currentTarget));
  document.getElementById("open-channels").addEventListener("click", (event) => {
    const open = document.body.classList.toggle("channels-open");
    event.currentTarget.setAttribute("aria-expanded", String(open));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], :popover-open")) return;
    if (document.body.classList.contains("channels-open")) document.getElementById("open-channels").click();
    else if (route.thread) closeThread();
  });
  document.body.dataset.ready = "true";
}

function replaceHome() {
  const fresh = appPane(store, openThread, "home", () => {}).node.querySelector("#app-tab");
  document.getElementById("app-tab").replaceChildren(...fresh.childNodes);
}

start().catch((error) => {
  console.error(error);
  toast("The page could not start. Is the playground still running?", "bad");
});
