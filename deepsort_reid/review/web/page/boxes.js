// All boxes of a run in typed arrays, with the rows of a frame and of a piece found at once.

/** Boxes sorted by frame. A piece is a track or a part of a split track. */
export class BoxTable {
  /**
   * buffer: int32 frame (n), int32 piece (n), float32 xyxy (n, 4), little endian.
   * every: step from one tracked frame to the next.
   */
  constructor(buffer, every = 1) {
    const n = buffer.byteLength / 24;
    this.length = n;
    this.every = every;
    this.frame = new Int32Array(buffer, 0, n);
    this.piece = new Int32Array(buffer, 4 * n, n);
    this.xyxy = new Float32Array(buffer, 8 * n, 4 * n);
    this.firstFrame = n ? this.frame[0] : 1;
    this.lastFrame = n ? this.frame[n - 1] : 0;
    this.#indexFrames();
    this.#indexPieces();
  }

  #indexFrames() {
    const frames = Math.max(this.lastFrame - this.firstFrame + 1, 0);
    this.frameStart = new Int32Array(frames + 1);
    for (let row = 0; row < this.length; row++) {
      this.frameStart[this.frame[row] - this.firstFrame + 1]++;
    }
    for (let k = 0; k < frames; k++) this.frameStart[k + 1] += this.frameStart[k];
  }

  #indexPieces() {
    const counts = new Map();
    for (const piece of this.piece) counts.set(piece, (counts.get(piece) ?? 0) + 1);
    this.pieceRange = new Map(); // piece -> [start, end) in `order`
    let start = 0;
    for (const [piece, count] of counts) {
      this.pieceRange.set(piece, [start, start + count]);
      start += count;
    }
    // Rows by piece and, as the rows are sorted by frame, by frame within a piece.
    this.order = new Int32Array(this.length);
    const next = new Map([...this.pieceRange].map(([piece, [first]]) => [piece, first]));
    for (let row = 0; row < this.length; row++) {
      const place = next.get(this.piece[row]);
      this.order[place] = row;
      next.set(this.piece[row], place + 1);
    }
    this.runs = new Map([...this.pieceRange.keys()].map((piece) => [piece, this.#runsOf(piece)]));
  }

  /** First and last frames of the stretches without a missing frame: [first, last, first, ...]. */
  #runsOf(piece) {
    const [start, end] = this.pieceRange.get(piece);
    const runs = [];
    for (let k = start; k < end; k++) {
      const frame = this.frame[this.order[k]];
      if (runs.length && frame <= runs[runs.length - 1] + this.every) runs[runs.length - 1] = frame;
      else runs.push(frame, frame);
    }
    return Int32Array.from(runs);
  }

  /** Rows [start, end) of a frame. */
  rowsAt(frame) {
    const k = frame - this.firstFrame;
    if (k < 0 || k >= this.frameStart.length - 1) return [0, 0];
    return [this.frameStart[k], this.frameStart[k + 1]];
  }

  /** Place in `order` of the last box of a piece up to a frame; start - 1 where there is none. */
  lastUpTo(piece, frame) {
    const [start, end] = this.pieceRange.get(piece) ?? [0, 0];
    let low = start;
    let high = end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.frame[this.order[middle]] <= frame) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Row of the box of a piece in a frame; -1 where there is none. */
  rowOf(piece, frame) {
    const range = this.pieceRange.get(piece);
    if (!range) return -1;
    const place = this.lastUpTo(piece, frame);
    if (place < range[0]) return -1;
    const row = this.order[place];
    return this.frame[row] === frame ? row : -1;
  }

  /** Bottom centre of a row's box: where the person stands. */
  footX(row) {
    return (this.xyxy[4 * row] + this.xyxy[4 * row + 2]) / 2;
  }

  footY(row) {
    return this.xyxy[4 * row + 3];
  }
}
