// Texts and colours of what the page shows.

/** Colour of a person: hues of successive numbers differ by the golden ratio. */
export function personColour(id, alpha = 1) {
  const hue = (((0.08 + id * 0.6180339887498949) % 1) + 1) % 1;
  const [saturation, light] = [[85, 62], [60, 72], [80, 55]][Math.floor(Math.abs(id) / 3) % 3];
  return `hsl(${(360 * hue).toFixed(1)} ${saturation}% ${light}% / ${alpha})`;
}

export function personLabel(person) {
  return person.name ? person.name : `Person ${person.id}`;
}

/** Seconds as m:ss.hh or h:mm:ss. */
export function clock(seconds, digits = 2) {
  const whole = Math.max(seconds, 0);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** A sentence with its first letter in upper case. */
export function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
