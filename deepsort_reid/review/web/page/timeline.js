// Timeline: a row for each person with its tracks as bars, gaps as lines and doubts as marks. Only
// the rows and the stretch of time that are in view are drawn.

import { byId, fitCanvas, oncePerFrame } from "./dom.js";
import { clock, personColour, personLabel } from "./format.js";

const ROW = 24;
const RULER = 26;
const LABELS = 150;
const MIN_FRAMES = 20; // in view at the highest zoom
const DOUBT = "#f0b45c";

export class Timeline {
  constructor(store, player) {
    this.store = store;
    this.player = player;
    this.box = byId("timeline");
    this.rows = byId("timeline-rows");
    this.cursor = byId("timeline-cursor");
    this.from = 1; // frames in view; from and to are fractions while zooming
    this.to = 2;
    this.draw = oncePerFrame(() => this.#draw());
    this.drawCursor = oncePerFrame(() => this.#drawCursor());
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.box.addEventListener("scroll", () => this.draw());
    store.on("state rows selection", () => this.draw());
    store.on("rows selection", () => this.#showSelected());
    player.addEventListener("frame", () => this.#follow());
    this.#listen();
  }

  fit() {
    this.from = 1;
    this.to = this.player.last + 1; // the end of the last frame
    this.draw();
  }

  get #width() {
    return Math.max(this.box.clientWidth - LABELS - 8, 1);
  }

  #x(frame) {
    return LABELS + ((frame - this.from) / (this.to - this.from)) * this.#width;
  }

  #frame(x) {
    return this.from + ((x - LABELS) / this.#width) * (this.to - this.from);
  }

  zoom(factor, frame = this.player.frame) {
    const span = Math.min(Math.max((this.to - this.from) * factor, MIN_FRAMES), this.player.last);
    const share = Math.min(Math.max((frame - this.from) / (this.to - this.from), 0), 1);
    this.#setFrom(frame - share * span, span);
  }

  #setFrom(from, span = this.to - this.from) {
    this.from = Math.max(1, Math.min(from, this.player.last + 1 - span));
    this.to = this.from + span;
    this.draw();
  }

  /** Keep the displayed frame in view, except while the whole run is. */
  #follow() {
    const frame = this.player.shown;
    const span = this.to - this.from;
    if (frame < this.from || frame > this.to) this.#setFrom(frame - span / 8);
    else this.drawCursor();
  }

