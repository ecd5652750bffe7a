// Block Kit blocks, as elements.

import { h } from "./dom.js";
import { element, picture } from "./elements.js";
import { markdown } from "./markdown.js";
import { plainText, textObject } from "./mrkdwn.js";
import { richText } from "./rich_text.js";

const BLOCKS = { section, header, divider, context, actions, image, input, rich_text, markdown: markdownBlock, table, plan, task_card, alert };

/** Render blocks. `context` is that of elements.js. */
export function blocks(store, where, list) {
  return list.map((block) => (BLOCKS[block.type] ?? unknown)(store, block, where));
}

function unknown(store, block) {
  return h("p", { class: "unknown" }, `[${block.type}]`);
}

const LINES = 8;
const LINE = 44;
const unfolded = new Set();

/** How many lines of a phone a text takes, about. */
function lines(text) {
  return text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / LINE)), 0);
}

/** Fold a long section of a message behind "See more", as Slack does unless it has `expand`. */
function folded(block, where, body) {
  const text = block.text?.text ?? "";
  if (!where.foldable || block.expand || unfolded.has(text) || lines(text) <= LINES) return body;
  body.classList.add("folded");
  const more = h("button", {
    type: "button",
    class: "link-button see-more",
    "aria-expanded": "false",
    on: {
      click: () => {
        unfolded.add(text);
        body.classList.remove("folded");
        more.remove();
      },
    },
  }, "See more");
  body.append(more);
  return body;
}

function section(store, block, where) {
  const fields = (block.fields ?? []).map((field) => h("div", { class: "field text" }, ...textObject(store, field)));
  return h(
    "div",
    { class: block.accessory ? "block section with-accessory" : "block section" },
    folded(block, where, h("div", { class: "section-body" },
      block.text ? h("div", { class: "text" }, ...textObject(store, block.text)) : null,
      fields.length ? h("div", { class: "fields" }, ...fields) : null)),
    block.accessory ? h("div", { class: "accessory" }, element(store, where, block, block.accessory)) : null,
  );
}

function header(store, block, where) {
  return h(where.heading ?? "h3", { class: "block block-header" }, ...plainText(store, block.text.text));
}

function divider() {
  return h("hr", { class: "block" });
}

function context(store, block) {
  const parts = block.elements.map((item) => (item.type === "image"
    ? picture(item) : h("span", { class: "text" }, ...textObject(store, item))));
  return h("div", { class: "block context" }, ...parts);
}

function actions(store, block, where) {
  return h("div", { class: "block actions" }, ...block.elements.map((item) => element(store, where, block, item)));
}

function image(store, block) {
  return h("figure", { class: "block" }, block.title ? h("figcaption", {}, ...textObject(store, block.title)) : null, picture(block));
}

let inputs = 0;

function input(store, block, where) {
  const name = `input-${(inputs += 1)}`;
  const node = element(store, where, block, block.element);
  const control = node.querySelector("input:not([type=checkbox]):not([type=radio]), select, textarea");
  const label = [block.label.text, block.optional ? h("span", { class: "optional" }, " (optional)") : null];
  const hint = block.hint ? h("p", { class: "hint", id: `${name}-hint` }, ...textObject(store, block.hint)) : null;
  const error = h("p", { class: "error", id: `${name}-error`, "data-error": block.block_id });
  const describedBy = `${name}-error${hint ? ` ${name}-hint` : ""}`;
  if (control) {
    control.id = name;
    control.setAttribute("aria-describedby", describedBy);
    if (!block.optional) control.setAttribute("aria-required", "true");
    return h("div", { class: "block field-block" }, h("label", { for: name }, ...label), node, hint, error);
  }
  return h("fieldset", { class: "block field-block", "aria-describedby": describedBy }, h("legend", {}, ...label), node, hint, error);
}

function rich_text(store, block) {
  return h("div", { class: "block text rich" }, ...richText(store, block));
}

function markdownBlock(store, block) {
  return h("div", { class: "block text markdown" }, ...markdown(store, block.text));
}

function cell(store, content) {
  if (content.type === "rich_text") return richText(store, content);
  return [String(content.text ?? content.value ?? "")];
}

function table(store, block) {
  const align = (index) => block.column_settings?.[index]?.align ?? "left";
  const rows = block.rows.map((row, at) => h("tr", {}, ...row.map((content, index) => h(
    at ? "td" : "th",
    { scope: at ? null : "col", class: `align-${align(index)}` },
    ...cell(store, content),
  ))));
  return h("div", { class: "block table-scroll", tabindex: 0, role: "region", "aria-label": "Table" },
    h("table", {}, h("thead", {}, rows[0]), h("tbody", {}, ...rows.slice(1))));
}

const TASK_STATES = {
  pending: ["○", "waiting"],
  in_progress: ["◐", "running"],
  complete: ["✓", "done"],
  error: ["✕", "failed"],
};

function task(store, block) {
  const [sign, word] = TASK_STATES[block.status ?? "pending"] ?? TASK_STATES.pending;
  const more = [block.details, block.output].filter(Boolean).map((part) => h("div", { class: "task-more text" }, ...richText(store, part)));
  return h("div", { class: `task ${block.status ?? "pending"}` },
    h("span", { class: "task-sign", "aria-hidden": "true" }, sign),
    h("div", { class: "task-body" }, h("span", { class: "task-title" }, ...plainText(store, block.title)), h("span", { class: "hidden" }, ` (${word})`), ...more));
}

function task_card(store, block) {
  return h("div", { class: "block plan" }, task(store, block));
}

function plan(store, block) {
  const tasks = (block.tasks ?? []).map((item) => h("li", {}, task(store, item)));
  const done = (block.tasks ?? []).filter((item) => item.status === "complete").length;
  return h("section", { class: "block plan", "aria-label": block.title },
    h("div", { class: "plan-head" },
      h("span", { class: "plan-title" }, ...plainText(store, block.title)),
      tasks.length ? h("span", { class: "plan-count" }, `${done} of ${tasks.length}`) : null),
    h("ol", { class: "tasks" }, ...tasks));
}

function alert(store, block) {
  const text = typeof block.text === "string" ? [block.text] : textObject(store, block.text);
  return h("div", { class: `block alert ${block.level ?? "default"}`, role: "note" }, ...text);
}
