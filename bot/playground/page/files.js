// Files in messages: a card with the first lines, and the whole text on request.

import { h } from "./dom.js";

const PREVIEW_BYTES = 1_000_000;
const PREVIEW_LINES = 6;
const contents = new Map();

function size(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function content(file) {
  if (!contents.has(file.id)) {
    const path = `/files/${encodeURIComponent(file.id)}/${encodeURIComponent(file.name)}`;
    contents.set(file.id, fetch(path).then((answer) => (answer.ok ? answer.text() : "")));
  }
  return contents.get(file.id);
}

/** Render a file of a message. */
export function fileCard(file) {
  const preview = h("pre", { class: "file-preview" });
  const show = h("button", { type: "button", class: "link-button", on: { click: () => showFile(file) } }, "Show all");
  const card = h(
    "div",
    { class: "file", "data-file": file.id },
    h("div", { class: "file-head" },
      h("span", { class: "icon file-lines" }),
      h("span", { class: "file-name" }, file.title || file.name),
      h("span", { class: "file-size" }, size(file.size))),
  );
  const download = h("a", { href: `/files/${encodeURIComponent(file.id)}/${encodeURIComponent(file.name)}`, download: file.name }, "Download");
  if (file.mimetype === "text/plain" && file.size <= PREVIEW_BYTES) {
    content(file).then((text) => { preview.textContent = text.split("\n").slice(0, PREVIEW_LINES).join("\n"); });
    card.append(preview, h("div", { class: "file-foot" }, show, download));
  } else card.append(h("div", { class: "file-foot" }, download));
  return card;
}

async function showFile(file) {
  const close = h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Close");
  const dialog = h(
    "dialog",
    { class: "dialog wide", "aria-labelledby": "file-title" },
    h("h2", { id: "file-title" }, file.title || file.name),
    h("pre", { class: "file-content", tabindex: 0 }, await content(file)),
    h("div", { class: "dialog-buttons" }, close),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}
