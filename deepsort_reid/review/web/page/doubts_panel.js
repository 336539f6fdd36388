// Doubtful cases: a list, and a card over the picture with the two sides of one case.

import { crop, frameNear } from "./crops.js";
import { button, byId, element, oncePerFrame } from "./dom.js";
import { capitalized, clock, percent } from "./format.js";

const TITLES = {
  join: "One person?", new: "A new person?", crossing: "Exchanged?", gap: "Same after the gap?",
  short: "A false track?",
};
const LISTED = 200;

export class DoubtsPanel {
  constructor(store, player, corrections, panels) {
    this.store = store;
    this.player = player;
    this.corrections = corrections;
    this.panels = panels;
    this.panel = byId("panel-doubts");
    this.card = byId("doubt-card");
    this.place = -1; // of the doubt that was shown last
    this.draw = oncePerFrame(() => this.#draw());
    store.on("state", () => this.draw());
    store.on("selection", () => this.draw());
    store.on("doubt", ({ detail }) => this.show(detail));
  }

  /** Show the next (1) or previous (-1) case; after an answer, the one that took its place. */
  next(step) {
    const { doubts } = this.store.state;
    if (!doubts.length) {
      this.close();
      this.panels.dialogs.toast("No doubtful case is left.");
      return;
    }
    const known = this.store.doubt ? doubts.indexOf(this.store.doubt) : -1;
    let place;
    if (known >= 0) place = known + step;
    else place = step > 0 ? Math.max(this.place, 0) : this.place - 1;
    this.show(doubts[(place + doubts.length) % doubts.length]);
  }

  show(doubt) {
    const { store } = this;
    this.place = store.state.doubts.indexOf(doubt);
    store.doubt = doubt;
    store.person = doubt.persons[0];
    store.piece = doubt.pieces[0];
    store.other = doubt.persons.find((person) => person !== doubt.persons[0]) ?? null;
    store.range = null;
    this.player.pause();
    this.player.seek(doubt.frame);
    store.emit("selection");
  }

  close() {
    this.store.doubt = null;
    this.draw();
  }

  /** Give the answer with a key to the case that is shown, and go on to the next. */
  async answer(key) {
    const { doubt } = this.store;
    const answer = this.corrections.answers(doubt).find((each) => each.key === key);
    if (!answer || !(await answer.run())) return;
    if (this.store.doubt === null || !this.store.state.doubts.includes(this.store.doubt)) {
      this.store.doubt = null;
      this.next(1);
    }
  }

  #draw() {
    const { doubts } = this.store.state;
    byId("doubt-count").textContent = doubts.length;
    byId("doubts-tab-count").textContent = doubts.length;
    if (!this.panel.hidden) this.#drawList(doubts);
    this.#drawCard();
  }

  #drawList(doubts) {
    const rows = doubts.slice(0, LISTED).map((doubt) => this.#row(doubt));
    const hint = element("p", { class: "muted facts", text: doubts.length
      ? "Least certain first. N shows the next one, S and D answer it."
      : "No doubtful case is left." });
    const more = doubts.length > LISTED
      ? element("p", { class: "muted facts", text: `and ${doubts.length - LISTED} more` }) : null;
    this.panel.replaceChildren(hint, element("ol", { class: "doubts" }, ...rows), ...(more ? [more] : []));
  }

  #row(doubt) {
    const isShown = doubt === this.store.doubt;
    return element("li", {}, element("button", { type: "button", class: "doubt",
      "aria-pressed": String(isShown), on: { click: () => this.show(doubt) } },
    crop(this.store, doubt.pieces[0], frameNear(this.store, doubt.pieces[0], doubt.frame)),
    element("span", { class: "doubt-text" },
      element("strong", { text: TITLES[doubt.kind] ?? doubt.kind }),
      element("span", { class: "text", text: capitalized(doubt.text) })),
    element("span", { class: "muted numbers", text: doubt.probability === null
      ? clock(this.store.seconds(doubt.frame), 0) : percent(doubt.probability) })));
  }

  /** Frames of pieces to compare: [caption, piece, frame]. */
  #sides(doubt) {
    const { store } = this;
    const [piece, other] = doubt.pieces.map((id) => store.pieces.get(id));
    const second = store.info.fps;
    const early = (each) => [`Track ${each.id} begins`, each.id, each.first_frame + second / 2];
    const late = (each) => [`Track ${each.id} ends`, each.id, each.last_frame - second / 2];
    const around = (each, title) => [
      [`${title} before`, each.id, doubt.frame - second], [`${title} after`, each.id, doubt.frame + second]];
    if (doubt.kind === "join" && other) {
      return other.first_frame < piece.first_frame ? [late(other), early(piece)] : [late(piece), early(other)];
    }
    if (doubt.kind === "crossing") {
      return [...around(piece, `Track ${piece.id}`), ...around(other, `Track ${other.id}`)];
    }
    if (doubt.kind === "gap") {
      return [["Before", piece.id, doubt.frame - 1], ["After", piece.id, doubt.frame + second / 4]];
    }
    const sides = [early(piece)];
    const known = store.persons.get(doubt.persons[1]);
    if (known) {
      const longest = known.pieces.map((id) => store.pieces.get(id)).reduce((a, b) => (b.boxes > a.boxes ? b : a));
      sides.push([store.label(known.id), longest.id, (longest.first_frame + longest.last_frame) / 2]);
    }
    return sides;
  }

  /** Whether the piece in question is in the right half of the picture, where the card stands. */
  #isAtRight(doubt) {
    const { boxes, info } = this.store;
    const row = boxes.rowOf(doubt.pieces[0], frameNear(this.store, doubt.pieces[0], doubt.frame));
    return row >= 0 && boxes.footX(row) > info.width / 2;
  }

  #drawCard() {
    const { doubt } = this.store;
    const isShown = doubt !== null && doubt.pieces.every((id) => this.store.pieces.has(id));
    this.card.hidden = !isShown;
    if (!isShown) {
      this.drawn = null;
      return;
    }
    const key = `${doubt.key}:${this.store.state.revision}`;
    if (this.drawn === key) return;
    this.drawn = key;
    const place = this.store.state.doubts.indexOf(doubt) + 1;
    const sides = this.#sides(doubt).map(([caption, piece, frame]) =>
      element("figure", {}, crop(this.store, piece, frameNear(this.store, piece, Math.round(frame))),
        element("figcaption", { text: caption })));
    const answers = this.corrections.answers(doubt).map(({ key: letter, text }, k) =>
      button("", () => this.answer(letter), { class: k ? "" : "primary", "data-answer": letter }));
    this.corrections.answers(doubt).forEach(({ key: letter, text }, k) => {
      answers[k].append(element("kbd", { text: letter.toUpperCase() }), ` ${text}`);
    });
    this.card.classList.toggle("left", this.#isAtRight(doubt));
    this.card.replaceChildren(
      element("header", {}, element("strong", { text: TITLES[doubt.kind] ?? doubt.kind }),
        element("span", { class: "muted numbers", text: `${place} of ${this.store.state.doubts.length}` }),
        button("×", () => this.close(), { class: "plain", "aria-label": "Close" })),
      element("p", { class: "text", text: `${capitalized(doubt.text)}.` }),
      element("div", { class: "sides" }, ...sides),
      element("div", { class: "answers" }, ...answers,
        button("Later", () => this.next(1), { class: "plain", title: "N" })));
  }
}
