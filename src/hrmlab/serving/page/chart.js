// Small line charts as SVG: at most two series over segments or cycles.

const SPACE = "http://www.w3.org/2000/svg";
const [WIDE, HIGH, LEFT, BELOW, ABOVE] = [320, 120, 44, 20, 8];

function made(name, attributes, text) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function level(title, value) {
  const made = document.createElement("p");
  made.className = "quiet";
  made.textContent = `${title}: ${value.toFixed(2)} throughout`;
  return made;
}

// series: [{name, points: [[x, y], ...]}]; now: the x to mark
export function chart(title, series, now) {
  const shown = series.filter((one) => one.points.some(([, y]) => y !== null));
  if (!shown.some((one) => one.points.length > 1)) return null;  // a single point is no development
  const points = shown.flatMap((one) => one.points).filter(([, y]) => y !== null);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  if (high - low < 1e-3 * Math.max(Math.abs(high), 1e-3)) return level(title, high);
  const figure = document.createElement("figure");
  const digits = Math.min(4, Math.max(2, Math.ceil(1 - Math.log10(high - low))));  // as many as tell the ends apart
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const across = (x) => LEFT + ((x - first) / Math.max(last - first, 1e-9)) * (WIDE - LEFT - 12);
  const up = (y) => HIGH - BELOW - ((y - low) / (high - low)) * (HIGH - BELOW - ABOVE);
  const svg = made("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${title}: ${shown.map((one) => `${one.name} from ${one.points[0][1]?.toFixed(2)} to ${one.points.at(-1)[1]?.toFixed(2)}`).join(", ")}` });
  svg.append(made("line", { class: "axis", x1: LEFT, x2: WIDE, y1: HIGH - BELOW, y2: HIGH - BELOW }));
  for (const value of [low, high]) svg.append(made("text", { x: LEFT - 5, y: up(value) + 4, "text-anchor": "end" }, value.toFixed(digits)));
  for (const value of new Set([Math.ceil(first), last])) svg.append(made("text", { x: across(value), y: HIGH - 5, "text-anchor": "middle" }, value));
  if (now !== undefined) svg.append(made("line", { class: "now", x1: across(now), x2: across(now), y1: ABOVE, y2: HIGH - BELOW }));
  shown.forEach((one, number) => {
    const kept = one.points.filter(([, y]) => y !== null);
    const name = number ? "two" : "one";
    svg.append(made("polyline", { class: name, points: kept.map(([x, y]) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`).join(" ") }));
    for (const [x, y] of kept) svg.append(made("circle", { class: name, cx: across(x), cy: up(y), r: 2.5 }));
  });
  const legend = document.createElement("figcaption");
  legend.className = "legend";
  legend.append(`${title}:`);
  shown.forEach((one, number) => {
    const label = document.createElement("span");
    label.className = number ? "two" : "one";
    label.textContent = one.name;
    legend.append(label);
  });
  figure.append(svg, legend);
  return figure;
}
