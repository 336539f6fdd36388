// Panel of all persons: a card each, with search, filter and order.

import { bestFrame, crop, longestPiece } from "./crops.js";
import { byId, element, oncePerFrame } from "./dom.js";
import { duration, personColour, personLabel } from "./format.js";

const CARDS_AT_ONCE = 60;

export class PeoplePanel {
  constructor(store, player) {
    this.store = store;
    this.player = player;
    this.list = byId("people");
    this.shown = CARDS_AT_ONCE;
    this.draw = oncePerFrame(() => this.#draw());
    store.on("state rows", () => this.draw());
    store.on("selection", () => this.#markSelected());
    byId("search").addEventListener("input", (event) => this.#filter({ search: event.target.value }));
    byId("filter").addEventListener("change", (event) => this.#filter({ filter: event.target.value }));
    byId("sort").addEventListener("change", (event) => this.#filter({ sort: event.target.value }));
    // More cards are made when the last ones come into view.
    this.list.parentElement.addEventListener("scroll", () => this.#showMore());
  }

  #filter(changes) {
    this.shown = CARDS_AT_ONCE;
    this.store.setFilter(changes);
  }

  #showMore() {
    const panel = this.list.parentElement;
    const isNearEnd = panel.scrollTop + panel.clientHeight > panel.scrollHeight - 400;
    if (!isNearEnd || this.shown >= this.store.rows.length) return;
    const start = this.shown;
    this.shown += CARDS_AT_ONCE;
    this.list.append(...this.store.rows.slice(start, this.shown).map((row) => this.#card(row)));
    this.#markSelected();
  }

  #draw() {
    const { rows } = this.store;
    byId("people-count").textContent = this.store.persons.size;
    const cards = rows.slice(0, this.shown).map((person) => this.#card(person));
    const none = element("li", { class: "empty", text: "No person matches the search and the filter." });
    this.list.replaceChildren(...(cards.length ? cards : [none]));
    this.#markSelected();
  }

  #card(person) {
    const piece = longestPiece(this.store, person);
    const doubts = this.store.doubtsOf.get(person.id)?.length ?? 0;
    const select = (event) => {
      const add = event.shiftKey || event.ctrlKey || event.metaKey;
      this.store.select(person.id, { add });
      if (!add) this.store.emit("open"); // also when the person was selected already
      if (!add && this.store.rowOfPerson(person.id, this.player.frame) < 0) {
        this.player.seek(person.first_frame);
      }
    };
    const button = element("button", { type: "button", class: "card", "data-person": person.id, on: { click: select } },
      crop(this.store, piece, bestFrame(this.store, piece)),
      element("span", { class: "card-name" },
        element("i", { class: "swatch", style: { background: personColour(person.id) } }),
        element("span", { class: "text", text: personLabel(person) }),
        doubts ? element("span", { class: "doubt-dot", title: `${doubts} doubtful`, role: "img", "aria-label": `${doubts} doubtful` }) : null),
      element("span", { class: "muted", text: duration((person.boxes * this.store.info.every) / this.store.info.fps) }));
    return element("li", {}, button);
  }

  #markSelected() {
    for (const card of this.list.querySelectorAll(".card")) {
      const id = Number(card.dataset.person);
      card.setAttribute("aria-pressed", String(id === this.store.person));
      card.classList.toggle("other", id === this.store.other);
    }
  }
}
