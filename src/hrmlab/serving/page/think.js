// A puzzle, and how each model of its task answers it: segment by segment, with what can be seen inside.
import { get, post, stream } from "/page/api.js";
import { blankOf, draw, isWritten, symbolsOf } from "/page/board.js";
import { chart } from "/page/chart.js";

const element = (id) => document.getElementById(id);
// edited: the text of a question of one's own, null while the example is asked as it is.
const state = { models: [], about: null, example: null, number: 0, cells: [], edited: null, brush: null, arms: [], asked: null, tell: null };

export async function startThinking(models, { say, guarded }) {
  state.tell = { say, guarded };
  const tasks = [...new Set(models.map((model) => model.about.task))];
  element("task").replaceChildren(...tasks.map((task) => new Option(task, task)));
  const choose = async () => {
    state.models = models.filter((model) => model.about.task === element("task").value);
    state.models.sort((one, other) => rank(one) - rank(other));
    state.about = state.models[0].about;
    state.number = 0;
    state.brush = state.about.board ? state.about.board.symbols[1][0] : null;
    brushes();
    await pick(0);
  };
  element("task").addEventListener("change", () => guarded(choose));
  element("previous").addEventListener("click", () => guarded(() => pick(-1)));
  element("next").addEventListener("click", () => guarded(() => pick(1)));
  element("clear").addEventListener("click", clear);
  element("take").addEventListener("click", () => guarded(take));
  element("solve").addEventListener("click", () => guarded(solve));
  element("segment").addEventListener("input", showSegment);
  await choose();
}

function rank(model) {
  return ["subject", "control", "baseline"].indexOf(model.about.role);
}

function brushes() {
  const board = state.about.board;
  element("brushes").replaceChildren(...(board ? board.symbols : []).map(([symbol, name]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = /^[0-9]+$/.test(symbol) ? symbol : name;
    button.setAttribute("aria-label", name);
    button.setAttribute("aria-pressed", String(symbol === state.brush));
    button.addEventListener("click", () => { state.brush = symbol; brushes(); });
    return button;
  }));
  element("clear").hidden = !board;
  element("hint").textContent = board ? "Click or drag to draw with the chosen symbol; or move with the arrow keys and type." : "One of your own can be given as text.";
}

async function pick(step) {
  const found = await get(`/v1/examples?model=${encodeURIComponent(state.models[0].id)}&start=${Math.max(0, state.number + step)}&count=1`);
  if (!found.data.length) return;
  state.number = found.data[0].number;
  state.example = found.data[0];
  element("text").value = state.example.text;
  ask(state.example.cells, null);
  element("which").textContent = `example ${state.number + 1} of ${found.count}`;
  const rows = state.example.beside.map((row) => {
    const line = document.createElement("div");
    line.className = "beside";
    line.append(...row.map((panel) => {
      const [figure, caption] = [document.createElement("figure"), document.createElement("figcaption")];
      caption.textContent = panel.title;
      figure.append(caption, draw(state.about, [...panel.text], { grid: panel.grid, whole: true, label: panel.title }));
      return figure;
    }));
    return line;
  });
  element("beside").replaceChildren(...rows);
}

function ask(cells, edited) {
  state.cells = [...cells];
  state.edited = edited;
  state.arms = [];
  state.asked = null;
  element("arms").replaceChildren();
  element("segment").disabled = true;
  element("segment-number").textContent = "–";
  element("legend").hidden = element("known").hidden = true;
  if (edited !== null) element("which").textContent = "your own";
  drawQuestion(0);
}

// A question that was drawn, as text.
function drawn(cells) {
  const text = cells.join(state.about.board.separator);
  element("text").value = text;
  ask(cells, text);
}

function clear() {
  drawn(state.cells.map(() => blankOf(state.about.board)));
}

// The server reads what was typed: only the task knows its notation.
async function take() {
  const text = element("text").value;
  const found = await post("/v1/question", { model: state.models[0].id, text });
  state.tell.say("");
  ask(found.cells, text);
}

function put(place, symbol) {
  const board = state.about.board;
  if (!board || !symbolsOf(board).has(symbol) || state.cells[place] === symbol) return;
  const blank = blankOf(board);
  if (board.once.includes(symbol)) state.cells = state.cells.map((each) => (each === symbol ? blank : each));
  state.cells[place] = symbol;
  drawn(state.cells);
  drawQuestion(place);
}

