// The menu of things that can go wrong, and of what else somebody offers at the actions URL.

import { arrowKeys, h, showPopover, toast } from "./dom.js";

const ONCE = [
  ["Drop every socket", "Breaks the connections without a word", "sockets/drop", {}],
  ["Turn sockets into zombies", "They stay connected, but nothing arrives", "sockets/zombie", {}],
  ["Ask the app to reconnect", "Slack’s own routine: disconnect, refresh_requested", "sockets/disconnect", { reason: "refresh_requested" }],
  ["Next 3 calls: 429", "Slack says: too many, come back in a second", "faults/calls", { method: "*", effect: "ratelimited", times: 3, seconds: 1 }],
  ["Next 3 calls: 500", "Slack fails by itself", "faults/calls", { method: "*", effect: "http_500", times: 3 }],
  ["Lose the next answer to a post", "The message is there, but the app never hears of it", "faults/calls", { method: "chat.postMessage", effect: "reset_after" }],
];

const SWITCHES = [
  ["Refuse sockets", "The app cannot connect", "refuse_sockets", true],
  ["Lose events", "Reactions are never told to the app", "lose_events", true],
  ["Send everything twice", "Each envelope comes again", "duplicate", true],
  ["Shuffle events", "Each is up to 2 seconds late, so they overtake", "event_shuffle", 2],
  ["Slow answers", "Each call takes half a second longer", "api_latency", 0.5],
  ["Rate limits", "Slack’s tiers are enforced", "rate_limits", true],
];

/** How many faults are on now. */
export function faultsOn(faults) {
  return SWITCHES.filter(([, , name]) => faults[name]).length + (faults.calls?.length ?? 0);
}

/** Show the menu beside its button. */
export async function showMenu(store, button) {
  const menu = h("div", { class: "popover menu wide", role: "menu", "aria-label": "Faults and further actions" });
  const offered = await further();
  for (const [group, actions] of grouped(offered)) {
    menu.append(heading(group), ...actions.map((action) => entry(menu, action.title, action.hint, () => take(store, action))));
  }
  menu.append(heading("Slack fails"));
  for (const [title, hint, name, body] of ONCE) {
    menu.append(entry(menu, title, hint, async () => {
      const answer = await store.act(name, body);
      if (!answer) return;
      toast("sockets" in answer ? `${title}: ${answer.sockets} reached.` : `${title}: set.`);
    }));
  }
  menu.append(heading("Until switched off"));
  for (const [title, hint, name, on] of SWITCHES) menu.append(toggle(store, title, hint, name, on));
  menu.append(entry(menu, "Clear all faults", "", async () => (await store.act("faults/clear")) && toast("No faults are on.")));
  arrowKeys(menu, "[role^=menuitem]");
  showPopover(menu, button);
  menu.querySelector("[role^=menuitem]").focus();
}

async function further() {
  try {
    const answer = await (await fetch("/playground/actions")).json();
    if (answer.ok && Array.isArray(answer.actions)) return answer.actions;
    toast(answer.error ?? "The further actions are not readable.", "bad");
  } catch {
    toast("The playground does not answer.", "bad");
  }
  return [];
}

function grouped(actions) {
  const groups = new Map();
  for (const action of actions) {
    const name = action.group ?? "More";
    groups.set(name, [...(groups.get(name) ?? []), action]);
  }
  return groups;
}

async function take(store, action) {
  toast(`${action.title}…`);
  const answer = await store.act("actions", { id: action.id });
  if (answer) toast(answer.text, answer.done ? "good" : "bad");
}

function heading(text) {
  return h("p", { class: "menu-heading", role: "presentation" }, text);
}

function words(title, hint) {
  return [h("span", { class: "menu-title" }, title), hint ? h("span", { class: "menu-hint" }, hint) : null];
}

function entry(menu, title, hint, act) {
  return h("button", {
    type: "button",
    role: "menuitem",
    on: {
      click: () => {
        menu.hidePopover();
        act();
      },
    },
  }, ...words(title, hint));
}

function toggle(store, title, hint, name, on) {
  const node = h("button", {
    type: "button",
    role: "menuitemcheckbox",
    "aria-checked": String(Boolean(store.faults[name])),
    on: {
      click: async () => {
        const isOn = node.getAttribute("aria-checked") === "true";
        const off = typeof on === "number" ? 0 : false;
        if (await store.act("faults", { [name]: isOn ? off : on })) node.setAttribute("aria-checked", String(!isOn));
      },
    },
  }, ...words(title, hint));
  return node;
}
