// Modals that the app opened for the current person: the one on top is shown.

import { h } from "./dom.js";
import { blocks } from "./blocks.js";
import { formValues } from "./elements.js";

export class Modal {
  constructor(store) {
    this.store = store;
    this.dialog = null;
    this.view = null;
    store.on("views", ({ user }) => user === store.me && this.render());
    store.on("person", () => this.render());
    store.on("reload", () => this.render());
  }

  render() {
    const stack = this.store.data.views[this.store.me] ?? [];
    const view = stack.at(-1) ?? null;
    if (!view) {
      this.hide();
      return;
    }
    const kept = this.dialog && this.view.id === view.id ? formValues(this.dialog) : {};
    if (!this.dialog) this.show();
    this.view = view;
    this.fill(view, kept, stack.length > 1);
  }

  show() {
    this.dialog = h("dialog", { class: "dialog modal", "aria-labelledby": "modal-title" });
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
  }

  hide() {
    this.dialog?.close();
    this.dialog?.remove();
    this.dialog = null;
    this.view = null;
  }

  close() {
    this.store.act("close", { view_id: this.view.id });
  }

  fill(view, kept, isStacked) {
    const context = {
      kept: (block, action) => kept[block]?.[action] ?? undefined,
      send: (blockId, element, value) => this.store.act("click", {
        view_id: view.id,
        action_id: element.action_id,
        block_id: blockId,
        value,
        values: formValues(this.dialog),
      }),
    };
    const error = h("p", { class: "error", role: "alert", "data-error": "" });
    const submit = view.submit
      ? h("button", { type: "submit", class: "button primary" }, view.submit.text) : null;
    const close = h("button", { type: "button", class: "button", on: { click: () => this.close() } }, view.close?.text ?? (isStacked ? "Back" : "Cancel"));
    const form = h("form", { novalidate: true, on: { submit: (event) => this.submit(event, submit) } },
      h("header", { class: "modal-head" },
        h("h2", { id: "modal-title" }, view.title.text),
        h("button", { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => this.close() } }, "✕")),
      h("div", { class: "modal-body" }, ...blocks(this.store, context, view.blocks), error),
      h("div", { class: "dialog-buttons" }, close, submit));
    this.dialog.replaceChildren(form);
    (form.querySelector(".modal-body input, .modal-body select, .modal-body textarea, .modal-body button") ?? close).focus();
  }

  async submit(event, button) {
    event.preventDefault();
    if (button?.getAttribute("aria-busy") === "true") return;
    button?.setAttribute("aria-busy", "true");
    const answer = await this.store.act("submit", { view_id: this.view.id, values: formValues(this.dialog) });
    button?.removeAttribute("aria-busy");
    if (answer && this.dialog) this.showErrors(answer.errors);
  }

  showErrors(errors) {
    let first = null;
    for (const place of this.dialog.querySelectorAll("[data-error]")) {
      const text = errors[place.dataset.error] ?? "";
      place.textContent = text;
      const control = place.parentElement.querySelector("input, select, textarea");
      if (place.dataset.error) control?.setAttribute("aria-invalid", String(Boolean(text)));
      if (text && !first) first = control;
    }
    first?.focus();
  }
}
