// Small line charts as SVG: at most two series over segments or cycles.

const SPACE = "http://www.w3.org/2000/svg";
const [WIDE, HIGH, LEFT, BELOW, ABOVE] = [320, 120, 44, 20, 8];

function made(name, attributes, text) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// series: [{name, points: [[x, y], ...]}]; now: the x to mark
export function chart(title, series, now) {
  const figure = document.createElement("figure");
  figure.style.margin = "0.6rem 0";
  const shown = series.filter((one) => one.points.some(([, y]) => y !== null));
  if (!shown.length) return null;
  const points = shown.flatMap((one) => one.points).filter(([, y]) => y !== null);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  let [low, high] = [Math.min(...ys), Math.max(...ys)];
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const across = (x) => LEFT + ((x - first) / Math.max(last - first, 1e-9)) * (WIDE - LEFT - 12);
  const up = (y) => HIGH - BELOW - ((y - low) / (high - low)) * (HIGH - BELOW - ABOVE);
  const svg = made("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${title}: ${shown.map((one) => `${one.name} from ${one.points[0][1]?.toFixed(2)} to ${one.points.at(-1)[1]?.toFixed(2)}`).join(", ")}` });
  svg.append(made("line", { class: "axis", x1: LEFT, x2: WIDE, y1: HIGH - BELOW, y2: HIGH - BELOW }));
  for (const value of [low, high]) svg.append(made("text", { x: LEFT - 5, y: up(value) + 4, "text-anchor": "end" }, value.toFixed(2)));
  for (const value of new Set([first, last])) svg.append(made("text", { x: across(value), y: HIGH - 5, "text-anchor": "middle" }, Number.isInteger(value) ? value : value.toFixed(1)));
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
