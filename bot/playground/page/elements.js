// Interactive elements of blocks. A context says where they stand and how a click is sent:
// {send(blockId, element, value), kept(blockId, actionId)}.

import { arrowKeys, h, showPopover } from "./dom.js";
import { confirmed } from "./confirm.js";
import { plainText, textObject } from "./mrkdwn.js";

const INPUTS = {
  plain_text_input: textInput,
  number_input: textInput,
  email_text_input: textInput,
  url_text_input: textInput,
  static_select: select,
  users_select: userSelect,
  multi_static_select: checkboxes,
  multi_users_select: manyUsers,
  checkboxes,
  radio_buttons: radios,
  datepicker: picker,
  timepicker: picker,
};

const PLAIN = { plain_text_input: "text", number_input: "text", email_text_input: "email", url_text_input: "url" };

/** Render an interactive element. */
export function element(store, context, block, item) {
  if (item.type === "button") return button(store, context, block, item);
  if (item.type === "overflow") return overflow(store, context, block, item);
  if (item.type === "image") return picture(item);
  const make = INPUTS[item.type];
  if (!make) return h("span", { class: "unknown" }, `[${item.type}]`);
  const [node, read] = make(store, item, context.kept?.(block.block_id, item.action_id));
  const wrapper = h("span", { class: "input", "data-block": block.block_id, "data-action": item.action_id }, node);
  wrapper.read = read;
  if (block.type !== "input" || block.dispatch_action) {
    wrapper.addEventListener("change", () => send(store, context, block, item, read()));
  }
  return wrapper;
}

/** Collect what stands in the inputs under a node: block_id → action_id → value. */
export function formValues(root) {
  const values = {};
  for (const node of root.querySelectorAll("[data-action]")) {
    (values[node.dataset.block] ??= {})[node.dataset.action] = node.read();
  }
  return values;
}

async function send(store, context, block, item, value) {
  if (item.confirm && !(await confirmed(store, item.confirm))) return;
  await context.send(block.block_id, item, value);
}

function button(store, context, block, item) {
  const node = h("button", {
    type: "button",
    class: `button ${item.style ?? ""}`,
    "aria-label": item.accessibility_label,
    "data-focus": `${block.block_id}/${item.action_id}`,
    on: {
      click: async () => {
        if (node.getAttribute("aria-busy") === "true") return;
        node.setAttribute("aria-busy", "true");
        if (item.url && /^https?:\/\//i.test(item.url)) open(item.url, "_blank", "noopener");
        await send(store, context, block, item, null);
        node.removeAttribute("aria-busy");
      },
    },
  }, ...plainText(store, item.text.text));
  return node;
}

function overflow(store, context, block, item) {
  const node = h("button", {
    type: "button",
    class: "button square",
    "aria-label": "More actions",
    "aria-haspopup": "menu",
    "aria-expanded": "false",
    "data-focus": `${block.block_id}/${item.action_id}`,
    on: { click: () => showOverflow(store, context, block, item, node) },
  }, "⋯");
  return node;
}

function showOverflow(store, context, block, item, node) {
  const menu = h("div", { class: "popover menu", role: "menu", "aria-label": "More actions" });
  for (const option of item.options) {
    menu.append(h("button", {
      type: "button",
      role: "menuitem",
      on: {
        click: () => {
          menu.hidePopover();
          send(store, context, block, item, option.value);
        },
      },
    }, ...textObject(store, option.text)));
  }
  arrowKeys(menu, "[role=menuitem]");
  showPopover(menu, node);
  menu.firstElementChild.focus();
}

/** An image is not loaded: this page asks nothing of other hosts. Its description stands for it. */
export function picture(item) {
  return h("span", { class: "picture", role: "img", "aria-label": item.alt_text }, h("span", { "aria-hidden": "true" }, "🖼"), ` ${item.alt_text}`);
}

function textInput(store, item, kept) {
  const given = { placeholder: item.placeholder?.text, autocomplete: "off", maxlength: item.max_length };
  const node = item.multiline
    ? h("textarea", { ...given, rows: 4 })
    : h("input", { ...given, type: PLAIN[item.type], inputmode: item.type === "number_input" ? "decimal" : null });
  node.value = kept ?? item.initial_value ?? "";
  return [node, () => node.value];
}

function optionLabel(option) {
  return option.text.text;
}

function select(store, item, kept) {
  const preset = kept ?? item.initial_option?.value ?? "";
  const node = h("select", {}, h("option", { value: "" }, item.placeholder?.text ?? "Choose…"));
  const add = (parent, options) => {
    for (const option of options) parent.append(h("option", { value: option.value }, optionLabel(option)));
  };
  add(node, item.options ?? []);
  for (const group of item.option_groups ?? []) {
    const part = h("optgroup", { label: group.label.text });
    add(part, group.options);
    node.append(part);
  }
  node.value = preset;
  return [node, () => node.value || null];
}

function userOptions(store) {
  return store.data.people
    .filter((person) => !person.deleted)
    .map((person) => ({ value: person.id, text: { type: "plain_text", text: person.display_name } }));
}

function userSelect(store, item, kept) {
  const [node, read] = select(store, { placeholder: item.placeholder, options: userOptions(store) }, kept ?? item.initial_user);
  return [node, read];
}

function manyUsers(store, item, kept) {
  return checkboxes(store, { options: userOptions(store) }, kept ?? item.initial_users);
}

let groups = 0;

function choices(store, item, chosen, type) {
  const name = `choice-${(groups += 1)}`;
  const options = [...(item.options ?? []), ...(item.option_groups ?? []).flatMap((group) => group.options)];
  return h("span", { class: options.length > 8 ? "choices long" : "choices" }, options.map((option) => h(
    "label",
    {},
    h("input", { type, name, value: option.value, checked: chosen.includes(option.value) }),
    h("span", {}, ...textObject(store, option.text), option.description
      ? h("small", {}, ...textObject(store, option.description)) : null),
  )));
}

function checked(node) {
  return [...node.querySelectorAll("input:checked")].map((input) => input.value);
}

function checkboxes(store, item, kept) {
  const node = choices(store, item, kept ?? (item.initial_options ?? []).map((option) => option.value), "checkbox");
  return [node, () => checked(node)];
}

function radios(store, item, kept) {
  const node = choices(store, item, [kept ?? item.initial_option?.value], "radio");
  return [node, () => checked(node)[0] ?? null];
}

function picker(store, item, kept) {
  const type = item.type === "datepicker" ? "date" : "time";
  const node = h("input", { type });
  node.value = kept ?? item[`initial_${type}`] ?? "";
  return [node, () => node.value || null];
}