  #showSelected() {
    const place = this.store.rows.findIndex((person) => person.id === this.store.person);
    if (place < 0) return;
    const height = this.box.clientHeight - RULER;
    const top = place * ROW;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + ROW > this.box.scrollTop + height) this.box.scrollTop = top + ROW - height;
  }

  #draw() {
    if (!this.store.boxes) return;
    const { clientWidth: width, clientHeight: height, scrollTop } = this.box;
    byId("timeline-space").style.setProperty("height", `${this.store.rows.length * ROW + RULER}px`);
    const context = fitCanvas(this.rows, width, height);
    for (const canvas of [this.rows, this.cursor]) {
      canvas.style.setProperty("width", `${width}px`);
      canvas.style.setProperty("height", `${height}px`);
    }
    context.clearRect(0, 0, width, height);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const first = Math.floor(scrollTop / ROW);
    const last = Math.min(Math.ceil((scrollTop + height - RULER) / ROW), this.store.rows.length);
    context.save();
    context.beginPath();
    context.rect(0, RULER, width, height - RULER);
    context.clip();
    for (let k = first; k < last; k++) {
      this.#drawRow(context, this.store.rows[k], RULER + k * ROW - scrollTop, width);
    }
    if (!this.store.rows.length) {
      context.fillStyle = "#9aa5b1";
      context.fillText("No person matches the search and the filter.", LABELS, RULER + ROW);
    }
    context.restore();
    this.#drawRuler(context, width);
    this.#drawCursor();
  }

  #drawRow(context, person, top, width) {
    const { store } = this;
    const isSelected = person.id === store.person;
    const middle = top + ROW / 2;
    if (isSelected || person.id === store.other) {
      context.fillStyle = isSelected ? "rgb(108 182 255 / 0.16)" : "rgb(108 182 255 / 0.08)";
      context.fillRect(0, top, width, ROW);
    }
    context.fillStyle = "#262c33";
    context.fillRect(0, top + ROW - 1, width, 1);
    context.save();
    context.beginPath();
    context.rect(LABELS, top, width, ROW);
    context.clip();
    context.fillStyle = personColour(person.id, 0.4);
    const start = this.#x(person.first_frame);
    context.fillRect(start, middle - 0.5, this.#x(person.last_frame) - start, 1);
    for (const id of person.pieces) this.#drawPiece(context, store.pieces.get(id), top);
    for (const doubt of store.doubtsOf.get(person.id) ?? []) {
      drawMark(context, this.#x(doubt.frame), middle, doubt === store.doubt);
    }
    context.restore();
    this.#drawLabel(context, person, middle, isSelected);
  }

  #drawLabel(context, person, middle, isSelected) {
    context.fillStyle = personColour(person.id);
    context.fillRect(10, middle - 5, 10, 10);
    context.fillStyle = isSelected ? "#ffffff" : "#cfd6dd";
    let text = personLabel(person);
    const room = LABELS - 40;
    if (context.measureText(text).width > room) {
      while (text.length > 1 && context.measureText(`${text}…`).width > room) text = text.slice(0, -1);
      text += "…";
    }
    context.fillText(text, 28, middle + 0.5);
  }

  /** The stretches of a piece that are in view; those nearer than a pixel are drawn as one. */
  #drawPiece(context, piece, top) {
    const runs = this.store.boxes.runs.get(piece?.id);
    if (!runs) return;
    const isSelected = piece.id === this.store.piece;
    context.fillStyle = personColour(piece.person, isSelected ? 1 : 0.75);
    const [y, height] = isSelected ? [top + 4, ROW - 9] : [top + 6, ROW - 13];
    let low = 0;
    let high = runs.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (runs[2 * middle + 1] < this.from) low = middle + 1;
      else high = middle;
    }
    let left = null;
    let right = null;
    for (let k = low; k < runs.length / 2 && runs[2 * k] <= this.to; k++) {
      const x = this.#x(runs[2 * k]);
      if (left !== null && x > right + 1) {
        context.fillRect(left, y, Math.max(right - left, 2), height);
        left = x;
      }
      left ??= x;
      right = this.#x(runs[2 * k + 1] + 1);
    }
    if (left !== null) context.fillRect(left, y, Math.max(right - left, 2), height);
    // The first frame of every piece, so that joined pieces can be told apart.
    const begin = this.#x(runs[0]);
    context.fillStyle = "#ffffff";
    if (begin >= LABELS - 1) context.fillRect(begin, y, 1, height);
  }

  #drawRuler(context, width) {
    context.fillStyle = "#1b1f24";
    context.fillRect(0, 0, width, RULER);
    context.fillStyle = "#343b43";
    context.fillRect(0, RULER - 1, width, 1);
    context.fillStyle = "#9aa5b1";
    const { seconds } = { seconds: (frame) => this.store.seconds(frame) };
    const perPixel = Math.max((seconds(Math.floor(this.to)) - seconds(Math.ceil(this.from))) / this.#width, 1e-6);
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
    const step = steps.find((each) => each / perPixel > 90) ?? 14400;
    context.fillText(`${this.store.rows.length} of ${this.store.persons.size} persons`, 10, RULER / 2);
    const begin = Math.ceil(seconds(Math.ceil(this.from)) / step) * step;
    for (let time = begin; time <= seconds(Math.floor(this.to)); time += step) {
      const x = Math.round(this.#x(this.player.frameAt(time)));
      context.fillRect(x, RULER - 7, 1, 6);
      context.fillText(clock(time, step < 1 ? 1 : 0), x + 4, RULER / 2);
    }
  }

  #drawCursor() {
    const { clientWidth: width, clientHeight: height } = this.box;
    const context = fitCanvas(this.cursor, width, height);
    context.clearRect(0, 0, width, height);
    const x = Math.round(this.#x(this.player.shown + 0.5));
    if (this.store.range) {
      const [a, b] = this.store.range.map((frame) => this.#x(frame));
      context.fillStyle = "rgb(108 182 255 / 0.18)";
      context.fillRect(Math.max(a, LABELS), RULER, b - Math.max(a, LABELS), height);
    }
    if (x < LABELS || x > width) return;
    context.fillStyle = "#6cb6ff";
    context.fillRect(x, 0, 1, height);
    context.beginPath();
    context.moveTo(x - 5, 0);
    context.lineTo(x + 6, 0);
    context.lineTo(x + 0.5, 8);
    context.fill();
  }

  /** What lies under a point: {frame, person, piece, doubt}; person is null over the ruler. */
  #under(event) {
    const place = event.clientX - this.box.getBoundingClientRect().left;
    const top = event.clientY - this.box.getBoundingClientRect().top;
    const frame = Math.round(this.#frame(place) - 0.5);
    const row = top < RULER ? -1 : Math.floor((top - RULER + this.box.scrollTop) / ROW);
    const person = this.store.rows[row] ?? null;
    if (!person) return { frame, person: null, piece: null, doubt: null, isLabel: false };
    const reach = Math.max(((this.to - this.from) / this.#width) * 6, 0.5);
    const near = (each) => {
      const runs = this.store.boxes.runs.get(each);
      return runs && frame >= runs[0] - reach && frame <= runs[runs.length - 1] + reach;
    };
    return {
      frame,
      person,
      piece: person.pieces.find(near) ?? null,
      doubt: (this.store.doubtsOf.get(person.id) ?? []).find((each) => Math.abs(each.frame - frame) <= reach) ?? null,
      isLabel: place < LABELS,
    };
  }

  #listen() {
    let isScrubbing = false;
    this.box.addEventListener("pointerdown", (event) => {
      if (event.button || event.offsetX > this.box.clientWidth) return;
      const { frame, person, piece, doubt, isLabel } = this.#under(event);
      if (doubt && !isLabel) {
        this.store.emit("doubt", doubt);
        return;
      }
      const add = event.shiftKey || event.ctrlKey || event.metaKey;
      if (person) this.store.select(person.id, { piece: isLabel ? null : piece, add });
      if (isLabel && person) this.player.seek(person.first_frame);
      if (isLabel || add) return;
      isScrubbing = true;
      this.box.setPointerCapture(event.pointerId);
      this.player.seek(frame);
    });
    this.box.addEventListener("pointermove", (event) => {
      if (isScrubbing) this.player.seek(this.#under(event).frame);
    });
    this.box.addEventListener("pointerup", () => (isScrubbing = false));
    this.box.addEventListener("wheel", (event) => {
      const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (!event.ctrlKey && !event.metaKey && !isSideways) return; // scrolls the rows
      event.preventDefault();
      if (isSideways && !event.ctrlKey) {
        const delta = event.deltaX || event.deltaY;
        this.#setFrom(this.from + (delta / this.#width) * (this.to - this.from));
      } else {
        const place = event.clientX - this.box.getBoundingClientRect().left;
        this.zoom(Math.exp(event.deltaY / 300), this.#frame(place));
      }
    }, { passive: false });
  }
}

function drawMark(context, x, y, isSelected) {
  const size = isSelected ? 7 : 4.5;
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  context.fillStyle = DOUBT;
  context.fill();
  context.lineWidth = isSelected ? 2 : 1;
  context.strokeStyle = isSelected ? "#ffffff" : "#14171a";
  context.stroke();
}
