// Corrections, as the page offers them. Each is one or more edits that the server saves.

import { personLabel } from "./format.js";

export class Corrections {
  constructor(store, player, dialogs) {
    this.store = store;
    this.player = player;
    this.dialogs = dialogs;
  }

  #label(id) {
    return this.store.label(id);
  }

  async #send(text, ...edits) {
    for (const edit of edits) if (!(await this.store.edit(edit))) return false;
    this.dialogs.toast(text, "Undo", () => this.undo(edits.length));
    return true;
  }

  async undo(steps = 1) {
    for (let k = 0; k < steps; k++) {
      if (!this.store.state.can_undo) return this.dialogs.toast("Nothing to undo.");
      if (!(await this.store.undo())) return null;
    }
    return this.dialogs.toast("Undone.", "Redo", () => this.redo(steps));
  }

  async redo(steps = 1) {
    for (let k = 0; k < steps; k++) {
      if (!this.store.state.can_redo) return this.dialogs.toast("Nothing to redo.");
      if (!(await this.store.redo())) return null;
    }
    return this.dialogs.toast("Done again.");
  }

  async #choosePerson(title, { withNew = false, except = this.store.person } = {}) {
    return this.dialogs.choosePerson(title, { withNew, except });
  }

  #needPerson() {
    if (this.store.person !== null) return true;
    this.dialogs.toast("Select a person first: click a box or a row.");
    return false;
  }

  /** The piece that is selected, or else that of the selected person in this frame, or its only one. */
  currentPiece() {
    const { store } = this;
    if (store.piece !== null) return store.pieces.get(store.piece);
    const person = store.persons.get(store.person);
    if (!person) return null;
    const here = person.pieces.find((id) => store.boxes.rowOf(id, store.frame) >= 0);
    const id = here ?? (person.pieces.length === 1 ? person.pieces[0] : null);
    return id === null ? null : store.pieces.get(id);
  }

  #needPiece() {
    if (!this.#needPerson()) return null;
    const piece = this.currentPiece();
    if (!piece) this.dialogs.toast("Select a track of this person first.");
    return piece;
  }

  async merge(into = this.store.person, from = this.store.other) {
    if (into === null) return this.#needPerson();
    const title = `Which person is ${this.#label(into)}, too?`;
    const chosen = from ?? (await this.#choosePerson(title, { except: into }));
    if (chosen === null || chosen === undefined) return false;
    const text = `Merged ${this.#label(chosen)} into ${this.#label(into)}.`;
    return this.#send(text, { kind: "merge_persons", into, from: chosen });
  }

  async markSame(person = this.store.person, other = this.store.other) {
    if (person === null) return this.#needPerson();
    const chosen = other ?? (await this.#choosePerson(`Who is the same person as ${this.#label(person)}?`));
    if (chosen === null) return false;
    const text = `${this.#label(chosen)} is ${this.#label(person)}: merged and remembered.`;
    return this.#send(text, { kind: "mark_same", person, other: chosen });
  }

  async markDifferent(person = this.store.person, other = this.store.other) {
    if (person === null) return this.#needPerson();
    const chosen = other ?? (await this.#choosePerson(`Who is a different person from ${this.#label(person)}?`));
    if (chosen === null) return false;
    const text = `${this.#label(person)} and ${this.#label(chosen)} stay different.`;
    return this.#send(text, { kind: "mark_different", person, other: chosen });
  }

  async split() {
    const piece = this.#needPiece();
    if (!piece) return false;
    const { frame } = this.store;
    if (frame <= piece.first_frame || frame > piece.last_frame) {
      const range = `${piece.first_frame + 1} to ${piece.last_frame}`;
      return this.dialogs.toast(`Track ${piece.id} can be split in frames ${range}.`);
    }
    const text = `Split track ${piece.id} at frame ${frame}: the second part is a new person.`;
    return this.#send(text, { kind: "split_track", piece: piece.id, frame });
  }

  /** Set the first (0) or last (1) frame of the part that `move` moves. */
  mark(end) {
    const piece = this.#needPiece();
    if (!piece) return;
    const range = this.store.range ?? [piece.first_frame, piece.last_frame];
    const frame = Math.min(Math.max(this.store.frame, piece.first_frame), piece.last_frame);
    range[end] = frame;
    range[1 - end] = end ? Math.min(range[0], frame) : Math.max(range[1], frame);
    this.store.piece = piece.id;
    this.store.range = range;
    this.store.emit("selection");
    this.dialogs.toast(`Frames ${range[0]} to ${range[1]} of track ${piece.id} are marked; V moves them.`);
  }

  async move(piece = this.#needPiece()) {
    if (!piece) return false;
    const [first, last] = this.store.range ?? [piece.first_frame, piece.last_frame];
    const title = `Move track ${piece.id} to another person`;
    const chosen = await this.dialogs.move(title, piece, first, last);
    if (!chosen) return false;
    const { person, first_frame, last_frame } = chosen;
    const target = person === null ? "a new person" : this.#label(person);
    const text = `Moved frames ${first_frame} to ${last_frame} of track ${piece.id} to ${target}.`;
    return this.#send(text, { kind: "move", piece: piece.id, first_frame, last_frame, person });
  }

  async rename(person = this.store.person, name = undefined) {
    if (person === null) return this.#needPerson();
    const known = this.store.persons.get(person);
    const given = name ?? (await this.dialogs.askText(`Name of ${personLabel(known)}`, known.name ?? ""));
    if (given === null || given.trim() === (known.name ?? "")) return false;
    const text = given.trim() ? `Person ${person} is ${given.trim()}.` : `Person ${person} has no name.`;
    return this.#send(text, { kind: "rename", person, name: given.trim() || null });
  }

  async remove(piece = this.#needPiece()) {
    if (!piece) return false;
    return this.#send(`Deleted track ${piece.id}.`, { kind: "delete", piece: piece.id });
  }

  /** Answers to a doubt: [{key, text, run}, ...]; the first one leaves the track as it is. */
  answers(doubt) {
    const confirm = { kind: "confirm", doubt: doubt.key };
    const [piece, other] = doubt.pieces.map((id) => this.store.pieces.get(id));
    const [person, second] = doubt.persons;
    const answer = (key, text, done, ...edits) => ({ key, text, run: () => this.#send(done, ...edits) });
    const toNew = { kind: "move", piece: piece.id, first_frame: piece.first_frame, last_frame: piece.last_frame, person: null };
    switch (doubt.kind) {
      case "join":
        return [
          answer("s", "Same person", `Confirmed: ${this.#label(person)}.`, confirm),
          answer("d", "Different", `Track ${piece.id} is a new person.`, toNew),
          ...(second === undefined ? [] : [answer("f", `Is ${this.#label(second)}`,
            `Track ${piece.id} is ${this.#label(second)}.`, { ...toNew, person: second })]),
        ];
      case "new":
        if (second === undefined) {
          return [
            answer("s", "Is new", `Confirmed: ${this.#label(person)} is new.`, confirm),
            { key: "d", text: "Is somebody known…", run: () => this.#sameAsChosen(person) },
          ];
        }
        return [
          answer("s", `Is ${this.#label(second)}`, `${this.#label(person)} is ${this.#label(second)}.`,
            { kind: "mark_same", person: second, other: person }),
          answer("d", "Different", `${this.#label(person)} is not ${this.#label(second)}.`,
            { kind: "mark_different", person, other: second }, confirm),
        ];
      case "crossing":
        return [
          answer("s", "Not exchanged", "Confirmed: not exchanged.", confirm),
          { key: "d", text: "Exchanged", run: () => this.#exchange(piece, other, doubt.frame) },
        ];
      case "gap":
        return [
          answer("s", "Same person", `Confirmed: ${this.#label(person)}.`, confirm),
          answer("d", "Different", `Split track ${piece.id} at frame ${doubt.frame}.`,
            { kind: "split_track", piece: piece.id, frame: doubt.frame }),
        ];
      default:
        return [
          answer("s", "Keep", `Kept track ${piece.id}.`, confirm),
          answer("d", "Delete", `Deleted track ${piece.id}.`, { kind: "delete", piece: piece.id }),
        ];
    }
  }

  async #sameAsChosen(other) {
    const person = await this.#choosePerson(`Who is ${this.#label(other)}?`, { except: other });
    return person !== null && this.markSame(person, other);
  }

  /** From a frame on, each of two pieces is of the person of the other: three edits. */
  async #exchange(piece, other, frame) {
    const { store } = this;
    const rest = (each) => ({ kind: "move", piece: each.id, first_frame: frame, last_frame: each.last_frame });
    const known = new Set(store.persons.keys());
    if (!(await store.edit({ ...rest(piece), person: null }))) return false;
    const made = [...store.persons.keys()].find((id) => !known.has(id));
    const isMoved = await store.edit({ ...rest(other), person: piece.person });
    if (!isMoved || !(await store.edit({ kind: "merge_persons", into: other.person, from: made }))) {
      await this.undo(isMoved ? 2 : 1); // all of it or nothing
      return false;
    }
    const text = `Exchanged tracks ${piece.id} and ${other.id} from frame ${frame} on.`;
    this.dialogs.toast(text, "Undo", () => this.undo(3));
    return true;
  }
}
