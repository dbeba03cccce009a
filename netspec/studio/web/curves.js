// Curves of one run or several: drawn anew when there is more, with the values under the pointer or the arrow keys.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 440, HEIGHT = 250, LEFT = 52, RIGHT = 10, TOP = 26, BOTTOM = 32;
const COLORS = ["var(--blue)", "var(--orange)", "var(--green)"];
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "1 4"];

function draw(name, attributes, parent, text) {
  const element = document.createElementNS(SVG, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  parent?.append(element);
  return element;
}

export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

function ticks(low, high, count) {
  const power = 10 ** Math.floor(Math.log10((high - low) / count || 1));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= (high - low) / count) || power;
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high + 1e-9 * step; n++) found.push(n * step);
  return found;
}

function smoothed(points, weight) {
  let mean = 0, sum = 0;
  return points.map(([x, y]) => {
    mean = weight * mean + (1 - weight) * y;
    sum = weight * sum + (1 - weight);
    return [x, mean / sum];
  });
}

/** Return the lines of a run's events or records, by the name of their chart. */
export function linesOf(records) {
  const charts = {};
  const add = (chart, part, step, value) => {
    if (typeof value !== "number" || !Number.isFinite(value)) return;
    ((charts[chart] ??= {})[part] ??= []).push([step, value]);
  };
  for (const each of records) {
    const kind = each.event ?? each.kind;
    if (kind === "step") {
      add("loss", "training", each.step, each.loss);
      add("accuracy", "training", each.step, each.accuracy);
    } else if (kind === "epoch") {
      for (const [key, value] of Object.entries(each)) {
        const match = /^(train|validation|test)_(\w+)$/.exec(key);
        if (match && match[1] !== "train") add(match[2], match[1], each.step, value);
      }
    }
  }
  return charts;
}

/** Draw the charts of runs, [{name, charts}], into a box. */
export function drawCurves(box, runs, weight) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.charts)))];
  const first = ["loss", "accuracy"].filter((name) => names.includes(name));
  const order = [...first, ...names.filter((name) => !first.includes(name))];
  while (box.children.length > order.length) box.lastChild.remove();
  order.forEach((name, n) => {
    if (!box.children[n]) {
      const chart = document.createElement("div");
      chart.className = "chart";
      box.append(chart);
    }
    one(box.children[n], name, runs, weight);
  });
}

function one(box, name, runs, weight) {
  const lines = [];
  runs.forEach((run, n) => {
    Object.entries(run.charts[name] ?? {}).forEach(([part, points]) => {
      const color = COLORS[["training", "test", "validation"].indexOf(part)] ?? COLORS[0];
      const noisy = part === "training" && points.length > 20;
      const title = runs.length > 1 ? `${run.name} ${part}` : part;
      lines.push({ title, color, dash: DASHES[n % DASHES.length], points, noisy, shown: noisy ? smoothed(points, weight) : points });
    });
  });
  const all = lines.flatMap((line) => line.shown);
  if (!all.length) return;
  const span = (at) => all.reduce(([low, high], point) => [Math.min(low, point[at]), Math.max(high, point[at])], [Infinity, -Infinity]);
  let [x0, x1] = span(0), [y0, y1] = span(1);
  if (x0 === x1) { x0 -= 1; x1 += 1; }
  const room = 0.05 * (y1 - y0) || Math.abs(y0) * 0.1 || 1;
  y0 -= room; y1 += room;
  const toX = (value) => LEFT + ((value - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const toY = (value) => HEIGHT - BOTTOM - ((value - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", tabindex: "0", "aria-label": `${name.replaceAll("_", " ")} over the steps` });
  draw("text", { x: LEFT, y: 15, class: "title" }, svg, name.replaceAll("_", " "));
  for (const value of ticks(y0, y1, 5)) {
    draw("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: toY(value), y2: toY(value), class: "grid" }, svg);
    draw("text", { x: LEFT - 6, y: toY(value) + 4, "text-anchor": "end" }, svg, short(value));
  }
  for (const value of ticks(x0, x1, 5)) draw("text", { x: toX(value), y: HEIGHT - 17, "text-anchor": "middle" }, svg, short(value));
  draw("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, svg, "step");
  const path = (points) => points.map(([x, y], n) => `${n ? "L" : "M"}${toX(x).toFixed(1)} ${Math.min(Math.max(toY(y), TOP), HEIGHT - BOTTOM).toFixed(1)}`).join("");
  for (const line of lines) {
    if (line.noisy) draw("path", { d: path(line.points), fill: "none", stroke: line.color, "stroke-opacity": 0.2 }, svg);
    draw("path", { d: path(line.shown), fill: "none", stroke: line.color, "stroke-width": 1.8, "stroke-dasharray": line.dash }, svg);
    if (line.shown.length < 40 && !line.noisy) {
      for (const [x, y] of line.shown) draw("circle", { cx: toX(x), cy: toY(y), r: 2.6, fill: line.color }, svg);
    }
  }
  const read = document.createElement("div");
  read.className = "read legend";
  const steps = [...new Set(lines.flatMap((line) => line.shown.map((point) => point[0])))].sort((a, b) => a - b);
  const mark = draw("line", { y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--soft)", visibility: "hidden" }, svg);
  let at = steps.length - 1;
  const show = () => {
    read.replaceChildren(`step ${steps[at].toLocaleString("en")}`);
    for (const line of lines) {
      const near = line.shown.reduce((a, b) => (Math.abs(b[0] - steps[at]) < Math.abs(a[0] - steps[at]) ? b : a));
      const value = document.createElement("b");
      value.style.color = line.color;
      value.textContent = ` · ${line.title} ${short(near[1])}`;
      read.append(value);
    }
    mark.setAttribute("x1", toX(steps[at]));
    mark.setAttribute("x2", toX(steps[at]));
  };
  svg.addEventListener("pointermove", (event) => {
    const bounds = svg.getBoundingClientRect();
    const wanted = x0 + (((event.clientX - bounds.left) / bounds.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT) * (x1 - x0);
    at = steps.reduce((best, step, n) => (Math.abs(step - wanted) < Math.abs(steps[best] - wanted) ? n : best), 0);
    mark.setAttribute("visibility", "visible");
    show();
  });
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: steps.length - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    at = Math.min(Math.max(moves[event.key], 0), steps.length - 1);
    mark.setAttribute("visibility", "visible");
    show();
  });
  show();
  box.replaceChildren(svg, read);
}
