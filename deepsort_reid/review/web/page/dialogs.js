// Dialogs, the list of keys, and short messages.

import { byId, button, element } from "./dom.js";
import { personColour, personLabel } from "./format.js";

const TOAST_SECONDS = 6;

export class Dialogs {
  constructor(store) {
    this.store = store;
    this.dialog = byId("dialog");
    this.help = byId("help");
    for (const each of [this.dialog, this.help]) {
      each.addEventListener("click", (event) => {
        if (event.target === each) each.close(); // a click beside it
      });
    }
  }

  get isOpen() {
    return this.dialog.open || this.help.open;
  }

  toast(text, action = null, listener = null) {
    const toast = element("div", { class: "toast" }, element("span", { text }));
    if (action) {
      const act = () => {
        toast.remove();
        listener();
      };
      toast.append(button(action, act, { class: "link" }));
    }
    byId("toasts").replaceChildren(toast);
    setTimeout(() => toast.remove(), 1000 * TOAST_SECONDS);
  }

  showHelp(groups) {
    const sections = groups.map(([title, commands]) =>
      element("section", {}, element("h3", { text: title }), element("dl", {},
        ...commands.flatMap(({ keys, label }) => [
          element("dt", {}, ...keys.map((key) => element("kbd", { text: shownKey(key) }))),
          element("dd", { text: label }),
        ]))));
    this.help.replaceChildren(
      element("header", {}, element("h2", { id: "help-title", text: "Keyboard" }),
        button("Close", () => this.help.close())),
      element("div", { class: "help-groups" }, ...sections),
      element("p", { class: "muted", text: "Mouse: click selects a person, Shift and click a second one to compare or merge; the wheel zooms the picture, Ctrl and the wheel the timeline; drag moves." }),
    );
    this.help.showModal();
  }

  /** Show a form in the dialog; resolves to what `read` gives when it is sent, else to null. */
  #ask(title, fields, read, submit = "Apply") {
    return new Promise((resolve) => {
      let answer = null;
      const form = element("form", { method: "dialog" },
        element("h2", { id: "dialog-title", text: title }), ...fields,
        element("footer", {}, button("Cancel", () => this.dialog.close()),
          element("button", { type: "submit", class: "primary", text: submit })));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        answer = read();
        if (answer !== undefined) this.dialog.close();
      });
      this.dialog.replaceChildren(form);
      this.dialog.addEventListener("close", () => resolve(answer), { once: true });
      this.dialog.showModal();
      (form.querySelector("[role=combobox]") ?? form.querySelector("input")).select();
    });
  }

  askText(title, value) {
    const input = element("input", { type: "text", value, maxlength: 200, "aria-label": title });
    return this.#ask(title, [input], () => input.value);
  }

  /** The number of a person; null when the dialog is closed. */
  async choosePerson(title, { except = null } = {}) {
    const picker = new PersonPicker(this.store, { except, withNew: false });
    picker.onChoose = () => picker.list.closest("form").requestSubmit();
    return this.#ask(title, picker.fields, () => picker.chosen ?? undefined, "Choose");
  }

  /** {person, first_frame, last_frame}, where person is null for a new one; null when closed. */
  move(title, piece, first, last) {
    const picker = new PersonPicker(this.store, { except: piece.person, withNew: true });
    const number = (label, value) =>
      element("input", { type: "number", class: "numbers", value, min: piece.first_frame,
        max: piece.last_frame, required: true, "aria-label": label });
    const [from, to] = [number("First frame", first), number("Last frame", last)];
    const range = element("p", { class: "range" }, "Frames ", from, " to ", to,
      element("span", { class: "muted", text: ` of ${piece.first_frame}–${piece.last_frame}` }));
    const read = () => {
      if (picker.chosen === null) return undefined;
      const person = picker.chosen === "new" ? null : picker.chosen;
      return { person, first_frame: from.valueAsNumber, last_frame: to.valueAsNumber };
    };
    return this.#ask(title, [range, ...picker.fields], read, "Move");
  }
}

/** Search field and list of persons; arrow keys choose. */
class PersonPicker {
  constructor(store, { except, withNew }) {
    this.persons = store.state.persons.filter((person) => person.id !== except);
    this.withNew = withNew;
    this.chosen = null;
    this.onChoose = null;
    this.input = element("input", { type: "search", placeholder: "Name or number",
      role: "combobox", "aria-label": "Person", "aria-controls": "picker-list",
      "aria-expanded": "true", autocomplete: "off" });
    this.list = element("ul", { id: "picker-list", role: "listbox", "aria-label": "Persons" });
    this.fields = [this.input, this.list];
    this.input.addEventListener("input", () => this.#show());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.#show();
  }

  #show() {
    const words = this.input.value.trim().toLowerCase();
    const matches = (person) =>
      personLabel(person).toLowerCase().includes(words) || String(person.id) === words;
    const found = this.persons.filter((person) => !words || matches(person)).slice(0, 100);
    // A number that was typed in full comes first.
    found.sort((a, b) => (String(b.id) === words) - (String(a.id) === words));
    const known = found.map((person) => person.id);
    this.options = this.withNew && !words ? ["new", ...known] : known;
    this.list.replaceChildren(...this.options.map((id) => this.#option(id)));
    this.#choose(words ? (this.options[0] ?? null) : null);
  }

  #option(id) {
    const person = this.persons.find((each) => each.id === id);
    return element("li", { role: "option", id: `option-${id}`, "aria-selected": "false",
      on: { click: () => { this.#choose(id); this.onChoose?.(); } } },
    element("i", { class: "swatch", style: { background: person ? personColour(id) : "transparent" } }),
    person ? personLabel(person) : "New person",
    element("span", { class: "muted", text: person?.name ? ` ${id}` : "" }));
  }

  #choose(id) {
    this.chosen = id;
    for (const option of this.list.children) {
      const isChosen = option.id === `option-${id}`;
      option.setAttribute("aria-selected", String(isChosen));
      if (isChosen) option.scrollIntoView({ block: "nearest" });
    }
    if (id === null) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `option-${id}`);
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !this.options.length) return;
    event.preventDefault();
    const place = this.options.indexOf(this.chosen);
    const next = place < 0 ? (step > 0 ? 0 : this.options.length - 1) : place + step;
    this.#choose(this.options[Math.min(Math.max(next, 0), this.options.length - 1)]);
  }
}

const SHOWN = {
  " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓",
  Escape: "Esc", Delete: "Del", Backspace: "⌫", PageUp: "Page ↑", PageDown: "Page ↓",
};

export function shownKey(key) {
  if (key === "+") return key;
  const shown = (part) => SHOWN[part] ?? (part.length === 1 ? part.toUpperCase() : part);
  return key.split("+").map(shown).join(" ");
}
