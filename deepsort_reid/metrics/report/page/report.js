function appendSvg(name, attributes, parent) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

// Plots: the figures of one sequence are visible.
const plotChoice = document.querySelector("#plot-choice");
plotChoice.addEventListener("change", () => {
  for (const figure of document.querySelectorAll("figure[data-sequence]")) {
    figure.hidden = figure.dataset.sequence !== plotChoice.value;
  }
});

// Timeline: one row per ground-truth id, one colour per track.
const ROW = 14;
const sequences = JSON.parse(document.querySelector("#timelines").textContent);
const choice = document.querySelector("#timeline-choice");
const order = document.querySelector("#timeline-order");
const zoom = document.querySelector("#timeline-zoom");
const names = document.querySelector("#timeline .names");
const axis = document.querySelector("#timeline .axis");
const drawing = document.querySelector("#timeline svg");

function countSwitches(identity) {
  const tracks = identity.intervals.map((interval) => interval[2]).filter((track) => track !== null);
  return tracks.filter((track, i) => i > 0 && track !== tracks[i - 1]).length;
}

function drawIdentity(identity, top, sequence) {
  let previousTrack = null;
  for (const [first, last, track] of identity.intervals) {
    const matched = track !== null;
    const [y, height] = matched ? [top + 1, ROW - 3] : [top + 6, 2];
    const shape = { x: first - 1, y, width: last - first + 1, height };
    const rect = appendSvg("rect", shape, drawing);
    if (matched) rect.setAttribute("fill", sequence.colours[track]);
    else rect.setAttribute("class", "missed");
    const label = matched ? `track ${track}` : "no track";
    appendSvg("title", {}, rect).textContent =
      `ground-truth id ${identity.id}: ${label}, frames ${first} to ${last}`;
    if (matched && previousTrack !== null && previousTrack !== track) {
      const line = { class: "switch", x1: first - 1, x2: first - 1, y1: top, y2: top + ROW };
      const mark = appendSvg("line", line, drawing);
      appendSvg("title", {}, mark).textContent =
        `frame ${first}: track ${previousTrack} changes to track ${track}`;
    }
    if (matched) previousTrack = track;
  }
}

function drawTimeline() {
  const sequence = sequences[Number(choice.value)];
  const identities = [...sequence.identities];
  if (order.value === "switches") identities.sort((a, b) => countSwitches(b) - countSwitches(a));
  if (order.value === "id") identities.sort((a, b) => a.id - b.id);
  names.replaceChildren(...identities.map((identity) => {
    const line = document.createElement("div");
    line.textContent = identity.id;
    return line;
  }));
  const height = Math.max(1, identities.length) * ROW;
  drawing.setAttribute("viewBox", `0 0 ${sequence.frames} ${height}`);
  drawing.setAttribute("height", height);
  drawing.replaceChildren();
  identities.forEach((identity, i) => drawIdentity(identity, i * ROW, sequence));
  axis.replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map((share) => {
    const mark = document.createElement("span");
    mark.style.left = `${100 * share}%`;
    mark.textContent = Math.max(1, Math.round(share * sequence.frames));
    return mark;
  }));
}

function stretchTimeline() {
  const width = `${100 * Number(zoom.value)}%`;
  drawing.style.width = width;
  axis.style.width = width;
}

for (const control of [choice, order]) control.addEventListener("change", drawTimeline);
zoom.addEventListener("input", stretchTimeline);
drawTimeline();
stretchTimeline();
document.documentElement.dataset.ready = "yes";
