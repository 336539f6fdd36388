// Plays the video exactly by frames. Where the browser cannot play it, the server sends single
// images, and where there are none, the boxes stand on a plain background.

import { mediaUrl } from "./api.js";

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8];
const CACHED_IMAGES = 48;

/**
 * Events: "frame" (another frame is displayed), "playing" (started or stopped), "mode", "speed".
 * `frame` is the frame asked for, `shown` the one that is displayed.
 */
export class Player extends EventTarget {
  constructor(video, info) {
    super();
    this.video = video;
    this.info = info;
    this.first = 1;
    this.last = info.last_frame;
    this.frame = info.first_frame;
    this.shown = info.first_frame;
    this.mode = "plain";
    this.isPlaying = false;
    this.speed = 1;
    this.image = null; // of the frame that is displayed, in mode "images"
  }

  #images = new Map(); // frame -> promise of an image
  #isReady = false;
  #offset = 0; // seconds from the times of the file to those of the browser
  #seeking = null; // a frame that was asked for while another is being sought
  #clockStart = null;

  /** Choose the best way to show pictures: "video", "images" or "plain". */
  start() {
    const { video, info } = this;
    if (!info.video_url) {
      this.#setMode(info.has_images ? "images" : "plain");
      return;
    }
    video.addEventListener("error", () => this.#fallBack());
    video.addEventListener("loadedmetadata", () => {
      // With an unknown codec but a known sound track, browsers play the sound alone.
      if (!video.videoWidth) this.#fallBack();
    });
    video.addEventListener("seeked", () => this.#sought());
    video.addEventListener("ended", () => this.pause());
    this.#setMode("video");
    video.src = mediaUrl(info.video_url);
    this.#watch();
    video.addEventListener("loadeddata", () => setTimeout(() => this.#begin(null), 1000), { once: true });
  }

  #setMode(mode) {
    this.mode = mode;
    this.dispatchEvent(new Event("mode"));
    if (mode !== "video") this.seek(this.frame);
  }

  #fallBack() {
    if (this.mode !== "video") return;
    this.pause();
    this.#seeking = null;
    this.#setMode(this.info.has_images ? "images" : "plain");
  }

  /** Time of a frame in seconds; `times` are those of the run, or `videoTimes` those of the file. */
  time(frame, times = this.info.times) {
    const { fps } = this.info;
    if (!times?.length) return (frame - 1) / fps;
    if (frame < 1) return times[0] - (1 - frame) / fps;
    return times[frame - 1] ?? times[times.length - 1] + (frame - times.length) / fps;
  }

  get videoTimes() {
    return this.info.video_times ?? this.info.times;
  }

  /** The frame whose time is nearest. */
  frameAt(time, times = this.info.times) {
    let low = this.first;
    let high = this.last;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.time(middle - 1, times) + this.time(middle, times)) / 2 <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  seek(frame) {
    const wanted = Math.min(Math.max(Math.round(frame) || this.first, this.first), this.last);
    this.frame = wanted;
    if (this.mode === "video") this.#seekVideo(wanted);
    else if (this.mode === "images") this.#showImage(wanted);
    else this.#display(wanted);
  }

  /**
   * The first frame is displayed at `firstTime`, not always at 0; null where the browser does not
   * tell. Only from then on is anything sought.
   */
  #begin(firstTime) {
    if (this.#isReady || this.mode !== "video") return;
    this.#isReady = true;
    this.#offset = firstTime === null ? 0 : firstTime - this.time(1, this.videoTimes);
    this.seek(this.frame);
  }

  #seekVideo(frame) {
    if (!this.#isReady) return; // `frame` is sought when it is
    if (this.video.seeking) {
      this.#seeking = frame; // only the last of many requests is sought
      return;
    }
    this.#seeking = null;
    // Half a frame later than the frame begins: rounding never leads to the one before.
    const times = this.videoTimes;
    const middle = (this.time(frame, times) + this.time(frame + 1, times)) / 2;
    this.video.currentTime = Math.max(middle + this.#offset, 0);
  }

  #sought() {
    if (this.mode !== "video") return;
    if (this.#seeking !== null) this.#seekVideo(this.#seeking);
    else if (!this.isPlaying) this.#display(this.frame);
  }

  #watch() {
    const { video } = this;
    if (!video.requestVideoFrameCallback) {
      video.addEventListener("timeupdate", () => this.#presented(video.currentTime));
      return;
    }
    const presented = (_, data) => {
      if (!this.#isReady) this.#begin(data.mediaTime);
      this.#presented(data.mediaTime);
      if (this.mode === "video") video.requestVideoFrameCallback(presented);
    };
    video.requestVideoFrameCallback(presented);
  }

  #presented(mediaTime) {
    if (!this.isPlaying || this.mode !== "video") return;
    const frame = this.frameAt(mediaTime - this.#offset, this.videoTimes);
    this.frame = frame;
    this.#display(frame);
    if (frame >= this.last) this.pause();
  }

  #display(frame) {
    this.shown = frame;
    this.dispatchEvent(new Event("frame"));
  }

  step(frames) {
    this.pause();
    this.seek(this.frame + frames);
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  play() {
    if (this.frame >= this.last) this.seek(this.first);
    this.#setPlaying(true);
    if (this.mode === "video") {
      this.video.playbackRate = this.speed * this.#rate;
      this.video.play().catch(() => this.#setPlaying(false));
    } else {
      this.#clockStart = { now: performance.now(), frame: this.frame };
      requestAnimationFrame(() => this.#tick());
    }
  }

  pause() {
    if (!this.isPlaying) return;
    this.#setPlaying(false);
    if (this.mode === "video") {
      this.video.pause();
      this.seek(this.shown);
    }
  }

  #setPlaying(isPlaying) {
    this.isPlaying = isPlaying;
    this.dispatchEvent(new Event("playing"));
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.mode === "video") this.video.playbackRate = speed * this.#rate;
    this.#clockStart = { now: performance.now(), frame: this.frame };
    this.dispatchEvent(new Event("speed"));
  }

  /** Seconds of the file in a second of the run, whose frame rate may be declared elsewhere. */
  get #rate() {
    const span = (times) => this.time(this.last, times) - this.time(this.first, times);
    const rate = span(this.videoTimes) / span(this.info.times);
    return rate > 0.05 && rate < 20 ? rate : 1;
  }

  changeSpeed(steps) {
    const place = SPEEDS.indexOf(this.speed) + steps;
    this.setSpeed(SPEEDS[Math.min(Math.max(place, 0), SPEEDS.length - 1)]);
  }

  /** Without a video, the clock says which frame is due; frames that come too late are left out. */
  async #tick() {
    if (!this.isPlaying || this.mode === "video") return;
    const { now, frame } = this.#clockStart;
    const elapsed = ((performance.now() - now) / 1000) * this.speed;
    const due = Math.min(this.frameAt(this.time(frame) + elapsed), this.last);
    if (due !== this.frame) {
      this.frame = due;
      if (this.mode === "images") await this.#showImage(due);
      else this.#display(due);
    }
    if (due >= this.last) this.pause();
    else requestAnimationFrame(() => this.#tick());
  }

  #load(frame) {
    if (!this.#images.has(frame)) {
      const image = new Image();
      image.src = mediaUrl("/api/frame", { frame });
      this.#images.set(frame, image.decode().then(() => image, () => null));
      const oldest = this.#images.keys().next().value;
      if (this.#images.size > CACHED_IMAGES) this.#images.delete(oldest);
    }
    return this.#images.get(frame);
  }

  async #showImage(frame) {
    const image = await this.#load(frame);
    const isStale = this.frame !== frame && !this.isPlaying;
    if (isStale || this.mode !== "images") return;
    this.image = image;
    this.#display(frame);
    if (frame < this.last) this.#load(frame + 1);
  }
}
