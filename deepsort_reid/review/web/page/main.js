// Start of the page: makes its parts and connects them.

import { Commands } from "./commands.js";
import { Corrections } from "./edits.js";
import { Dialogs } from "./dialogs.js";
import { byId, element } from "./dom.js";
import { clock, duration, plural } from "./format.js";
import { Panels } from "./panels.js";
import { Player, SPEEDS } from "./player.js";
import { Stage } from "./stage.js";
import { Store } from "./store.js";
import { Timeline } from "./timeline.js";

function showNotice(text, isError = true) {
  const notice = byId("notice");
  notice.firstElementChild.textContent = text;
  notice.classList.toggle("error", isError);
  notice.hidden = !text;
}

byId("notice").lastElementChild.addEventListener("click", () => showNotice(""));

function showFailure(error, dialogs) {
  const lost = "The server has ended or cannot be reached. All corrections so far are saved; start it again to go on.";
  if (error.status === 0) showNotice(lost);
  else if (error.status === 403) showNotice("Access refused: open the address that `deepsort-reid review` printed.");
  else if (error.status === 409) dialogs.toast("Another tab has corrected this run: it is loaded anew. Please try again.");
  else dialogs.toast(error.message);
}

function connectTransport(store, player) {
  const frame = byId("frame-number");
  frame.min = player.first;
  frame.max = player.last;
  byId("frame-last").textContent = `of ${player.last}`;
  frame.addEventListener("change", () => player.seek(frame.valueAsNumber));
  frame.addEventListener("keydown", (event) => event.key === "Enter" && frame.blur());
  const speed = byId("speed");
  speed.append(...SPEEDS.map((each) => element("option", { value: each, text: `${each}×` })));
  speed.value = 1;
  speed.addEventListener("change", () => {
    player.setSpeed(Number(speed.value));
    speed.blur();
  });
  player.addEventListener("speed", () => (speed.value = player.speed));
  player.addEventListener("playing", () => {
    byId("play").classList.toggle("playing", player.isPlaying);
    byId("play").setAttribute("aria-label", player.isPlaying ? "Pause" : "Play");
  });
  const show = () => {
    store.setFrame(player.shown);
    byId("clock").textContent = clock(store.seconds(player.shown));
    if (document.activeElement !== frame) frame.value = player.shown;
  };
  player.addEventListener("frame", show);
  show();
}

function showState(store) {
  const { persons, revision, can_undo: canUndo, can_redo: canRedo } = store.state;
  byId("run-facts").textContent = [plural(persons.length, "person"), plural(store.boxes.length, "box", "boxes"),
    duration(store.seconds(store.info.last_frame))].join(" · ");
  document.body.dataset.revision = revision;
  byId("saved").textContent = revision ? "All corrections saved" : "";
  document.querySelector("[data-command=undo]").disabled = !canUndo;
  document.querySelector("[data-command=redo]").disabled = !canRedo;
}

function showLayers(store) {
  for (const [name, isOn] of Object.entries(store.layers)) {
    document.querySelector(`[data-command=${name}]`).setAttribute("aria-pressed", String(isOn));
  }
}

async function start() {
  const store = new Store();
  const dialogs = new Dialogs(store);
  store.on("failed", ({ detail }) => showFailure(detail, dialogs));
  try {
    await store.load();
  } catch (error) {
    showFailure(error, dialogs);
    return;
  }
  const { info } = store;
  document.title = `${info.name} – review`;
  byId("run-name").textContent = info.name;
  const player = new Player(byId("video"), info);
  const corrections = new Corrections(store, player, dialogs);
  const stage = new Stage(store, player);
  const timeline = new Timeline(store, player);
  const panels = new Panels(store, player, corrections, dialogs);
  panels.commands = new Commands({ store, player, stage, timeline, corrections, dialogs, panels });
  connectTransport(store, player);
  store.on("state", () => showState(store));
  store.on("layers", () => showLayers(store));
  store.emit("state");
  store.emit("rows");
  stage.fit();
  timeline.fit();
  player.start();
  if (info.warnings.length) showNotice(info.warnings.join(" · "), false);
}

start();
