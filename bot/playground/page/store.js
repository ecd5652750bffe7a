// What the page knows: a snapshot of the workspace, kept current by the stream of changes.

import { toast } from "./dom.js";

export class Store extends EventTarget {
  constructor() {
    super();
    this.data = null;
    this.me = null;
    this.faults = {};
  }

  /** Fetch everything, then follow the changes. */
  async start(wanted) {
    await this.load();
    const people = this.selectable;
    this.me = people.some((person) => person.id === wanted) ? wanted : people[0].id;
    this.faults = (await (await fetch("/playground/faults")).json()).faults;
    this.follow();
  }

  async load() {
    this.data = await (await fetch("/playground/state")).json();
    this.people = new Map(this.data.people.map((person) => [person.id, person]));
    this.channels = new Map();
    for (const channel of this.data.channels) {
      channel.messages = new Map(channel.messages.map((message) => [message.ts, message]));
      this.channels.set(channel.id, channel);
    }
    this.ephemerals = new Map(this.data.ephemerals.map((ephemeral) => [ephemeral.ts, ephemeral]));
  }

  follow() {
    const stream = new EventSource(`/playground/stream?after=${this.data.number}`);
    const on = (kind, listener) => stream.addEventListener(kind, (event) => {
      const data = JSON.parse(event.data);
      listener(data);
      this.tell(kind, data);
      data.isNew = false;
    });
    on("message", (message) => {
      const messages = this.channels.get(message.channel).messages;
      message.isNew = !messages.has(message.ts);
      messages.set(message.ts, message);
    });
    on("message_deleted", ({ channel, ts }) => this.channels.get(channel).messages.delete(ts));
    on("ephemeral", (ephemeral) => {
      ephemeral.isNew = true;
      this.ephemerals.set(ephemeral.ts, ephemeral);
    });
    on("ephemeral_deleted", ({ ts }) => this.ephemerals.delete(ts));
    on("members", ({ channel, members }) => { this.channels.get(channel).members = members; });
    on("views", ({ user, views }) => { this.data.views[user] = views; });
    on("home", ({ user, view }) => { this.data.homes[user] = view; });
    on("sockets", ({ count }) => { this.data.sockets = count; });
    on("faults", (faults) => { this.faults = faults; });
    stream.addEventListener("reload", async () => {
      await this.load();
      this.tell("reload", {});
    });
    stream.addEventListener("error", () => this.tell("offline", { offline: true }));
    stream.addEventListener("open", () => this.tell("offline", { offline: false }));
  }

  tell(kind, data) {
    this.dispatchEvent(new CustomEvent(kind, { detail: data }));
  }

  on(kind, listener) {
    this.addEventListener(kind, (event) => listener(event.detail));
  }

  /** Ask the playground to do something as the current person; a refusal is shown and gives null. */
  async act(name, body = {}) {
    let answer;
    try {
      const response = await fetch(`/playground/${name}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ user: this.me, ...body }),
      });
      answer = await response.json();
    } catch {
      answer = { ok: false, error: "the playground does not answer" };
    }
    if (!answer.ok) {
      toast(answer.error, "bad");
      return null;
    }
    if (answer.outcome === "no_socket") toast(`${this.data.app.name} is not connected. Nothing was delivered.`, "bad");
    if (answer.outcome === "timed_out") toast(`${this.data.app.name} did not answer in time.`, "bad");
    return answer;
  }

  become(user) {
    this.me = user;
    sessionStorage.setItem("playground-person", user);
    this.tell("person", { user });
  }

  get selectable() {
    return this.data.people.filter((person) => person.selectable);
  }

  get person() {
    return this.people.get(this.me);
  }

  get directMessages() {
    return [...this.channels.values()].find((channel) => channel.person === this.me);
  }

  author(id) {
    if (id === "USLACKBOT") return { id, display_name: "Playground", colour: "#6b7280", title: "", is_bot: true };
    return this.people.get(id) ?? { id, display_name: id, colour: "#6b7280", title: "" };
  }

  /** What the current person sees in a channel (or in one of its threads), in order. */
  visible(channelId, threadTs = null) {
    const messages = [...this.channels.get(channelId).messages.values()];
    const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;
    const shown = threadTs
      ? messages.filter((message) => message.ts === threadTs || message.thread_ts === threadTs)
      : messages.filter((message) => !isReply(message) || message.broadcast);
    const mine = [...this.ephemerals.values()]
      .filter((item) => item.channel === channelId && item.user === this.me && (item.thread_ts ?? null) === threadTs)
      .map((item) => Object.assign(item, { ephemeral: true }));
    return [...shown, ...mine].sort((one, other) => (one.ts < other.ts ? -1 : 1));
  }
}
