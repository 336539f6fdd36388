// What the page knows: the state of the server, the boxes, and what the person looks at.

import { getBuffer, getJson, postJson } from "./api.js";
import { BoxTable } from "./boxes.js";
import { personLabel } from "./format.js";

/**
 * Events: "state" (new corrections), "selection", "rows" (filter or order), "layers", "frame",
 * "open" (show the selected person), "doubt" (show the case in the detail), "failed" (the server does not answer or has refused, with the error as detail).
 */
export class Store extends EventTarget {
  constructor() {
    super();
    this.state = null;
    this.info = null;
    this.boxes = null;
    this.persons = new Map();
    this.pieces = new Map();
    this.doubtsOf = new Map(); // person -> doubts
    this.rows = []; // persons as filtered and ordered
    this.person = null; // selected person, piece of it, and a second person to compare with
    this.piece = null;
    this.other = null;
    this.doubt = null; // the doubt that is shown
    this.frame = 1; // the frame that is displayed
    this.search = "";
    this.filter = "all";
    this.sort = "first";
    this.layers = { boxes: true, trails: true, ways: false, heat: false };
    this.range = null; // frames [first, last] to move
  }

  emit(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  on(names, listener) {
    for (const name of names.split(" ")) this.addEventListener(name, listener);
  }

  async load() {
    await this.#take(await getJson("/api/state"), true);
    this.frame = this.info.first_frame;
    this.emit("frame");
  }

  async #take(state, withBoxes) {
    const pieces = (each) => each.pieces.map((piece) => piece.id).join();
    const changed = withBoxes || !this.state || pieces(this.state) !== pieces(state);
    if (changed) this.boxes = new BoxTable(await getBuffer("/api/boxes"), (state.info ?? this.info).every);
    this.info = state.info ?? this.info; // does not change, and comes once
    this.state = state;
    this.persons = new Map(state.persons.map((person) => [person.id, person]));
    this.pieces = new Map(state.pieces.map((piece) => [piece.id, piece]));
    this.doubtsOf = new Map();
    for (const doubt of state.doubts) {
      for (const person of doubt.persons) {
        if (!this.doubtsOf.has(person)) this.doubtsOf.set(person, []);
        this.doubtsOf.get(person).push(doubt);
      }
    }
    this.#keepSelection();
    this.filterRows();
    this.emit("state");
    this.emit("selection");
  }

  /** After a correction, what was selected may belong to another person or be gone. */
  #keepSelection() {
    const piece = this.pieces.get(this.piece);
    if (!piece || piece.deleted) this.piece = null;
    else if (!this.persons.has(this.person)) this.person = piece.person;
    if (!this.persons.has(this.person)) this.person = null;
    if (this.piece !== null && piece.person !== this.person) this.piece = null;
    if (!this.persons.has(this.other) || this.other === this.person) this.other = null;
    this.doubt = this.doubt && (this.state.doubts.find((each) => sameDoubt(each, this.doubt)) ?? null);
    this.range = null;
  }

  /** Send a correction; returns whether the server has taken and saved it. */
  async edit(edit) {
    return this.#post("/api/edit", { revision: this.state.revision, edit });
  }

  async undo() {
    return this.state.can_undo && this.#post("/api/undo", { revision: this.state.revision });
  }

  async redo() {
    return this.state.can_redo && this.#post("/api/redo", { revision: this.state.revision });
  }

  async #post(path, body) {
    try {
      await this.#take(await postJson(path, body), false);
      return true;
    } catch (error) {
      if (error.status === 409) await this.#take(await getJson("/api/state"), true);
      this.emit("failed", error);
      return false;
    }
  }

  select(person, { piece = null, add = false } = {}) {
    if (add && this.person !== null && person !== null && person !== this.person) {
      this.other = this.other === person ? null : person;
    } else {
      if (person !== this.person) this.other = null;
      this.person = person;
      this.piece = piece;
      this.range = null;
    }
    this.emit("selection");
  }

  setFrame(frame) {
    if (frame === this.frame) return;
    this.frame = frame;
    this.emit("frame");
    if (this.filter === "here") this.filterRows();
  }

  setFilter(changes) {
    Object.assign(this, changes);
    this.filterRows();
  }

  toggleLayer(name) {
    this.layers[name] = !this.layers[name];
    this.emit("layers");
  }

  filterRows() {
    const words = this.search.trim().toLowerCase();
    const rate = this.info.fps;
    const here = new Set();
    if (this.filter === "here") for (const [person] of this.at(this.frame)) here.add(person);
    const tests = {
      all: () => true,
      here: (person) => here.has(person.id),
      doubtful: (person) => this.doubtsOf.has(person.id),
      returned: (person) => person.boxes < person.last_frame - person.first_frame + 1,
      short: (person) => person.boxes < rate,
      named: (person) => Boolean(person.name),
      unnamed: (person) => !person.name,
    };
    const isWanted = tests[this.filter];
    const matches = (person) =>
      !words || personLabel(person).toLowerCase().includes(words) || String(person.id) === words;
    const orders = {
      first: (a, b) => a.first_frame - b.first_frame || a.id - b.id,
      long: (a, b) => b.boxes - a.boxes || a.id - b.id,
      name: (a, b) => personLabel(a).localeCompare(personLabel(b), "en", { numeric: true }),
    };
    const rows = this.state.persons.filter((person) => isWanted(person) && matches(person));
    rows.sort(orders[this.sort]);
    const isSame = rows.length === this.rows.length && rows.every((row, k) => row === this.rows[k]);
    this.rows = rows;
    if (!isSame) this.emit("rows");
  }

  /** Persons in a frame: [person, piece, row of the box] of each box that is not deleted. */
  at(frame) {
    const [start, end] = this.boxes.rowsAt(frame);
    const found = [];
    for (let row = start; row < end; row++) {
      const piece = this.pieces.get(this.boxes.piece[row]);
      if (piece && !piece.deleted) found.push([piece.person, piece.id, row]);
    }
    return found;
  }

  /** Row of the box of a person in a frame; -1 where the person is not there. */
  rowOfPerson(id, frame) {
    for (const piece of this.persons.get(id)?.pieces ?? []) {
      const row = this.boxes.rowOf(piece, frame);
      if (row >= 0) return row;
    }
    return -1;
  }

  label(id) {
    const person = this.persons.get(id);
    return person ? personLabel(person) : `Person ${id}`;
  }

  seconds(frame) {
    return this.info.times?.[frame - 1] ?? (frame - 1) / this.info.fps;
  }
}

function sameDoubt(a, b) {
  return a.kind === b.kind && a.frame === b.frame && a.pieces.join() === b.pieces.join();
}