function drawQuestion(focus) {
  const [about, old] = [state.about, element("question")];
  const had = old.contains(document.activeElement);
  const board = about.board;
  const options = { label: "the question", focus };
  if (board) {
    options.press = (place) => put(place, state.brush);
    options.paint = (place) => put(place, state.brush);
    options.type = (place, key) => {
      const blank = blankOf(board);
      const symbol = ["Backspace", "Delete", "0"].includes(key) ? blank : symbolsOf(board).has(key) ? key : key.toUpperCase();
      if (!symbolsOf(board).has(symbol)) return false;
      put(place, symbol);
      return true;
    };
    options.given = givenOf();
  }
  const shown = about.grid ? draw(about, state.cells, options) : Object.assign(document.createElement("pre"), { textContent: element("text").value });
  old.replaceChildren(shown);
  if (had) shown.querySelector(`[data-place="${focus}"]`)?.focus();
}

// What the question gives, where it leaves gaps to be filled.
function givenOf() {
  const board = state.about.board;
  if (!board || Object.keys(board.colours).length || isWritten(blankOf(board))) return new Set();
  return new Set(state.cells.flatMap((each, place) => (each === blankOf(board) ? [] : [place])));
}

function body(model) {
  // With the id of the example beside it: where demonstrations tell the rule, one's own question is one more to the same rule.
  return { model: model.id, puzzle: state.edited ?? state.example.tokens, puzzle_id: state.example.puzzle_id };
}

async function solve() {
  const { say, guarded } = state.tell;
  element("solve").disabled = true;
  element("arms").replaceChildren();
  state.arms = state.models.map((model) => ({ model, thoughts: [], answer: null, trace: null }));
  state.asked = null;
  say("thinking …");
  try {
    await Promise.all(state.arms.map((arm) => stream("/v1/solve", { ...body(arm.model), stop: "segments", stream: true }, (name, data) => {
      if (name === "segment") arm.thoughts.push(data);
      if (name === "answer") arm.answer = data;
      const most = Math.max(...state.arms.map((each) => each.thoughts.length));
      Object.assign(element("segment"), { max: most, value: most, disabled: most < 2 });
      showSegment();
    })));
    say("");
    const [changed, off] = coloured(state.about) ? ["A dot", "A cross"] : ["Shaded", "Red and underlined"];
    element("legend").textContent = `${changed}: changed in this segment.${expectedOf() ? ` ${off}: not the known answer.` : ""} Press a cell to see where it looks.`;
    element("legend").hidden = !state.about.grid;
    element("known").hidden = !expectedOf() || !state.about.grid;
    if (!element("known").hidden) element("known").replaceChildren(element("known").firstElementChild, draw(state.about, expectedOf(), { label: "the known answer", given: givenOf() }));
    await guarded(() => look(null));
  } finally {
    element("solve").disabled = false;
  }
}

// What is inside; with a cell also where it looks.
async function look(cell) {
  state.asked = cell;
  await Promise.all(state.arms.map(async (arm) => {
    arm.trace = await post("/v1/trace", { ...body(arm.model), ...(cell === null ? {} : { cell }) });
  }));
  showSegment();
}

function showSegment() {
  const number = Number(element("segment").value);
  element("segment-number").textContent = `${number} of ${element("segment").max}`;
  const focus = document.activeElement?.closest?.(".arm .cell")?.dataset.place;
  const which = [...element("arms").children].findIndex((card) => card.contains(document.activeElement));
  element("arms").replaceChildren(...state.arms.filter((arm) => arm.thoughts.length).map((arm) => card(arm, Math.min(number, arm.thoughts.length))));
  if (focus !== undefined) element("arms").children[which]?.querySelector(`[data-place="${focus}"]`)?.focus();
}

function line(text, name = "") {
  const made = document.createElement("p");
  made.className = name;
  made.textContent = text;
  return made;
}

