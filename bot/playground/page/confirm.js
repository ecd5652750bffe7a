// The question before a click that an app wants confirmed.

import { h } from "./dom.js";
import { textObject } from "./mrkdwn.js";

/** Ask; true if the person confirmed. */
export function confirmed(store, question) {
  return new Promise((resolve) => {
    const title = h("h2", { id: "confirm-title" }, question.title.text);
    const text = h("div", { id: "confirm-text", class: "text" }, ...textObject(store, question.text));
    const deny = h("button", { type: "button", class: "button" }, question.deny.text);
    const confirm = h("button", { type: "button", class: `button ${question.style === "danger" ? "danger" : "primary"}` }, question.confirm.text);
    const dialog = h(
      "dialog",
      { class: "dialog small", role: "alertdialog", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
      title, text, h("div", { class: "dialog-buttons" }, deny, confirm),
    );
    let answer = false;
    confirm.addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
    deny.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    deny.focus();
  });
}
