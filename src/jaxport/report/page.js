
"use strict";

// What the pointer or the focus is on, in words.
for (const map of document.querySelectorAll(".map")) {
  const readout = map.closest(".view").querySelector(".readout");
  const show = (event) => {
    const cell = event.target.closest("g, a");
    if (cell) readout.textContent = cell.querySelector("title").textContent;
  };
  map.addEventListener("pointerover", show);
  map.addEventListener("focusin", show);
}

// Tables sort by the column whose header is pressed: numbers from the largest, words from A.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    if (head.classList.contains("bars")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const numeric = head.classList.contains("number");
      const first = numeric ? "descending" : "ascending";
      const other = numeric ? "ascending" : "descending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      const sign = order === "ascending" ? 1 : -1;
      const text = (row) => row.cells[column].textContent;
      const number = (row) => parseFloat(text(row).replaceAll(",", "")) || 0;
      const compare = numeric ? (a, b) => number(a) - number(b) : (a, b) => text(a).localeCompare(text(b));
      heads.forEach((item) => item.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
    });
  });
}
