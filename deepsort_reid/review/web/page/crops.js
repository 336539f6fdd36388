// Small pictures of persons. The server cuts them out of the video.

import { mediaUrl } from "./api.js";
import { element } from "./dom.js";
import { personColour } from "./format.js";

const AT_ONCE = 3; // the browser keeps few connections to a server, and the video needs one

/**
 * Loads pictures that have come into view: in the order of their frames, as the server reads the
 * video forwards more cheaply than at random.
 */
class Loader {
  constructor() {
    this.waiting = [];
    this.loading = 0;
    this.frame = 0;
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#want(target);
      }
    }, { rootMargin: "120px" });
  }

  /** Load the picture of a box into its place when that comes into view. */
  watch(place, piece, track, frame) {
    // With the track, as the id of a piece may be given anew after an undo, and browsers remember.
    place.dataset.source = mediaUrl("/api/crop", { piece, track, frame });
    place.dataset.frame = frame;
    this.observer.observe(place);
  }

  #want(place) {
    this.observer.unobserve(place);
    this.waiting.push(place);
    setTimeout(() => this.#next()); // after those that come into view together
  }

  #next() {
    this.waiting = this.waiting.filter((place) => place.isConnected);
    if (this.loading >= AT_ONCE || !this.waiting.length) return;
    const frameOf = (place) => Number(place.dataset.frame);
    const ahead = this.waiting.filter((place) => frameOf(place) >= this.frame);
    const place = (ahead.length ? ahead : this.waiting)
      .reduce((a, b) => (frameOf(b) < frameOf(a) ? b : a));
    this.waiting.splice(this.waiting.indexOf(place), 1);
    this.frame = frameOf(place);
    this.#load(place);
    this.#next();
  }

  #load(place) {
    this.loading++;
    const done = (isLoaded) => {
      if (isLoaded) place.append(image);
      this.loading--;
      this.#next();
    };
    const image = element("img", { alt: "", decoding: "async" });
    image.addEventListener("load", () => done(true), { once: true });
    image.addEventListener("error", () => done(false), { once: true });
    image.src = place.dataset.source;
  }
}

const loader = new Loader();

/** A picture of a box; without a video, a plain field in the colour of the person. */
export function crop(store, piece, frame) {
  const { person = 0, track = 0 } = store.pieces.get(piece) ?? {};
  const place = element("span", { class: "crop", style: { "--person": personColour(person) } });
  if (store.info.has_images) loader.watch(place, piece, track, frame);
  return place;
}

/** The frame near the middle of a piece's largest box: a good picture without asking the server. */
export function bestFrame(store, piece) {
  const range = store.boxes.pieceRange.get(piece);
  if (!range) return store.pieces.get(piece)?.first_frame ?? 1;
  const { boxes, info } = store;
  let best = boxes.order[range[0]];
  let most = -1;
  const step = Math.max(Math.floor((range[1] - range[0]) / 24), 1);
  for (let place = range[0]; place < range[1]; place += step) {
    const row = boxes.order[place];
    const [x1, y1, x2, y2] = boxes.xyxy.subarray(4 * row, 4 * row + 4);
    const isInside = x1 > 2 && y1 > 2 && x2 < info.width - 2 && y2 < info.height - 2;
    const area = (x2 - x1) * (y2 - y1) * (isInside ? 2 : 1);
    if (area > most) {
      most = area;
      best = row;
    }
  }
  return boxes.frame[best];
}

/** A frame with a box of the piece near `frame`, a little inside the piece. */
export function frameNear(store, piece, frame) {
  const { boxes } = store;
  const range = boxes.pieceRange.get(piece);
  if (!range) return frame;
  const place = Math.min(Math.max(boxes.lastUpTo(piece, frame), range[0]), range[1] - 1);
  return boxes.frame[boxes.order[place]];
}

/** The piece of a person with the most boxes. */
export function longestPiece(store, person) {
  const sizes = person.pieces.map((id) => store.pieces.get(id));
  return sizes.reduce((a, b) => (b.boxes > a.boxes ? b : a)).id;
}
