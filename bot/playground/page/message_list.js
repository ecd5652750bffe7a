// A list of messages that follows the store: new ones appear, edited ones are replaced in place.

import { announce, h } from "./dom.js";
import { messageItem } from "./message.js";
import { day } from "./time.js";

const SAME_BREATH = 5 * 60;

export class MessageList {
  constructor(store, channel, threadTs, openThread, label) {
    this.store = store;
    this.channel = channel;
    this.threadTs = threadTs;
    this.openThread = openThread;
    this.list = h("ol", { class: "messages", "aria-label": label });
    this.scroller = h("div", { class: "scroller", tabindex: -1 }, this.list);
    this.shown = new Map();
    this.wasAtEnd = true;
    this.scroller.addEventListener("scroll", () => { this.wasAtEnd = this.isAtEnd(); });
    new ResizeObserver(() => this.wasAtEnd && this.toEnd()).observe(this.list);
    this.render();
  }

  /** Make the list agree with the store; only what changed is touched. */
  render() {
    const messages = this.store.visible(this.channel, this.threadTs);
    const wanted = new Set(messages.map((message) => message.ts));
    for (const [ts, { item }] of this.shown) {
      if (!wanted.has(ts)) {
        item.remove();
        this.shown.delete(ts);
      }
    }
    let before = null;
    for (const message of messages) {
      const item = this.itemFor(message);
      const place = before ? before.nextSibling : this.list.firstChild;
      if (place !== item) this.list.insertBefore(item, place);
      before = item;
    }
    this.group(messages);
    if (this.wasAtEnd) this.toEnd();
  }

  itemFor(message) {
    const known = this.shown.get(message.ts);
    if (known?.message === message) return known.item;
    const item = messageItem(this.store, message, this.openThread);
    if (known) replaceKeepingFocus(known.item, item);
    else if (message.isNew) item.classList.add("new");
    if (!known && message.isNew && message.user !== this.store.me) {
      announce(`${this.store.author(message.author ?? message.user).display_name}: ${message.text || "a message"}`);
    }
    this.shown.set(message.ts, { message, item });
    return item;
  }

  group(messages) {
    let last = null;
    for (const message of messages) {
      const { item } = this.shown.get(message.ts);
      const seconds = Number.parseFloat(message.ts);
      const today = day(seconds, this.store.person.tz);
      const author = message.author ?? message.user;
      const same = last && last.author === author && last.today === today && seconds - last.seconds < SAME_BREATH
        && !message.ephemeral && !last.message.ephemeral && !(this.threadTs && last.message.ts === this.threadTs);
      item.classList.toggle("grouped", Boolean(same));
      item.classList.toggle("thread-parent", message.ts === this.threadTs);
      if (!last || last.today !== today) item.setAttribute("data-day", today);
      else item.removeAttribute("data-day");
      last = { author, today, seconds, message };
    }
  }

  isAtEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < 80;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}

function replaceKeepingFocus(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  old.replaceWith(fresh);
  if (focused === null) return;
  const again = focused && fresh.querySelector(`[data-focus="${CSS.escape(focused)}"]`);
  (again ?? fresh.querySelector("button"))?.focus({ preventScroll: true });
}
