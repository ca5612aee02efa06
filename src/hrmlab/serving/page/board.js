// A grid of cells, drawn as the task says: symbols, colours, thick lines around boxes.

const LIGHT = 0.55;

function readable(colour) {
  const [red, green, blue] = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16) / 255);
  return 0.3 * red + 0.59 * green + 0.11 * blue > LIGHT ? "#111111" : "#ffffff";
}

// What a person calls the symbol of a cell.
export function spoken(about, symbol) {
  const board = about.board;
  return (board && (symbolsOf(board).get(symbol) || board.answers[symbol])) || symbol;
}

// Symbol -> what it is called, in the task's order.
export function symbolsOf(board) {
  return new Map(board.symbols);
}

// The symbol of an empty board.
export function blankOf(board) {
  return board.symbols[0][0];
}

// Whether a symbol is to be read, and no sign for a gap.
export function isWritten(symbol) {
  return /[0-9A-Za-z]/.test(symbol);
}

// Rows and columns that hold anything: a grid may be smaller than the task's largest.
function used(about, cells, rows, columns) {
  if (!about.outside) return [rows, columns];
  let [high, wide] = [1, 1];
  cells.forEach((symbol, place) => {
    if (about.outside.includes(symbol)) return;
    high = Math.max(high, Math.floor(place / columns) + 1);
    wide = Math.max(wide, (place % columns) + 1);
  });
  return [high, wide];
}

// options: given (Set of places), changed (Set), off (Set: not the known answer), asked (a place), looks (numbers), press(place), label
export function draw(about, cells, options = {}) {
  const [rows, columns] = options.grid || about.grid || [1, cells.length];
  const [high, wide] = options.whole ? [rows, columns] : used(about, cells, rows, columns);
  const element = document.createElement("div");
  element.className = "board";
  element.style.setProperty("--columns", wide);
  element.style.gridTemplateColumns = `repeat(${wide}, 1fr)`;
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", options.label || "grid");
  const boxes = about.board && about.board.boxes;
  const colours = about.board && Object.keys(about.board.colours).length ? about.board.colours : about.palette;
  const blank = about.board ? blankOf(about.board) : null;
  for (let row = 0; row < high; row++) {
    for (let column = 0; column < wide; column++) {
      const place = row * columns + column;
      const symbol = cells[place];
      const cell = document.createElement(options.press ? "button" : "span");
      cell.className = "cell";
      cell.dataset.place = place;
      const colour = colours[symbol];
      if (colour) {
        cell.classList.add("colour");
        cell.style.backgroundColor = colour;
        cell.style.color = readable(colour);
      }
      const letter = colour ? /[A-Z]/.test(symbol) : symbol !== blank || isWritten(symbol);
      if (letter) cell.append(symbol);
      if (options.given && options.given.has(place)) cell.classList.add("given");
      if (options.changed && options.changed.has(place)) cell.classList.add("changed");
      if (options.off && options.off.has(place)) cell.classList.add("off");
      if (options.asked === place) cell.classList.add("asked");
      if (boxes && (row + 1) % boxes[0] === 0 && row + 1 < high) cell.classList.add("line-below");
      if (boxes && (column + 1) % boxes[1] === 0 && column + 1 < wide) cell.classList.add("line-right");
      if (options.looks) {
        const look = document.createElement("span");
        look.className = "look";
        look.style.opacity = (options.looks[place] / Math.max(...options.looks, 1e-9)) * 0.55;
        cell.append(look);
      }
      if (options.press) {
        cell.type = "button";
        cell.tabIndex = place === (options.focus || 0) ? 0 : -1;
        cell.setAttribute("aria-label", `row ${row + 1}, column ${column + 1}: ${spoken(about, symbol)}`);
      }
      element.append(cell);
    }
  }
  if (options.press) listen(element, wide, options);
  return element;
}

function listen(element, wide, options) {
  const at = (event) => event.target.closest && event.target.closest(".cell");
  element.addEventListener("click", (event) => at(event) && options.press(Number(at(event).dataset.place), event));
  if (options.paint) {
    element.addEventListener("pointermove", (event) => {
      if (!event.buttons) return;
      const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest(".cell");
      if (cell && element.contains(cell)) options.paint(Number(cell.dataset.place));
    });
  }
  element.addEventListener("keydown", (event) => {
    const cell = at(event);
    if (!cell) return;
    const every = [...element.children];
    const here = every.indexOf(cell);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }[event.key];
    if (step !== undefined) {
      const next = every[here + step];
      event.preventDefault();
      if (next) { cell.tabIndex = -1; next.tabIndex = 0; next.focus(); }
    } else if (options.type && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (options.type(Number(cell.dataset.place), event.key)) event.preventDefault();
    }
  });
}
