"use strict";

// The same colours as the boxes of the film strips: hues a golden angle apart.
function colourOf(track) {
  return `hsl(${((track * 137.508) % 360).toFixed(1)} 65% 52%)`;
}

function make(name, attributes, parent) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

// Tables: a click on a column's name sorts, numbers from large to small first.
function valueOf(row, column) {
  const cell = row.cells[column];
  const number = Number(cell.dataset.value ?? cell.textContent);
  return Number.isNaN(number) || cell.textContent === "" ? cell.textContent : number;
}

function compareCells(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number") return 1;
  if (typeof b === "number") return -1;
  return a.localeCompare(b, undefined, { numeric: true });
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const first = column === 0 ? "ascending" : "descending";
      const other = column === 0 ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
      rows.sort((a, b) => sign * compareCells(a[0], b[0]));
      body.append(...rows.map((pair) => pair[1]));
    });
  });
}

// Plots: one figure per sequence, of which one is shown.
const plotChoice = document.querySelector("#plot-choice");
plotChoice.addEventListener("change", () => {
  for (const figure of document.querySelectorAll("figure[data-sequence]")) {
    figure.hidden = figure.dataset.sequence !== plotChoice.value;
  }
});

// Timeline: one row per person, coloured by track.
const ROW = 14;
const sequences = JSON.parse(document.querySelector("#timelines").textContent);
const choice = document.querySelector("#timeline-choice");
const order = document.querySelector("#timeline-order");
const zoom = document.querySelector("#timeline-zoom");
const names = document.querySelector("#timeline .names");
const axis = document.querySelector("#timeline .axis");
const picture = document.querySelector("#timeline svg");

function switchesOf(person) {
  const tracks = person.spells.map((spell) => spell[2]).filter((track) => track !== null);
  return tracks.filter((track, i) => i > 0 && track !== tracks[i - 1]).length;
}

function drawPerson(person, top, parent) {
  let before = null;
  for (const [first, last, track] of person.spells) {
    const seen = track !== null;
    const shape = {
      x: first - 1, y: seen ? top + 1 : top + 6, width: last - first + 1, height: seen ? ROW - 3 : 2,
    };
    const rect = make("rect", shape, parent);
    if (seen) rect.setAttribute("fill", colourOf(track));
    else rect.setAttribute("class", "missed");
    const who = seen ? `track ${track}` : "no track";
    make("title", {}, rect).textContent = `person ${person.id}: ${who}, frames ${first} to ${last}`;
    if (seen && before !== null && before !== track) {
      const line = { class: "switch", x1: first - 1, x2: first - 1, y1: top, y2: top + ROW };
      const mark = make("line", line, parent);
      make("title", {}, mark).textContent = `frame ${first}: track ${before} became ${track}`;
    }
    if (seen) before = track;
  }
}

function drawTimeline() {
  const sequence = sequences[Number(choice.value)];
  const people = [...sequence.people];
  if (order.value === "switches") people.sort((a, b) => switchesOf(b) - switchesOf(a));
  if (order.value === "id") people.sort((a, b) => a.id - b.id);
  names.replaceChildren(...people.map((person) => {
    const line = document.createElement("div");
    line.textContent = person.id;
    return line;
  }));
  const height = Math.max(1, people.length) * ROW;
  picture.setAttribute("viewBox", `0 0 ${sequence.frames} ${height}`);
  picture.setAttribute("height", height);
  picture.replaceChildren();
  people.forEach((person, i) => drawPerson(person, i * ROW, picture));
  axis.replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map((share) => {
    const mark = document.createElement("span");
    mark.style.left = `${100 * share}%`;
    mark.textContent = Math.max(1, Math.round(share * sequence.frames));
    return mark;
  }));
}

function stretchTimeline() {
  const width = `${100 * Number(zoom.value)}%`;
  picture.style.width = width;
  axis.style.width = width;
}

for (const control of [choice, order]) control.addEventListener("change", drawTimeline);
zoom.addEventListener("input", stretchTimeline);
drawTimeline();
stretchTimeline();
document.documentElement.dataset.ready = "yes";
