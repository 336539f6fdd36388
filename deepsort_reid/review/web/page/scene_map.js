// Two layers over the picture: the ways that persons walked, and how long they stood where.

import { byId, fitCanvas } from "./dom.js";
import { personColour } from "./format.js";

const CELL = 6; // pixels of the picture in a cell of the heat map
const SPREAD = 2; // cells

export class SceneMap {
  constructor(store) {
    this.store = store;
    this.canvas = byId("map");
    this.heat = { key: "", canvas: new OffscreenCanvas(1, 1) };
    this.drawn = "";
  }

  /** Draw the layers that are on, if what they show or the view has changed. */
  draw(view, scale, stage) {
    const { layers, state, info } = this.store;
    const { clientWidth: width, clientHeight: height } = stage;
    const persons = layers.heat || layers.ways ? this.#persons() : null;
    const key = persons && `${state.revision}:${persons.join()}`;
    const drawn = key && [key, layers.heat, layers.ways, view.x, view.y, scale, width, height].join();
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const context = fitCanvas(this.canvas, width, height);
    context.clearRect(0, 0, width, height);
    if (!persons) return;
    const place = [view.x, view.y, info.width * scale, info.height * scale];
    context.fillStyle = "rgb(12 14 16 / 0.5)";
    context.fillRect(...place);
    if (layers.heat) {
      if (this.heat.key !== key) this.#makeHeat(persons, key);
      context.imageSmoothingQuality = "high";
      context.drawImage(this.heat.canvas, ...place);
    }
    if (layers.ways) this.#drawWays(context, persons, view, scale);
  }

  /** The selected persons; where none is selected, those that the filter leaves. */
  #persons() {
    const { person, other, rows } = this.store;
    if (person === null) return rows.map((row) => row.id);
    return other === null ? [person] : [person, other];
  }

  *#piecesOf(persons) {
    for (const id of persons) {
      for (const piece of this.store.persons.get(id)?.pieces ?? []) {
        if (this.store.boxes.pieceRange.has(piece)) yield [id, piece];
      }
    }
  }

  #makeHeat(persons, key) {
    const { boxes, info } = this.store;
    const columns = Math.ceil(info.width / CELL);
    const rows = Math.ceil(info.height / CELL);
    let counts = new Float32Array(columns * rows);
    for (const [, piece] of this.#piecesOf(persons)) {
      const [start, end] = boxes.pieceRange.get(piece);
      for (let place = start; place < end; place++) {
        const row = boxes.order[place];
        const x = Math.floor(boxes.footX(row) / CELL);
        const y = Math.floor(boxes.footY(row) / CELL);
        if (x >= 0 && x < columns && y >= 0 && y < rows) counts[y * columns + x] += 1;
      }
    }
    for (let pass = 0; pass < 2; pass++) counts = blur(blur(counts, columns, rows), rows, columns);
    this.heat.canvas.width = columns;
    this.heat.canvas.height = rows;
    this.heat.canvas.getContext("2d").putImageData(heatImage(counts, columns, rows), 0, 0);
    this.heat.key = key;
  }

  #drawWays(context, persons, view, scale) {
    const { boxes } = this.store;
    const areMany = persons.length > 40;
    context.lineWidth = areMany ? 1 : 2;
    context.lineJoin = "round";
    for (const [person, piece] of this.#piecesOf(persons)) {
      const [start, end] = boxes.pieceRange.get(piece);
      context.beginPath();
      for (let place = start; place < end; place++) {
        const row = boxes.order[place];
        context.lineTo(view.x + boxes.footX(row) * scale, view.y + boxes.footY(row) * scale);
      }
      context.strokeStyle = personColour(person, areMany ? 0.6 : 0.9);
      context.stroke();
      drawStart(context, boxes, boxes.order[start], view, scale, person);
    }
  }
}

/** A dot where a track begins. */
function drawStart(context, boxes, row, view, scale, person) {
  context.beginPath();
  context.arc(view.x + boxes.footX(row) * scale, view.y + boxes.footY(row) * scale, 3, 0, 7);
  context.fillStyle = personColour(person);
  context.fill();
}

/** Mean over 2 * SPREAD + 1 cells of each row; the result is transposed, (rows, columns). */
function blur(cells, columns, rows) {
  const blurred = new Float32Array(cells.length);
  for (let y = 0; y < rows; y++) {
    let sum = 0;
    for (let x = -SPREAD; x < columns; x++) {
      if (x + SPREAD < columns) sum += cells[y * columns + x + SPREAD];
      if (x - SPREAD - 1 >= 0) sum -= cells[y * columns + x - SPREAD - 1];
      if (x >= 0) blurred[x * rows + y] = sum / (2 * SPREAD + 1);
    }
  }
  return blurred;
}

/**
 * From transparent over blue and yellow to white, by the root of the share of what all but the
 * highest fiftieth of the cells have: one who stands still does not make all others invisible.
 */
function heatImage(counts, columns, rows) {
  const visited = counts.filter((count) => count > 0).sort();
  const most = visited.length ? visited[Math.floor(0.98 * (visited.length - 1))] : 0;
  const image = new ImageData(columns, rows);
  const stops = [[24, 60, 140], [64, 150, 220], [240, 200, 90], [255, 250, 235]];
  for (let k = 0; k < counts.length; k++) {
    const share = most > 0 ? Math.sqrt(Math.min(Math.max(counts[k], 0) / most, 1)) : 0;
    const place = Math.min(share * 3, 2.999);
    const [from, to] = [stops[Math.floor(place)], stops[Math.floor(place) + 1]];
    for (let c = 0; c < 3; c++) {
      image.data[4 * k + c] = from[c] + (to[c] - from[c]) * (place % 1);
    }
    image.data[4 * k + 3] = share < 0.04 ? 0 : 90 + 150 * share;
  }
  return image;
}
