"use strict";
// The charts of the page: drawn from the data in it, with what a pointer or the arrow keys ask.
const SVG = "http://www.w3.org/2000/svg";
const data = JSON.parse(document.getElementById("data").textContent);
const PARTS = {
  train: { color: "var(--blue)", title: "training" },
  epoch: { color: "var(--blue)", title: "training, epochs", dash: "1 3" },
  validation: { color: "var(--green)", title: "validation" },
  test: { color: "var(--orange)", title: "test" },
  "": { color: "var(--blue)", title: "" },
};
const DASHES = ["", "6 3", "2 2", "8 3 2 3"];
const WIDTH = 480, HEIGHT = 280, LEFT = 54, RIGHT = 12, TOP = 26, BOTTOM = 34;

function make(name, attributes, parent, text) {
  const element = document.createElementNS(SVG, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(4)));
}

/** Return about so many round values from low to high. */
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high + 1e-9 * step; n++) found.push(n * step);
  return found;
}

/** Return a chart with its axes, and functions from values to places. */
function frame(box, title, x, y, names, height = HEIGHT) {
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": title, tabindex: "0" });
  const [x0, x1] = x[0] === x[1] ? [x[0] - 1, x[1] + 1] : x;
  const room = 0.04 * (y[1] - y[0]) || Math.abs(y[0]) * 0.1 || 1;
  const [y0, y1] = names.exact ? y : [y[0] - room, y[1] + room];
  const toX = (value) => LEFT + ((value - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const toY = (value) => height - BOTTOM - ((value - y0) / (y1 - y0)) * (height - TOP - BOTTOM);
  make("text", { x: LEFT, y: 15, class: "title" }, svg, title);
  for (const value of ticks(y0, y1, 5)) {
    make("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: toY(value), y2: toY(value), class: "grid" }, svg);
    make("text", { x: LEFT - 6, y: toY(value) + 4, "text-anchor": "end" }, svg, short(value));
  }
  for (const value of ticks(x0, x1, 5)) {
    make("text", { x: toX(value), y: height - BOTTOM + 15, "text-anchor": "middle" }, svg, short(value));
  }
  make("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: height - 4, "text-anchor": "middle" }, svg, names.x);
  box.replaceChildren(svg);
  return { svg, toX, toY, fromX: (place) => x0 + ((place - LEFT) / (WIDTH - LEFT - RIGHT)) * (x1 - x0) };
}

/** Return a line with each value moved toward those before it; the start is not pulled to zero. */
function smoothed(points, weight) {
  let mean = 0, sum = 0;
  return points.map(([x, y]) => {
    mean = weight * mean + (1 - weight) * y;
    sum = weight * sum + (1 - weight);
    return [x, mean / sum];
  });
}

function path(points, chart) {
  return points.map(([x, y], n) => `${n ? "L" : "M"}${chart.toX(x).toFixed(1)} ${chart.toY(y).toFixed(1)}`).join("");
}

function curve(box, quantity, smoothing) {
  const lines = [];
  data.runs.forEach((run, n) => {
    const parts = run.charts[quantity] || {};
    for (const part in parts) {
      if (part === "epoch" && (parts.train || "").length > 1) continue;
      const look = PARTS[part] || PARTS[""];
      const name = [data.runs.length > 1 ? run.name : "", look.title].filter(Boolean).join(" ");
      const noisy = part === "train" && quantity !== "learning_rate" && parts[part].length > 20;
      lines.push({ ...look, name, noisy, dash: DASHES[n % DASHES.length] || look.dash || "", points: parts[part],
        shown: noisy ? smoothed(parts[part], smoothing) : parts[part] });
    }
  });
  const all = lines.flatMap((line) => line.shown);
  if (!all.length) return;
  const xs = all.map((p) => p[0]), ys = all.map((p) => p[1]);
  const chart = frame(box, quantity.replaceAll("_", " "), [Math.min(...xs), Math.max(...xs)],
    [Math.min(...ys), Math.max(...ys)], { x: "step" });
  const clip = `clip-${quantity}`;
  const area = make("clipPath", { id: clip }, chart.svg);
  make("rect", { x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM }, area);
  for (const line of lines) {
    const style = { fill: "none", stroke: line.color, "clip-path": `url(#${clip})` };
    if (line.noisy) make("path", { ...style, d: path(line.points, chart), "stroke-opacity": 0.2 }, chart.svg);
    make("path", { ...style, d: path(line.shown, chart), "stroke-width": 1.8, "stroke-dasharray": line.dash }, chart.svg);
    if (line.shown.length === 1) {
      make("circle", { cx: chart.toX(line.shown[0][0]), cy: chart.toY(line.shown[0][1]), r: 3, fill: line.color }, chart.svg);
    }
  }
  if (data.runs.length === 1 && data.runs[0].best !== null) {
    const x = chart.toX(data.runs[0].best);
    make("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--soft)", "stroke-dasharray": "2 4" }, chart.svg);
    make("text", { x: x - 4, y: TOP + 10, "text-anchor": "end" }, chart.svg, "best");
  }
  ask(box, chart, lines);
}

/** Show the values of all lines at the step under the pointer, or at that which the arrow keys lead to. */
function ask(box, chart, lines) {
  const read = document.createElement("div");
  read.className = "read";
  read.setAttribute("aria-live", "polite");
  const steps = [...new Set(lines.flatMap((line) => line.shown.map((p) => p[0])))].sort((a, b) => a - b);
  const mark = make("line", { y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--soft)", visibility: "hidden" }, chart.svg);
  let place = steps.length - 1;
  function nearest(points, step) {
    return points.reduce((a, b) => (Math.abs(b[0] - step) < Math.abs(a[0] - step) ? b : a));
  }
  function show(step) {
    read.replaceChildren(`step ${step.toLocaleString("en")}`);
    for (const line of lines) {
      const value = document.createElement("span");
      value.style.color = line.color;
      value.textContent = ` · ${line.name} ${short(nearest(line.shown, step)[1])}`;
      read.append(value);
    }
    mark.setAttribute("x1", chart.toX(step));
    mark.setAttribute("x2", chart.toX(step));
  }
  chart.svg.addEventListener("pointermove", (event) => {
    const at = ((event.clientX - chart.svg.getBoundingClientRect().left) / chart.svg.clientWidth) * WIDTH;
    const wanted = chart.fromX(at);
    place = steps.reduce((best, step, n) => (Math.abs(step - wanted) < Math.abs(steps[best] - wanted) ? n : best), 0);
    mark.setAttribute("visibility", "visible");
    show(steps[place]);
  });
  chart.svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: steps.length - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    place = Math.min(Math.max(moves[event.key], 0), steps.length - 1);
    mark.setAttribute("visibility", "visible");
    show(steps[place]);
  });
  box.append(read);
  show(steps[place]);
}

function scatter(box, { name, points }) {
  const values = points.flat();
  const ends = [Math.min(...values), Math.max(...values)];
  const chart = frame(box, "predicted", ends, ends, { x: "true" }, 440);
  make("path", { d: path([[ends[0], ends[0]], [ends[1], ends[1]]], chart), stroke: "var(--soft)" }, chart.svg);
  const opacity = Math.min(0.9, Math.max(0.15, 30 / Math.sqrt(points.length)));
  for (const [x, y] of points) {
    const dot = make("circle", { cx: chart.toX(x), cy: chart.toY(y), r: 3, fill: "var(--blue)", "fill-opacity": opacity }, chart.svg);
    make("title", {}, dot, `${name}: true ${short(x)}, predicted ${short(y)}`);
  }
}

function reliability(box, bins) {
  const chart = frame(box, "right", [0, 1], [0, 1], { x: "probability", exact: true }, 440);
  make("path", { d: path([[0, 0], [1, 1]], chart), stroke: "var(--soft)", "stroke-dasharray": "4 4" }, chart.svg);
  make("path", { d: path(bins, chart), stroke: "var(--blue)", fill: "none", "stroke-width": 1.8 }, chart.svg);
  const most = Math.max(...bins.map((bin) => bin[2]));
  for (const [probability, right, count] of bins) {
    const r = 3 + 6 * Math.sqrt(count / most);
    const dot = make("circle", { cx: chart.toX(probability), cy: chart.toY(right), r, fill: "var(--blue)", "fill-opacity": 0.6 }, chart.svg);
    make("title", {}, dot, `probability ${probability.toFixed(2)}: ${(100 * right).toFixed(1)} % of ${count} right`);
  }
}

function curves() {
  const slider = document.getElementById("smoothing");
  const weight = slider ? Number(slider.value) : 0;
  for (const box of document.querySelectorAll("[data-curve]")) curve(box, box.dataset.curve, weight);
}

document.getElementById("smoothing")?.addEventListener("input", curves);
curves();
for (const box of document.querySelectorAll("[data-reliability]")) {
  reliability(box, data.answers[box.dataset.reliability].reliability);
}
for (const box of document.querySelectorAll("[data-scatter]")) {
  scatter(box, data.answers[box.dataset.scatter].scatter[box.dataset.place]);
}
