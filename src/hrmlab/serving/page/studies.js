// The studies there are, as tables that sort by a heading.
import { get } from "/page/api.js";

const element = (id) => document.getElementById(id);
let table = null;
let order = { column: -1, rising: true };

function shown(value, column) {
  if (value === null) return "–";
  if (!column.number) return value;
  if (Math.abs(value) >= 1e6) return value.toExponential(2);
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(3);
}

function compare(one, other, column) {
  if (one === null || other === null) return (one === null) - (other === null);
  const sign = order.rising ? 1 : -1;
  return sign * (column.number ? one - other : String(one).localeCompare(String(other)));
}

function fill() {
  const { columns, rows } = table;
  const wanted = element("filter").value.toLowerCase();
  const kept = rows.filter((row) => row.some((value) => String(value).toLowerCase().includes(wanted)));
  if (order.column >= 0) kept.sort((one, other) => compare(one[order.column], other[order.column], columns[order.column]));
  const head = document.createElement("tr");
  columns.forEach((column, place) => {
    const [cell, button] = [document.createElement("th"), document.createElement("button")];
    cell.scope = "col";
    if (order.column === place) cell.setAttribute("aria-sort", order.rising ? "ascending" : "descending");
    button.type = "button";
    button.textContent = column.name;
    button.addEventListener("click", () => {
      order = { column: place, rising: order.column === place ? !order.rising : true };
      fill();
      element("runs").tHead.rows[0].cells[place].firstChild.focus();
    });
    cell.append(button);
    head.append(cell);
  });
  element("runs").tHead.replaceChildren(head);
  element("runs").tBodies[0].replaceChildren(...kept.map((row) => {
    const line = document.createElement("tr");
    row.forEach((value, place) => {
      const cell = document.createElement("td");
      cell.textContent = shown(value, columns[place]);
      if (columns[place].number) cell.className = "number";
      line.append(cell);
    });
    return line;
  }));
}

export async function startStudies({ say, guarded }) {
  const found = (await get("/v1/studies")).data;
  const select = element("study");
  select.replaceChildren(...found.map((study, place) => new Option(`${study.name} (${study.source})`, place)));
  const open = () => guarded(async () => {
    const study = found[Number(select.value)];
    table = await get(`/v1/studies/${study.source}/${encodeURIComponent(study.name)}`);
    order = { column: -1, rising: true };
    element("verdict").textContent = table.summary.replaceAll("**", "").replaceAll("`", "");
    element("report").hidden = !study.report;
    if (study.report) element("report").href = study.report;
    fill();
  });
  select.addEventListener("change", open);
  element("filter").addEventListener("input", () => table && fill());
  if (found.length) await open();
  else say("there is no study yet");
}
