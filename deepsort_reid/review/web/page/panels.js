// The side panels, the export menu, and commands that move the selection.

import { getBlob } from "./api.js";
import { DoubtsPanel } from "./doubts_panel.js";
import { byId, element } from "./dom.js";
import { PeoplePanel } from "./people_panel.js";
import { PersonPanel } from "./person_panel.js";

const EXPORTS = [
  ["mot", "MOT text", "corrected tracks, for evaluate and other tools"],
  ["people", "people.csv", "who was there from when to when"],
  ["ground_truth", "Ground truth", "a MOT sequence for crop, then train"],
  ["cvat_mot", "CVAT, MOT 1.1", "zip for the annotation tool"],
  ["cvat_xml", "CVAT for video 1.1", "XML with tracks"],
  ["coco", "COCO", "JSON with track_id"],
];

export class Panels {
  constructor(store, player, corrections, dialogs) {
    this.store = store;
    this.player = player;
    this.corrections = corrections;
    this.dialogs = dialogs;
    this.people = new PeoplePanel(store, player);
    this.person = new PersonPanel(store, player, corrections);
    this.doubts = new DoubtsPanel(store, player, corrections, this);
    this.tabs = [...document.querySelectorAll("[role=tab]")];
    this.selected = null;
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.show(tab.dataset.panel));
      tab.addEventListener("keydown", (event) => this.#tabKey(event, tab));
    }
    store.on("selection", () => this.#showSelected());
    store.on("open", () => this.show("person"));
    this.#makeExportMenu();
  }

  #tabKey(event, tab) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const next = this.tabs[(this.tabs.indexOf(tab) + step + this.tabs.length) % this.tabs.length];
    this.show(next.dataset.panel, true);
  }

  show(name, withFocus = false) {
    for (const tab of this.tabs) {
      const isShown = tab.dataset.panel === name;
      tab.setAttribute("aria-selected", String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      byId(`panel-${tab.dataset.panel}`).hidden = !isShown;
      if (isShown && withFocus) tab.focus();
    }
    if (name === "doubts") this.doubts.draw();
  }

  /** A newly selected person comes up in the panel, unless the list of doubts is open. */
  #showSelected() {
    const { person } = this.store;
    const isNew = person !== null && person !== this.selected;
    this.selected = person;
    if (isNew && byId("panel-doubts").hidden) this.show("person");
    const label = person === null ? "Selected" : this.store.label(person).slice(0, 18);
    byId("tab-person").textContent = label;
  }

  selectNeighbour(step) {
    const { rows, person } = this.store;
    if (!rows.length) return;
    const place = rows.findIndex((row) => row.id === person);
    const next = place < 0 ? 0 : Math.min(Math.max(place + step, 0), rows.length - 1);
    this.store.select(rows[next].id);
  }

  selectInFrame() {
    const here = this.store.at(this.player.shown);
    if (!here.length) return;
    const place = here.findIndex(([person]) => person === this.store.person);
    const [person, piece] = here[(place + 1) % here.length];
    this.store.select(person, { piece });
  }

  /** Seek to the next begin (-1: before this frame) or end (1: after it) of the person's tracks. */
  toTrackEnd(step) {
    const person = this.store.persons.get(this.store.person);
    if (!person) return;
    const pieces = person.pieces.map((id) => this.store.pieces.get(id));
    const frames = pieces.flatMap((piece) => [piece.first_frame, piece.last_frame]);
    frames.sort((a, b) => step * (a - b));
    const next = frames.find((frame) => step * (frame - this.player.frame) > 0);
    if (next !== undefined) {
      this.player.pause();
      this.player.seek(next);
    }
  }

  focusSearch() {
    this.show("people");
    byId("search").select();
  }

  escape() {
    if (!byId("export-menu").hidden) this.toggleExport();
    else if (this.store.doubt) {
      this.doubts.close();
      this.store.emit("selection");
    } else if (this.store.other !== null) this.store.select(this.store.other, { add: true });
    else this.store.select(null);
  }

  /** S and D answer the case that is shown; without one they speak of the two selected persons. */
  answer(key) {
    if (this.store.doubt) this.doubts.answer(key);
    else if (key === "s") this.corrections.markSame();
    else if (key === "d") this.corrections.markDifferent();
  }

  showHelp() {
    this.dialogs.showHelp(this.commands.groups);
  }

  #makeExportMenu() {
    const items = EXPORTS.map(([kind, title, text]) => element("button",
      { type: "button", role: "menuitem", tabindex: "-1", "data-kind": kind, on: { click: () => this.#export(kind) } },
      element("strong", { text: title }), element("span", { class: "muted", text })));
    const menu = byId("export-menu");
    menu.append(...items);
    menu.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const place = items.indexOf(document.activeElement);
      if (step) items[(place + step + items.length) % items.length].focus();
      else if (event.key === "Escape" || event.key === "Tab") this.toggleExport();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    document.addEventListener("pointerdown", (event) => {
      if (!menu.hidden && !event.target.closest(".menu")) this.toggleExport();
    });
  }

  toggleExport() {
    const menu = byId("export-menu");
    menu.hidden = !menu.hidden;
    byId("export-button").setAttribute("aria-expanded", String(!menu.hidden));
    if (menu.hidden) byId("export-button").focus();
    else menu.firstElementChild.focus();
  }

  async #export(kind) {
    if (!byId("export-menu").hidden) this.toggleExport();
    try {
      const { blob, name } = await getBlob(`/api/export/${kind}`);
      const link = element("a", { href: URL.createObjectURL(blob), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      this.dialogs.toast(`Exported ${name}.`);
    } catch (error) {
      this.store.emit("failed", error);
    }
  }
}
