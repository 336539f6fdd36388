// All commands with their keys. Buttons of the page name a command in data-command.

import { shownKey } from "./dialogs.js";
import { byId } from "./dom.js";

/** [group, [[id, keys, label, function], ...]]. A key is that of the event, after modifiers. */
function table({ store, player, stage, timeline, corrections, panels }) {
  const step = (frames) => () => player.step(frames * store.info.every);
  const second = () => Math.max(Math.round(store.info.fps / store.info.every), 1);
  return [
    ["Playback", [
      ["play", [" ", "k"], "Play or pause", () => player.toggle()],
      ["back", ["ArrowLeft"], "Back one frame", step(-1)],
      ["forward", ["ArrowRight"], "Forward one frame", step(1)],
      ["back-second", ["Shift+ArrowLeft"], "Back one second", () => step(-second())()],
      ["forward-second", ["Shift+ArrowRight"], "Forward one second", () => step(second())()],
      ["first", ["Home"], "First frame", () => player.step(-Infinity)],
      ["last", ["End"], "Last frame", () => player.step(Infinity)],
      ["slower", [","], "Slower", () => player.changeSpeed(-1)],
      ["faster", ["."], "Faster", () => player.changeSpeed(1)],
      ["go-to-frame", ["j"], "Go to a frame", () => byId("frame-number").select()],
    ]],
    ["Persons", [
      ["previous-person", ["ArrowUp"], "Previous person", () => panels.selectNeighbour(-1)],
      ["next-person", ["ArrowDown"], "Next person", () => panels.selectNeighbour(1)],
      ["track-start", ["["], "To where the track begins, or the one before", () => panels.toTrackEnd(-1)],
      ["track-end", ["]"], "To where the track ends, or the next one", () => panels.toTrackEnd(1)],
      ["next-in-frame", ["c"], "Next person in this frame", () => panels.selectInFrame()],
      ["search", ["/"], "Search", () => panels.focusSearch()],
      ["escape", ["Escape"], "Clear the selection", () => panels.escape()],
    ]],
    ["Doubts", [
      ["next-doubt", ["n"], "Next doubtful case", () => panels.doubts.next(1)],
      ["previous-doubt", ["Shift+n"], "Previous doubtful case", () => panels.doubts.next(-1)],
      ["same", ["s"], "Same: the first answer to the case, or two persons", () => panels.answer("s")],
      ["different", ["d"], "Different: the second answer, or two persons", () => panels.answer("d")],
      ["third", ["f"], "The third answer to the case", () => panels.answer("f")],
    ]],
    ["Corrections", [
      ["merge", ["m"], "Merge with another person", () => corrections.merge()],
      ["split", ["x"], "Split the track at this frame", () => corrections.split()],
      ["move", ["v"], "Move the track, or the marked part, to a person", () => corrections.move()],
      ["mark-first", ["i"], "Mark the first frame of a part", () => corrections.mark(0)],
      ["mark-last", ["o"], "Mark the last frame of a part", () => corrections.mark(1)],
      ["rename", ["r"], "Rename the person", () => corrections.rename()],
      ["delete", ["Delete", "Backspace"], "Delete a false track", () => corrections.remove()],
      ["undo", ["z", "Ctrl+z"], "Undo", () => corrections.undo()],
      ["redo", ["y", "Ctrl+y", "Ctrl+Shift+z"], "Redo", () => corrections.redo()],
    ]],
    ["View", [
      ["boxes", ["b"], "Boxes", () => store.toggleLayer("boxes")],
      ["trails", ["t"], "Trails", () => store.toggleLayer("trails")],
      ["ways", ["w"], "Map of walked ways", () => store.toggleLayer("ways")],
      ["heat", ["h"], "Heat map", () => store.toggleLayer("heat")],
      ["zoom-in", ["+", "="], "Zoom in", () => stage.zoom(1.25)],
      ["zoom-out", ["-"], "Zoom out", () => stage.zoom(0.8)],
      ["fit", ["0"], "Fit the picture", () => stage.fit()],
      ["pan-left", ["Alt+ArrowLeft"], "Move the picture (also →, ↑, ↓)", () => stage.pan(60, 0)],
      ["time-in", ["PageUp"], "Show less time", () => timeline.zoom(0.6)],
      ["time-out", ["PageDown"], "Show more time", () => timeline.zoom(1 / 0.6)],
      ["time-fit", ["a"], "Show the whole run", () => timeline.fit()],
    ]],
    ["Page", [
      ["export", ["e"], "Export", () => panels.toggleExport()],
      ["panel-people", ["1"], "Panel: all persons", () => panels.show("people", true)],
      ["panel-person", ["2"], "Panel: the selected person", () => panels.show("person", true)],
      ["panel-doubts", ["3"], "Panel: doubts", () => panels.show("doubts", true)],
      ["help", ["?"], "This list", () => panels.showHelp()],
    ]],
  ];
}

const PANS = { "Alt+ArrowRight": [-60, 0], "Alt+ArrowUp": [0, 60], "Alt+ArrowDown": [0, -60] };

export class Commands {
  constructor(parts) {
    this.groups = table(parts).map(([title, rows]) => [
      title,
      rows.map(([id, keys, label, run]) => ({ id, keys, label, run })),
    ]);
    const all = this.groups.flatMap(([, commands]) => commands);
    this.byId = new Map(all.map((command) => [command.id, command]));
    this.byKey = new Map(all.flatMap((command) => command.keys.map((key) => [key, command.run])));
    for (const [key, [dx, dy]] of Object.entries(PANS)) {
      this.byKey.set(key, () => parts.stage.pan(dx, dy));
    }
    this.dialogs = parts.dialogs;
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-command]");
      this.byId.get(pressed?.dataset.command)?.run();
      // After a click with the mouse, Space plays the video instead of pressing the button again.
      if (pressed && event.detail && pressed.ariaHasPopup !== "menu") pressed.blur();
    });
    for (const each of document.querySelectorAll("[data-command]")) {
      const command = this.byId.get(each.dataset.command);
      each.title = `${command.label} (${shownKey(command.keys[0])})`;
    }
  }

  #key(event) {
    if (this.dialogs.isOpen || event.defaultPrevented) return;
    const { target } = event;
    const isField = target.closest("input, select, textarea") !== null;
    if (isField) {
      if (event.key === "Escape") target.blur();
      return;
    }
    // Space and Enter press a button that has the focus.
    if (target.closest("button, [role=menuitem], [role=option]") && [" ", "Enter"].includes(event.key)) return;
    if (target.closest("[role=tablist], [role=menu]") && event.key.startsWith("Arrow")) return;
    const run = this.byKey.get(keyOf(event));
    if (!run) return;
    event.preventDefault();
    run();
  }
}

/** "Ctrl+z", "Shift+ArrowLeft", "?": Shift is named with letters and named keys only. */
function keyOf(event) {
  const isLetter = /^[a-z]$/i.test(event.key);
  const key = isLetter ? event.key.toLowerCase() : event.key;
  const modifiers = [];
  if (event.ctrlKey || event.metaKey) modifiers.push("Ctrl");
  if (event.altKey) modifiers.push("Alt");
  if (event.shiftKey && (isLetter || event.key.length > 1)) modifiers.push("Shift");
  return [...modifiers, key].join("+");
}
