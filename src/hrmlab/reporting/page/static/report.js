// What report.html does on its own: draws the learning curves (uPlot), opens the part that a link points at, opens all parts.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("charts").textContent);
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  const large = (value) => Math.abs(value) < 1e15 ? short.format(value) : value.toExponential(1);

  function said(position, axis) {
    if (axis !== "time") return large(position);
    return position < 120 ? position.toPrecision(3) / 1 + " s" : position < 7200 ? (position / 60).toPrecision(3) / 1 + " min" : (position / 3600).toPrecision(3) / 1 + " h";
  }

  function shown(value, chart) {
    return chart.share ? value.toFixed(1) + " %" : value.toPrecision(3);
  }

  function colour(arm) {
    return arm.colour === "#000000" ? ink("--ink") : arm.colour;
  }

  // The recorded point of a curve that is nearest to a position, where the curve reaches that far.
  function nearest(curve, axis, position) {
    if (!curve[axis]) return null;
    const [places] = curve[axis];
    if ( position > places[places.length - 1] * 1.02) return null;
    let best = 0;
    for (let i = 1; i < places.length; i++) if (Math.abs(places[i] - position) < Math.abs(places[best] - position)) best = i;
    return best;
  }

  function pointing(figure, chart, axis) {
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    return {
      hooks: {
        init: (u) => { u.over.appendChild(tip); u.over.addEventListener("mouseleave", () => { tip.hidden = true; }); },
        setCursor: (u) => {
          const { left, top } = u.cursor;
          if (left == null || left < 0) { tip.hidden = true; return; }
          const position = u.posToVal(left, "x");
          const lines = [];
          for (const arm of chart.arms) {
            const point = nearest(arm.mean, axis, position);
            if (point === null) continue;
            const line = document.createElement("div");
            const name = document.createElement("span");
            name.style.color = colour(arm);
            name.textContent = arm.name + ": ";
            line.append(name, `${shown(arm.mean[axis][1][point], chart)} at ${said(arm.mean[axis][0][point], axis)}`);
            lines.push(line);
          }
          tip.replaceChildren(...lines);
          tip.hidden = lines.length === 0;
          const width = u.over.clientWidth;
          tip.style.left = left < width / 2 ? left + 14 + "px" : "auto";
          tip.style.right = left < width / 2 ? "auto" : width - left + 14 + "px";
          tip.style.top = Math.max(0, Math.min(top, u.over.clientHeight - tip.offsetHeight)) + "px";
        },
      },
    };
  }

  function draw(figure, chart, axis) {
    const tables = [], series = [{}];
    for (const arm of chart.arms) {
      for (const curve of arm.seeds) {
        if (!curve[axis]) continue;
        tables.push(curve[axis]);
        series.push({ stroke: colour(arm) + "66", width: 1, spanGaps: true, points: { show: false } });
      }
    }
    for (const arm of chart.arms) {
      if (!arm.mean[axis]) continue;
      tables.push(arm.mean[axis]);
      series.push({ stroke: colour(arm), width: 3, dash: arm.dash, spanGaps: true, points: { show: arm.mean[axis][0].length === 1 } });
    }
    const place = figure.querySelector(".plot");
    place.replaceChildren();
    if (!tables.length) return;
    const lines = { stroke: ink("--ink"), grid: { stroke: ink("--rule"), width: 1 }, ticks: { stroke: ink("--rule") } };
    const highest = Math.max(...tables.flatMap((table) => table[1])), lowest = Math.min(...tables.flatMap((table) => table[1]));
    const range = chart.share ? [lowest > 20 ? Math.floor(lowest / 10) * 10 : 0, Math.min(102, highest * 1.1 + 1)] : undefined;
    const plot = new uPlot({
      width: place.clientWidth, height: Math.round(Math.min(380, Math.max(260, place.clientWidth * 0.45))),
      scales: { x: { time: false }, y: range ? { range } : {} },
      legend: { show: false }, cursor: { y: false, points: { show: false } }, series,
      axes: [
        { ...lines, label: chart.axes[axis], values: (_, ticks) => ticks.map((tick) => said(tick, axis)), space: 70 },
        { ...lines, label: chart.label, size: 56 },
      ],
      plugins: [pointing(figure, chart, axis)],
    }, tables.length > 1 ? uPlot.join(tables) : tables[0], place);
    figure.plot = plot;
  }

  function prepare(figure) {
    const chart = data.find((each) => each.name === figure.dataset.chart);
    if (!chart || figure.plot || !figure.querySelector(".plot").clientWidth) return;
    const axes = Object.keys(chart.axes), buttons = figure.querySelector(".axes"), legend = figure.querySelector(".legend");
    let chosen = axes[0];
    for (const axis of axes) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = chart.axes[axis];
      button.setAttribute("aria-pressed", String(axis === chosen));
      button.addEventListener("click", () => {
        chosen = axis;
        for (const other of buttons.children) other.setAttribute("aria-pressed", String(other === button));
        draw(figure, chart, axis);
      });
      buttons.append(button);
    }
    for (const arm of chart.arms) {
      const entry = document.createElement("span"), line = document.createElement("span");
      line.className = "line";
      line.style.borderTopColor = colour(arm);
      line.style.borderTopStyle = arm.dash.length ? "dashed" : "solid";
      entry.append(line, arm.name);
      legend.append(entry);
    }
    draw(figure, chart, chosen);
    let width = figure.clientWidth;
    new ResizeObserver(() => {
      if (figure.clientWidth && figure.clientWidth !== width) { width = figure.clientWidth; draw(figure, chart, chosen); }
    }).observe(figure);
  }

  const prepareAll = () => document.querySelectorAll(".chart").forEach(prepare);
  document.querySelectorAll("details").forEach((part) => part.addEventListener("toggle", prepareAll));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.querySelectorAll(".chart").forEach((figure) => { figure.plot = null; figure.querySelectorAll("div").forEach((each) => each.replaceChildren()); });
    prepareAll();
  });

  function openTarget() {
    const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
    const part = target && target.closest("details");
    if (part) { part.open = true; target.scrollIntoView(); }
  }
  addEventListener("hashchange", openTarget);
  document.querySelectorAll('a[href^="#"]').forEach((link) => link.addEventListener("click", () => setTimeout(openTarget)));
  const all = document.getElementById("open-all");
  if (all) all.addEventListener("click", () => {
    const parts = [...document.querySelectorAll("details.section")], open = parts.some((part) => !part.open);
    parts.forEach((part) => { part.open = open; });
    all.textContent = open ? "Close all" : "Open all";
  });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
  openTarget();
  prepareAll();
})();
