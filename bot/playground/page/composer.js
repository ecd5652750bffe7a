// Where people write: messages, and slash commands with completion.

import { announce, h, toast } from "./dom.js";

const MAX_FILE_BYTES = 4 * 1024 * 1024;
let composers = 0;

export class Composer {
  /** `threadTs` is null in a channel; `takesCommands` is false in threads and direct messages to nobody. */
  constructor(store, channel, threadTs) {
    this.store = store;
    this.channel = channel;
    this.threadTs = threadTs;
    this.choice = -1;
    const name = threadTs ? "thread" : "composer";
    const number = (composers += 1);
    this.listId = `${name}-commands-${number}`;
    const label = this.label();
    this.text = h("textarea", {
      id: `${name}-text`,
      rows: 1,
      placeholder: label,
      "aria-label": label,
      autocomplete: "off",
      "aria-autocomplete": threadTs ? null : "list",
      "aria-controls": threadTs ? null : this.listId,
      on: {
        input: () => this.changed(),
        keydown: (event) => this.pressed(event),
        blur: () => setTimeout(() => this.closeList(), 150),
      },
    });
    this.list = h("ul", { class: "commands", id: this.listId, role: "listbox", "aria-label": "Commands", hidden: true });
    this.usage = h("p", { class: "usage", "aria-live": "polite" });
    this.send = h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)" }, h("span", { class: "icon send-up" }));
    this.file = h("input", { type: "file", hidden: true, on: { change: () => this.shareChosen() } });
    this.attach = h("button", { type: "button", class: "tool", "aria-label": "Attach a file", title: "Attach a file", on: { click: () => this.file.click() } }, h("span", { class: "icon attach" }));
    this.form = h("form", {
      class: "composer",
      on: {
        submit: (event) => this.submit(event),
        dragover: (event) => event.preventDefault(),
        drop: (event) => {
          event.preventDefault();
          this.share([...event.dataTransfer.files]);
        },
      },
    }, this.list, this.usage, h("div", { class: "composer-row" }, this.text, this.file, this.attach, this.send));
  }

  label() {
    if (this.threadTs) return "Reply in the thread";
    const channel = this.store.channels.get(this.channel);
    return channel.person ? `Message ${this.store.data.app.name}` : `Message #${channel.name}, or / for commands`;
  }

  fill(text) {
    this.text.value = text;
    this.changed();
    this.closeList();
    this.text.focus();
  }

  changed() {
    this.text.style.setProperty("height", "auto");
    this.text.style.setProperty("height", `${Math.min(200, this.text.scrollHeight)}px`);
    const [name, ...words] = this.text.value.split(" ");
    const commands = this.store.data.app.commands;
    const typing = !this.threadTs && name.startsWith("/") && words.length === 0 && !name.includes("\n");
    this.matches = typing ? commands.filter((command) => command.name.startsWith(name.toLowerCase())) : [];
    // Enter takes the first, unless what stands there is a command as it is: then Enter sends it.
    this.choice = this.matches.length && !commands.some((command) => command.name === name) ? 0 : -1;
    this.renderList();
    if (this.matches.length) announce(this.matches.length === 1 ? `1 command: ${this.matches[0].name}` : `${this.matches.length} commands`);
    const known = commands.find((command) => command.name === name);
    this.usage.textContent = "";
    if (known && words.length) this.usage.append(h("code", {}, `${known.name} ${known.usage_hint}`));
    if (this.threadTs && name.startsWith("/")) this.usage.textContent = "Slack takes no commands in threads. Type it in the channel.";
  }

  renderList() {
    this.list.hidden = this.matches.length === 0;
    this.list.replaceChildren(...this.matches.map((command, index) => h("li", {
      role: "option",
      id: `${this.listId}-${index}`,
      "aria-selected": String(index === this.choice),
      on: {
        mousedown: (event) => {
          event.preventDefault();
          this.take(command);
        },
      },
    }, h("span", { class: "command-name" }, command.name), " ", h("span", { class: "command-usage" }, command.usage_hint), h("span", { class: "command-what" }, command.description))));
    const active = this.choice >= 0 ? `${this.listId}-${this.choice}` : null;
    if (active) this.text.setAttribute("aria-activedescendant", active);
    else this.text.removeAttribute("aria-activedescendant");
  }

  closeList() {
    this.matches = [];
    this.renderList();
  }

  take(command) {
    this.fill(`${command.name} `);
  }

  pressed(event) {
    const open = this.matches?.length > 0;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      const start = this.choice < 0 && step < 0 ? 0 : this.choice;
      this.choice = (start + step + this.matches.length) % this.matches.length;
      this.renderList();
    } else if (open && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      this.take(this.matches[Math.max(0, this.choice)]);
    } else if (open && event.key === "Escape") {
      this.closeList();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (open && this.choice >= 0) this.take(this.matches[this.choice]);
      else this.form.requestSubmit();
    }
  }

  async shareChosen() {
    await this.share([...this.file.files]);
    this.file.value = "";
  }

  async share(files) {
    for (const file of files) {
      const bytes = new Uint8Array(await file.arrayBuffer());
      if (bytes.length > MAX_FILE_BYTES) {
        toast(`${file.name} is too large for the playground. Nothing was shared.`, "bad");
        continue;
      }
      const content = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      await this.store.act("files", { channel: this.channel, thread_ts: this.threadTs, name: file.name, content });
    }
  }

  async submit(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text) return;
    if (text.startsWith("/") && this.threadTs) {
      toast("Slack takes no commands in threads. Nothing was sent.", "bad");
      return;
    }
    this.text.value = "";
    this.changed();
    const answer = text.startsWith("/")
      ? await this.store.act("command", { channel: this.channel, text })
      : await this.store.act("message", { channel: this.channel, text, thread_ts: this.threadTs });
    if (answer === null && !this.text.value) this.fill(text);
  }
}
