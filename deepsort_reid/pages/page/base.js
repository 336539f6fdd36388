"use strict";

// Tables: a click on a column name sorts; the first click sorts numbers in descending order.
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
