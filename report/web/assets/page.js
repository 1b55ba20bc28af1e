"use strict";
// Each table gets a button that copies it for a spreadsheet: as text with tabs, and as
// HTML. navigator.clipboard does not exist on plain HTTP, so the browser's own copying
// is started, and what it takes is set on its way.

// exact is a cell's value: integers without separators, which every locale's
// spreadsheet reads. A text that a spreadsheet would take for a formula is made one of
// text.
function exact(cell) {
  const text = (cell.classList.contains("n") && cell.title || cell.textContent).replace(/\s+/g, " ").trim();
  return /^[=+@\t\r]|^-(?!\d+$)/.test(text) ? "'" + text : text;
}

function rows(table) {
  return [...table.rows].map((row) => [...row.cells].map(exact));
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
}

function copy(table) {
  const lines = rows(table);
  const take = (event) => {
    event.preventDefault();
    event.clipboardData.setData("text/plain", lines.map((line) => line.join("\t")).join("\r\n") + "\r\n");
    event.clipboardData.setData("text/html", "<table>" + lines.map((line) => "<tr>" + line.map((cell) => "<td>" + escaped(cell) + "</td>").join("") + "</tr>").join("") + "</table>");
  };
  document.addEventListener("copy", take, { once: true });
  const done = document.execCommand("copy");
  document.removeEventListener("copy", take);
  return done;
}

for (const table of document.querySelectorAll("table.list")) {
  if (!table.caption) {
    continue;
  }
  const words = document.body.dataset;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain copy";
  button.textContent = words.copy;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", () => {
    button.textContent = copy(table) ? words.copied : words.copyFailed;
    setTimeout(() => { button.textContent = words.copy; }, 2000);
  });
  table.caption.append(" ", button);
}
