// Panel of the selected person: name, tracks, gallery, and who is like this person.

import { getJson } from "./api.js";
import { bestFrame, crop, longestPiece } from "./crops.js";
import { button, byId, element, oncePerFrame } from "./dom.js";
import { clock, duration, percent, personColour, personLabel, plural } from "./format.js";

const PAUSE = 300; // milliseconds
const PICTURES = 10; // at first

export class PersonPanel {
  constructor(store, player, corrections) {
    this.store = store;
    this.player = player;
    this.corrections = corrections;
    this.panel = byId("panel-person");
    this.order = "time";
    this.areAllShown = false;
    this.drawn = ""; // person and revision that the panel shows
    this.gallery = element("div", { class: "gallery", role: "group", "aria-label": "Pictures" });
    this.alike = element("ul", { class: "alike", "aria-label": "Similar persons" });
    store.on("state selection", oncePerFrame(() => this.#update()));
  }

  #update() {
    const { store } = this;
    const person = store.persons.get(store.person);
    const key = person ? `${person.id}:${store.state.revision}` : "";
    if (!person) this.#drawEmpty();
    else if (key !== this.drawn) {
      this.#draw(person);
      this.#load(person, key);
    }
    this.drawn = key;
    this.#drawSelection(person);
  }

  #drawEmpty() {
    this.panel.replaceChildren(element("p", { class: "empty",
      text: "No person is selected. Click a box in the video, a row of the timeline, or a card." }));
  }

  #draw(person) {
    const { store } = this;
    const { fps, every } = store.info;
    const name = element("input", { type: "text", class: "name", value: person.name ?? "",
      placeholder: `Person ${person.id}`, maxlength: 200, "aria-label": "Name", spellcheck: "false" });
    name.addEventListener("change", () => this.corrections.rename(person.id, name.value));
    name.addEventListener("keydown", (event) => event.key === "Enter" && name.blur());
    const span = `${clock(store.seconds(person.first_frame), 0)} – ${clock(store.seconds(person.last_frame), 0)}`;
    const visible = duration((person.boxes * every) / fps);
    this.comparison = element("div", { class: "comparison" });
    this.tracks = element("ul", { class: "tracks", "aria-label": "Tracks" });
    this.panel.replaceChildren(
      element("div", { class: "person-head" },
        element("i", { class: "swatch large", style: { background: personColour(person.id) } }),
        name, element("span", { class: "muted numbers", text: `#${person.id}` })),
      element("p", { class: "muted facts", text: `${span} · seen ${visible} · ${plural(person.boxes, "box", "boxes")}` }),
      this.comparison,
      this.#head("Tracks", person.pieces.length), this.tracks,
      this.#galleryHead(), this.gallery,
      this.#head("Who is this like?"), this.alike);
    const pieces = person.pieces.map((id) => store.pieces.get(id));
    pieces.sort((a, b) => a.first_frame - b.first_frame);
    this.tracks.replaceChildren(...pieces.map((piece) => this.#track(piece)));
  }

  #head(text, count = null) {
    return element("h2", {}, text, count === null ? null : element("span", { class: "count", text: count }));
  }

  #track(piece) {
    const { store } = this;
    const select = () => {
      store.select(piece.person, { piece: piece.id });
      const { shown } = this.player;
      if (shown < piece.first_frame || shown > piece.last_frame) this.player.seek(piece.first_frame);
    };
    const sure = piece.probability === null ? null : element("span", {
      class: piece.probability < 0.9 ? "numbers unsure" : "numbers muted", text: percent(piece.probability),
      title: "Probability, by the tracker's estimate, that this track is of this person" });
    const from = clock(store.seconds(piece.first_frame), 1);
    const to = clock(store.seconds(piece.last_frame), 1);
    return element("li", { "data-piece": piece.id },
      element("button", { type: "button", class: "track", on: { click: select } },
        element("span", { text: `Track ${piece.id}` }),
        element("span", { class: "muted numbers", text: `${from} – ${to}` }), sure),
      button("Move", () => this.corrections.move(piece), { class: "small", "aria-label": `Move track ${piece.id} to another person` }),
      button("Delete", () => this.corrections.remove(piece), { class: "small", "aria-label": `Delete track ${piece.id}` }));
  }

