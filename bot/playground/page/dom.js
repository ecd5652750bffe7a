// Makes elements. Text only ever becomes text nodes: nothing that people or apps write is read as HTML.

/**
 * Make an element.
 * @param {string} tag
 * @param {Object} [given] attributes; `on` maps events to listeners, `style` sets CSS properties.
 * @param {...(Node|string|null|undefined|Array)} children
 * @returns {HTMLElement}
 */
export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "style") for (const [key, item] of Object.entries(value)) element.style.setProperty(key, item);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Append children; null and false are left out, lists are flattened. */
export function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child);
    else parent.append(child);
  }
}

/** Make a link if its address is one that a page may open, else plain text. */
export function link(address, ...children) {
  const content = children.length ? children : [address];
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return h("span", {}, ...content);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...content);
}

/** Put a popover beside its button, inside the window. */
export function place(popover, button) {
  const at = button.getBoundingClientRect();
  const room = innerHeight - at.bottom - 12;
  if (room >= 320) popover.style.setProperty("max-height", `${room}px`);
  const size = popover.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8));
  const below = at.bottom + 4;
  const top = below + size.height > innerHeight - 8 ? Math.max(8, at.top - size.height - 4) : below;
  popover.style.setProperty("left", `${left}px`);
  popover.style.setProperty("top", `${top}px`);
}

/** Show a popover beside a button; it goes with a click elsewhere or Escape, and focus returns to the button. */
export function showPopover(popover, button) {
  popover.setAttribute("popover", "auto");
  document.body.append(popover);
  popover.addEventListener("toggle", (event) => {
    button.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "closed") {
      const inside = popover.contains(document.activeElement) || document.activeElement === document.body;
      popover.remove();
      if (inside && button.isConnected) button.focus();
    }
  });
  popover.showPopover();
  place(popover, button);
  new ResizeObserver(() => popover.isConnected && place(popover, button)).observe(popover);
}

/** Let arrow keys, Home and End walk through the items of a menu or grid. */
export function arrowKeys(container, selector) {
  container.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    const items = [...container.querySelectorAll(selector)];
    const at = items.indexOf(document.activeElement);
    let next = null;
    if (event.key in steps && at >= 0) next = items[(at + steps[event.key] + items.length) % items.length];
    if (event.key === "Home" && at >= 0) next = items[0];
    if (event.key === "End" && at >= 0) next = items.at(-1);
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
}

/** Tell people who hear the page instead of seeing it. */
export function announce(text) {
  const region = document.getElementById("announcer");
  region.append(h("p", {}, text));
  while (region.childElementCount > 5) region.firstElementChild.remove();
}

/** Show a short notice for a few seconds. */
export function toast(text, kind = "") {
  const notice = h("p", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(notice);
  setTimeout(() => notice.remove(), 6000);
}
