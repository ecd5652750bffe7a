// Chooses an emoji: the usual ones first, the rest by search.

import { arrowKeys, h, showPopover } from "./dom.js";
import { emojiCharacter } from "./inline.js";

const USUAL = ["white_check_mark", "x", "+1", "-1", "eyes", "rocket", "tada", "thinking_face", "warning", "pray", "heart", "100"];
const MOST = 48;

/** Show the picker beside a button and call `choose` with the shortcode. */
export function pickEmoji(store, button, choose) {
  const grid = h("div", { class: "emoji-grid", role: "group", "aria-label": "Emoji" });
  const search = h("input", { type: "search", placeholder: "Find an emoji", "aria-label": "Find an emoji", autocomplete: "off" });
  const picker = h("div", { class: "popover picker", role: "dialog", "aria-label": "Add a reaction" }, search, grid);
  const fill = () => {
    const words = search.value.trim().toLowerCase().replaceAll(":", "").replaceAll(" ", "_");
    const found = Object.keys(store.data.emoji).filter((name) => name.includes(words));
    const names = words ? found.sort((one, other) => other.startsWith(words) - one.startsWith(words)) : USUAL;
    grid.replaceChildren(...names.slice(0, MOST).map((name) => h("button", {
      type: "button",
      class: "emoji-choice",
      title: `:${name}:`,
      "aria-label": name.replaceAll("_", " "),
      on: {
        click: () => {
          picker.hidePopover();
          choose(name);
        },
      },
    }, emojiCharacter(store, name))));
    if (!names.length) grid.append(h("p", { class: "hint" }, "No emoji of that name."));
  };
  search.addEventListener("input", fill);
  search.addEventListener("keydown", (event) => {
    const first = grid.querySelector("button");
    if (event.key === "Enter" && first) {
      event.preventDefault();
      first.click();
    }
    if (event.key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    }
  });
  arrowKeys(grid, "button");
  fill();
  showPopover(picker, button);
  search.focus();
}