  #galleryHead() {
    const order = element("select", { "aria-label": "Order of the pictures" },
      element("option", { value: "time", text: "By time" }),
      element("option", { value: "distance", text: "Least alike first" }));
    order.value = this.order;
    order.addEventListener("change", () => {
      this.order = order.value;
      this.#drawGallery();
    });
    const head = this.#head("Pictures");
    head.append(order);
    return head;
  }

  async #load(person, key) {
    this.gallery.replaceChildren();
    this.crops = [];
    this.#drawAlike(person, null);
    const isCurrent = () => key === this.drawn; // else another person was selected meanwhile
    try {
      const show = async (distances) => {
        const crops = await getJson("/api/gallery", { person: person.id, distances });
        if (!isCurrent()) return;
        this.crops = crops;
        this.#drawGallery();
      };
      await show(0);
      if (!this.store.info.has_images) return;
      await new Promise((done) => setTimeout(done, PAUSE)); // while one walks through the persons
      if (isCurrent()) await show(1);
      // The server compares with more persons while it gets to know them.
      for (const wait of [0, 4000, 12000]) {
        await new Promise((done) => setTimeout(done, wait));
        if (!isCurrent()) return;
        const alike = await getJson("/api/alike", { person: person.id });
        if (isCurrent()) this.#drawAlike(person, alike);
      }
    } catch (error) {
      if (isCurrent()) this.store.emit("failed", error);
    }
  }

  #drawGallery() {
    const crops = [...this.crops];
    if (this.order === "distance") crops.sort((a, b) => (b.distance ?? -1) - (a.distance ?? -1));
    // By time, the first few are spread over the whole time.
    const step = this.order === "time" ? crops.length / PICTURES : 1;
    const shown = this.areAllShown || crops.length <= PICTURES ? crops
      : Array.from({ length: PICTURES }, (_, k) => crops[Math.floor(k * step)]);
    this.gallery.replaceChildren(...shown.map((each) => this.#picture(each)));
    if (shown.length < crops.length) {
      const showAll = () => {
        this.areAllShown = true;
        this.#drawGallery();
      };
      this.gallery.append(button(`All ${crops.length} pictures`, showAll, { class: "link more" }));
    }
  }

  #picture({ piece, frame, distance }) {
    const { store, player } = this;
    const show = () => {
      store.select(store.pieces.get(piece).person, { piece });
      player.pause();
      player.seek(frame);
    };
    const time = clock(store.seconds(frame), 0);
    const far = distance === null ? "" : `, distance ${distance.toFixed(2)} from the others`;
    return element("button", { type: "button", class: "picture", title: `Track ${piece}, frame ${frame}${far}`,
      "aria-label": `Track ${piece} at ${time}${far}`, "data-piece": piece, on: { click: show } },
    crop(store, piece, frame),
    element("span", { class: "muted numbers", text: this.order === "distance" && distance !== null ? distance.toFixed(2) : time }));
  }

  /** alike: [[person, similarity], ...]; null while it is being computed. */
  #drawAlike(person, alike) {
    const text = JSON.stringify([person.id, alike]);
    if (text === this.alike.dataset.shown) return;
    this.alike.dataset.shown = text;
    const rows = (alike ?? []).map(([id, similarity]) => this.#similar(id, similarity));
    this.alike.replaceChildren(...rows.filter((row) => row !== null));
    if (rows.length) return;
    const hasImages = this.store.info.has_images;
    const none = !hasImages ? "Persons cannot be compared without the video." : "Nobody to compare with.";
    this.alike.append(element("li", { class: "empty", text: hasImages && !alike ? "Comparing…" : none }));
  }

  #similar(id, similarity) {
    const { store, corrections } = this;
    const person = store.persons.get(id);
    if (!person) return null;
    const piece = longestPiece(store, person);
    const compare = () => store.select(id, { add: true });
    return element("li", { "data-person": id },
      element("button", { type: "button", class: "similar", on: { click: compare }, "aria-label": `Compare with ${personLabel(person)}` },
        crop(store, piece, bestFrame(store, piece)),
        element("span", { class: "similar-text" },
          element("span", { class: "text", text: personLabel(person) }),
          element("span", { class: "meter", style: { "--share": percent(similarity).replace(" ", "") } }),
          element("span", { class: "muted numbers", text: percent(similarity) }))),
      button("Merge", () => corrections.merge(store.person, id), { class: "small" }),
      button("Differ", () => corrections.markDifferent(store.person, id), { class: "small", "aria-label": `${personLabel(person)} is a different person` }));
  }

  #drawSelection(person) {
    if (!person) return;
    for (const each of this.panel.querySelectorAll("[data-piece]")) {
      each.classList.toggle("selected", Number(each.dataset.piece) === this.store.piece);
    }
    for (const each of this.alike.children) {
      each.classList.toggle("selected", Number(each.dataset.person) === this.store.other);
    }
    const other = this.store.persons.get(this.store.other);
    this.comparison.hidden = !other;
    if (other) this.comparison.replaceChildren(...this.#comparison(person, other));
  }

  #comparison(person, other) {
    const { corrections, store } = this;
    const side = (each) => {
      const piece = longestPiece(store, each);
      return element("figure", {}, crop(store, piece, bestFrame(store, piece)),
        element("figcaption", { text: personLabel(each) }));
    };
    return [
      element("div", { class: "sides" }, side(person), side(other)),
      element("div", { class: "answers" },
        button("Same person", () => corrections.markSame(), { class: "primary", title: "S" }),
        button("Different", () => corrections.markDifferent(), { title: "D" }),
        button("Merge only", () => corrections.merge(), { title: "M" })),
    ];
  }
}
