// Video: pairs of name and anchors; an anchor is a time of the source and the time in the video.
const videos = JSON.parse(document.querySelector("#videos").textContent);
const player = document.querySelector("#video");
const dock = document.querySelector(".dock");
const presence = document.querySelector("#presence");

function lastNotAfter(pairs, time, key) {
  return pairs.filter((pair) => key(pair) <= time).pop() ?? pairs[0];
}

function show(time) {
  if (!player || !videos.length) return;
  const [name, anchors] = lastNotAfter(videos, time + 1e-3, (each) => each[1][0][0]);
  const [source, start] = lastNotAfter(anchors, time + 1e-3, (each) => each[0]);
  if (player.getAttribute("src") !== name) player.setAttribute("src", name);
  player.currentTime = Math.max(0, start + time - source);
  player.pause();
  const box = document.querySelector(".player").getBoundingClientRect();
  dock.classList.toggle("docked", box.bottom < 80 || box.top > innerHeight - 80);
}

function shownTime() {
  const pair = videos.find((each) => each[0] === player.getAttribute("src"));
  const [source, start] = lastNotAfter(pair[1], player.currentTime, (each) => each[1]);
  return source + player.currentTime - start;
}

function moveMark() {
  if (!presence) return;
  const { first, last } = presence.dataset;
  const x = 1000 * (shownTime() - first) / Math.max(last - first, 1e-3);
  const mark = presence.querySelector("#now");
  mark.setAttribute("x1", x);
  mark.setAttribute("x2", x);
}

if (player) {
  for (const event of ["timeupdate", "seeked"]) player.addEventListener(event, moveMark);
  player.addEventListener("error", () => {
    const message = document.querySelector("#no-video");
    message.textContent = `${player.getAttribute("src")} cannot be played: it is not beside this ` +
      "page, or this browser does not have its codec.";
    message.hidden = false;
  });
  document.querySelector("#undock").addEventListener("click", () => dock.classList.remove("docked"));
  addEventListener("scroll", () => {
    const box = document.querySelector(".player").getBoundingClientRect();
    if (box.bottom > 160 && box.top < innerHeight - 160) dock.classList.remove("docked");
  }, { passive: true });
}

// A click on a time, on the timeline or on a way shows that time.
document.addEventListener("click", (event) => {
  const timed = event.target.closest("[data-time]");
  if (timed) show(Number(timed.dataset.time));
});
presence?.addEventListener("click", (event) => {
  const box = presence.getBoundingClientRect();
  const { first, last } = presence.dataset;
  show(Number(first) + (event.clientX - box.left) / box.width * (last - first));
});

// A click on the name of a person shows that person alone in the timeline and on the map.
let picked = null;

function pick(person) {
  picked = picked === person ? null : person;
  for (const each of document.querySelectorAll("#timeline [data-person], .ways [data-person]")) {
    each.classList.toggle("dim", picked !== null && each.dataset.person !== picked);
  }
  for (const each of document.querySelectorAll(".sheet")) {
    each.classList.toggle("picked", each.dataset.person === picked);
  }
}

for (const button of document.querySelectorAll(".pick")) {
  button.addEventListener("click", () => pick(button.closest(".sheet").dataset.person));
}

// Order of the persons: the first one, or the one with most, comes first.
const order = document.querySelector("#order");
order?.addEventListener("change", () => {
  const name = order.value;
  const sign = name === "first" || name === "id" ? 1 : -1;
  const sheets = [...document.querySelectorAll(".sheet")];
  sheets.sort((a, b) => sign * (a.dataset[name] - b.dataset[name]) || a.dataset.id - b.dataset.id);
  document.querySelector(".sheets").append(...sheets);
});
document.documentElement.dataset.ready = "yes";