function card(arm, number) {
  const [about, thought, answer] = [state.about, arm.thoughts[number - 1], arm.answer];
  const name = arm.model.id.slice(arm.model.id.indexOf("/") + 1);
  const made = document.createElement("article");
  made.className = "arm";
  const head = document.createElement("h3");
  head.textContent = name;
  made.append(head, line(`${arm.model.about.role ? `${arm.model.about.role}, ` : ""}${arm.model.about.parameters.toLocaleString("en")} parameters`, "quiet"));
  if (answer) made.append(line(...verdictOf(answer)));
  const looks = lookOf(arm, number);
  const press = state.arms.every((each) => each.answer) && about.grid ? (place) => state.tell.guarded(() => look(place === state.asked ? null : place)) : null;
  const marks = { changed: new Set(looks ? [] : thought.changed), given: givenOf(), off: offOf(arm, thought) };
  if (about.grid && thought.cells.every((symbol) => about.outside.includes(symbol))) made.append(line("an empty grid", "board-empty"));
  else if (about.grid) made.append(draw(about, thought.cells, { label: `answer of ${name} after segment ${number}`, ...marks, asked: state.asked, looks, press }));
  else made.append(Object.assign(document.createElement("pre"), { textContent: thought.text }));
  const token = thought.changed.length === 1 ? about.words.token : `${about.words.token}s`;
  made.append(line(`Segment ${number}: ${thought.changed.length} ${token} changed, sure of ${(100 * thought.confidence).toFixed(0)}\u00a0%${stopOf(arm, number)}`, "said"));
  if (press && state.asked !== null && !looks) made.append(line("This model has no attention to show.", "quiet"));
  if (looks) made.append(line("Shade: how much the framed cell looks at each cell, mean over blocks, heads and cycles of this segment.", "quiet"));
  const charts = [
    chart("Q-values by segment", [{ name: "halt", points: arm.thoughts.map((each) => [each.segment, each.q_halt]) }, { name: "continue", points: arm.thoughts.map((each) => [each.segment, each.q_continue]) }], number),
    ...(arm.trace ? states(arm.trace, number) : []),
  ];
  made.append(...charts.filter((each) => each));
  return made;
}

function coloured(about) {
  return Object.keys(about.palette).length > 0 || Object.keys(about.board?.colours ?? {}).length > 0;
}

// By the task's rules; where they do not say, by the example's known answer.
function verdictOf(answer) {
  const expected = expectedOf();
  const right = answer.right ?? (expected && expected.every((each, place) => each === answer.cells[place]));
  if (right === null) return ["answered", "verdict"];
  return [`${right ? "right" : "wrong"} after all segments`, `verdict ${right ? "right" : "wrong"}`];
}

function expectedOf() {
  return state.edited === null && state.example.answer ? state.example.answer_cells : null;
}

// Whether the model stops here because it wants to, or because there is no further segment.
function stopOf(arm, number) {
  const thought = arm.thoughts[number - 1];
  if (!thought.stops) return "";
  if (arm.thoughts.length === 1) return "; it has no other";
  const wants = thought.q_halt !== null && thought.q_halt > (thought.q_continue ?? 0);
  return wants ? "; learned halting stops here" : "; learned halting never stopped before";
}

// Cells that differ from the known answer. Where the rules call another answer right, none.
function offOf(arm, thought) {
  const expected = expectedOf();
  const alone = arm.answer && (arm.answer.right !== true || expected?.every((each, place) => each === arm.answer.cells[place]));
  return new Set(expected && alone ? thought.cells.flatMap((each, place) => (each === expected[place] ? [] : [place])) : []);
}

function lookOf(arm, number) {
  const segment = state.asked === null ? null : arm.trace?.segments[number - 1];
  const maps = segment ? segment.cycles.flatMap((cycle) => cycle.looks) : [];
  if (!maps.length) return null;
  return maps[0].map((_, place) => maps.reduce((sum, map) => sum + map[place], 0) / maps.length);
}

// Size of each state over cycles, and how far each segment moved it.
function states(trace, number) {
  const names = [...new Set(trace.segments.flatMap((segment) => segment.cycles.map((cycle) => cycle.name)))].slice(0, 2);
  const over = (name) => trace.segments.flatMap((segment) => {
    const own = segment.cycles.filter((cycle) => cycle.name === name);
    return own.map((cycle, place) => [segment.segment - 1 + (place + 1) / own.length, cycle.movement]);
  });
  const series = (pick) => names.map((name) => ({ name, points: over(name).map(([x, movement]) => [x, pick(movement)]) }));
  return [chart("Norm of states", series((movement) => movement.norm), number), chart("Change of states", series((movement) => movement.change), number)];
}
