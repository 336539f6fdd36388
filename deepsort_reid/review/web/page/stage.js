// The picture with the boxes, labels and trails that the page draws over it; zoom and pan.
// From back to front: video or picture, map of ways and heat, boxes.

import { byId, fitCanvas, oncePerFrame } from "./dom.js";
import { personColour } from "./format.js";
import { SceneMap } from "./scene_map.js";

const TRAIL_SECONDS = 2;
const MAX_ZOOM = 16;

export class Stage {
  constructor(store, player) {
    this.store = store;
    this.player = player;
    this.box = byId("stage");
    this.canvas = byId("overlay");
    this.video = byId("video");
    this.map = new SceneMap(store);
    this.view = { zoom: 1, x: 0, y: 0 }; // x, y: of the picture's corner on the stage
    this.hovered = null;
    this.drawnPicture = "";
    this.labelWidths = new Map();
    this.draw = oncePerFrame(() => this.#draw());
    new ResizeObserver(() => this.fit()).observe(this.box);
    player.addEventListener("frame", () => this.draw());
    player.addEventListener("mode", () => this.#showMode());
    this.drawMap = oncePerFrame(() => this.map.draw(this.view, this.scale, this.box));
    store.on("state selection layers rows", () => {
      this.draw();
      this.drawMap();
    });
    this.#listen();
  }

  get #base() {
    const { width, height } = this.store.info;
    return Math.min(this.box.clientWidth / width, this.box.clientHeight / height);
  }

  get scale() {
    return this.#base * this.view.zoom;
  }

  fit() {
    const { width, height } = this.store.info;
    this.view.zoom = 1;
    this.view.x = (this.box.clientWidth - width * this.scale) / 2;
    this.view.y = (this.box.clientHeight - height * this.scale) / 2;
    this.#apply();
  }

  zoom(factor, x = this.box.clientWidth / 2, y = this.box.clientHeight / 2) {
    const { view } = this;
    const before = view.zoom;
    view.zoom = Math.min(Math.max(view.zoom * factor, 1), MAX_ZOOM);
    if (view.zoom === 1) return this.fit();
    const ratio = view.zoom / before;
    view.x = x - (x - view.x) * ratio;
    view.y = y - (y - view.y) * ratio;
    return this.#apply();
  }

  pan(dx, dy) {
    if (this.view.zoom === 1) return;
    this.view.x += dx;
    this.view.y += dy;
    this.#apply();
  }

  #apply() {
    const { view, scale, video, box } = this;
    const { width, height } = this.store.info;
    if (view.zoom > 1) {
      // Some of the picture always stays in the middle.
      view.x = Math.min(Math.max(view.x, box.clientWidth / 2 - width * scale), box.clientWidth / 2);
      view.y = Math.min(Math.max(view.y, box.clientHeight / 2 - height * scale), box.clientHeight / 2);
    }
    video.style.setProperty("width", `${width}px`);
    video.style.setProperty("height", `${height}px`);
    video.style.setProperty("transform", `translate(${view.x}px, ${view.y}px) scale(${scale})`);
    byId("zoom").textContent = `${Math.round(100 * view.zoom)} %`;
    this.draw();
    this.drawMap();
  }

  #showMode() {
    const { mode } = this.player;
    const notes = {
      video: this.store.info.has_drawings ? "The source video is missing: the one with drawings is shown." : "",
      images: "This browser cannot play the video: single images are shown instead.",
      plain: "No pictures: the video of the run is missing or cannot be read.",
    };
    if (mode === "images" && !this.store.info.video_url) notes.images = "";
    this.video.hidden = mode !== "video";
    byId("picture-note").textContent = notes[mode];
    byId("picture-note").hidden = !notes[mode];
    this.draw();
  }

  #draw() {
    if (!this.store.boxes || !this.box.clientWidth) return;
    const context = fitCanvas(this.canvas, this.box.clientWidth, this.box.clientHeight);
    context.clearRect(0, 0, this.box.clientWidth, this.box.clientHeight);
    this.#drawPicture();
    const { layers } = this.store;
    const found = this.store.at(this.player.shown);
    this.box.dataset.frame = this.player.shown; // whose boxes are drawn
    if (layers.trails) for (const [person, piece] of found) this.#drawTrail(context, person, piece);
    if (layers.boxes) this.#drawBoxes(context, found);
  }

  #drawPicture() {
    const { mode, image } = this.player;
    const { zoom, x, y } = this.view;
    const drawn = [mode, image?.src, zoom, x, y, this.box.clientWidth, this.box.clientHeight].join();
    if (mode === "video" || drawn === this.drawnPicture) return;
    this.drawnPicture = drawn;
    const context = fitCanvas(byId("picture"), this.box.clientWidth, this.box.clientHeight);
    context.clearRect(0, 0, this.box.clientWidth, this.box.clientHeight);
    const { width, height } = this.store.info;
    const [w, h] = [width * this.scale, height * this.scale];
    if (mode === "images" && image) {
      context.drawImage(image, this.view.x, this.view.y, w, h);
      return;
    }
    context.fillStyle = "#1f242a";
    context.fillRect(this.view.x, this.view.y, w, h);
    context.strokeStyle = "#2b323a";
    context.lineWidth = 1;
    context.beginPath();
    for (let k = 1; k < 8; k++) {
      const [x, y] = [this.view.x + (k * w) / 8, this.view.y + (k * h) / 8];
      context.moveTo(x, this.view.y);
      context.lineTo(x, this.view.y + h);
      context.moveTo(this.view.x, y);
      context.lineTo(this.view.x + w, y);
    }
    context.stroke();
  }

  #isFaint(person) {
    const { store } = this;
    return store.person !== null && person !== store.person && person !== store.other;
  }

  #drawTrail(context, person, piece) {
    const { boxes, info } = this.store;
    const frame = this.player.shown;
    const oldest = frame - TRAIL_SECONDS * info.fps;
    const [start] = boxes.pieceRange.get(piece);
    let place = boxes.lastUpTo(piece, frame);
    context.beginPath();
    for (let isFirst = true; place >= start; place--, isFirst = false) {
      const row = boxes.order[place];
      if (boxes.frame[row] < oldest) break;
      const x = this.view.x + boxes.footX(row) * this.scale;
      const y = this.view.y + boxes.footY(row) * this.scale;
      if (isFirst) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.strokeStyle = personColour(person, this.#isFaint(person) ? 0.3 : 0.9);
    context.stroke();
  }

  #drawBoxes(context, found) {
    context.font = "600 12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const { store } = this;
    const rank = ([person]) => (person === store.person ? 2 : person === store.other ? 1 : 0);
    // The selected person lies on top.
    for (const each of [...found].sort((a, b) => rank(a) - rank(b))) this.#drawBox(context, each);
  }

  #drawBox(context, [person, piece, row]) {
    const { xyxy } = this.store.boxes;
    const left = this.view.x + xyxy[4 * row] * this.scale;
    const top = this.view.y + xyxy[4 * row + 1] * this.scale;
    const width = (xyxy[4 * row + 2] - xyxy[4 * row]) * this.scale;
    const height = (xyxy[4 * row + 3] - xyxy[4 * row + 1]) * this.scale;
    const isSelected = person === this.store.person;
    const isFaint = this.#isFaint(person) && piece !== this.hovered;
    context.lineWidth = isSelected ? 3 : 2;
    context.strokeStyle = personColour(person, isFaint ? 0.6 : 1);
    if (isSelected) {
      context.fillStyle = personColour(person, 0.1);
      context.fillRect(left, top, width, height);
    }
    if (person === this.store.other) context.setLineDash([6, 4]);
    context.strokeRect(left, top, width, height);
    context.setLineDash([]);
    this.#drawLabel(context, person, left, top, isFaint);
  }

  #drawLabel(context, person, left, top, isFaint) {
    const known = this.store.persons.get(person);
    const text = (known?.name || String(person)).slice(0, 40);
    if (!this.labelWidths.has(text)) {
      this.labelWidths.set(text, Math.ceil(context.measureText(text).width) + 10);
    }
    const width = this.labelWidths.get(text);
    const y = top >= 18 ? top - 18 : top;
    context.fillStyle = personColour(person, isFaint ? 0.6 : 1);
    context.fillRect(left - 1, y, width, 18);
    context.fillStyle = "#0d0f11";
    context.fillText(text, left + 4, y + 9.5);
  }

  /** [person, piece] of the smallest box under a point of the stage; null where there is none. */
  hit(x, y) {
    const { boxes } = this.store;
    const [px, py] = [(x - this.view.x) / this.scale, (y - this.view.y) / this.scale];
    let best = null;
    let smallest = Infinity;
    for (const [person, piece, row] of this.store.at(this.player.shown)) {
      const [x1, y1, x2, y2] = boxes.xyxy.subarray(4 * row, 4 * row + 4);
      const area = (x2 - x1) * (y2 - y1);
      if (px >= x1 && px <= x2 && py >= y1 && py <= y2 && area < smallest) {
        smallest = area;
        best = [person, piece];
      }
    }
    return best;
  }

  #listen() {
    const { canvas } = this;
    let last = null;
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      last = event;
      moved = 0;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (last) {
        moved += Math.abs(event.clientX - last.clientX) + Math.abs(event.clientY - last.clientY);
        this.pan(event.clientX - last.clientX, event.clientY - last.clientY);
        last = event;
        return;
      }
      const piece = this.hit(event.offsetX, event.offsetY)?.[1] ?? null;
      canvas.classList.toggle("over-box", piece !== null);
      if (piece !== this.hovered) {
        this.hovered = piece;
        this.draw();
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      if (last && moved < 4) this.#click(event);
      last = null;
    });
    canvas.addEventListener("dblclick", () => this.fit());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    }, { passive: false });
  }

  #click(event) {
    const found = this.hit(event.offsetX, event.offsetY);
    const add = event.shiftKey || event.ctrlKey || event.metaKey;
    if (found) this.store.select(found[0], { piece: found[1], add });
    else if (!add) this.store.select(null);
  }
}
