// Charts as SVG, for the page of a run and for the studio: axes, lines, and what a pointer or the arrow keys ask.
const SVG = "http://www.w3.org/2000/svg";
const DASHES = ["", "6 3", "2 2", "8 3 2 3"];
const WIDTH = 480, HEIGHT = 280, LEFT = 54, RIGHT = 12, TOP = 26, BOTTOM = 34;

function svgElement(name, attributes, parent, text) {
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
  const svg = svgElement("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": title, tabindex: "0" });
  const [x0, x1] = x[0] === x[1] ? [x[0] - 1, x[1] + 1] : x;
  const room = 0.04 * (y[1] - y[0]) || Math.abs(y[0]) * 0.1 || 1;
  const [y0, y1] = names.exact ? y : [y[0] - room, y[1] + room];
  const toX = (value) => LEFT + ((value - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const toY = (value) => height - BOTTOM - ((value - y0) / (y1 - y0)) * (height - TOP - BOTTOM);
  svgElement("text", { x: LEFT, y: 15, class: "title" }, svg, title);
  for (const value of ticks(y0, y1, 5)) {
    svgElement("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: toY(value), y2: toY(value), class: "grid" }, svg);
    svgElement("text", { x: LEFT - 6, y: toY(value) + 4, "text-anchor": "end" }, svg, short(value));
  }
  for (const value of ticks(x0, x1, 5)) {
    svgElement("text", { x: toX(value), y: height - BOTTOM + 15, "text-anchor": "middle" }, svg, short(value));
  }
  svgElement("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: height - 4, "text-anchor": "middle" }, svg, names.x);
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

/** Draw lines over the steps, `{name, color, dash, points, noisy}`; a noisy one is smoothed, and drawn pale as it is. */
function drawLines(box, quantity, lines, smoothing) {
  for (const line of lines) line.shown = line.noisy ? smoothed(line.points, smoothing) : line.points;
  const all = lines.flatMap((line) => line.shown);
  if (!all.length) return null;
  const ends = (at) => all.reduce(([low, high], point) => [Math.min(low, point[at]), Math.max(high, point[at])], [Infinity, -Infinity]);
  const chart = frame(box, quantity.replaceAll("_", " "), ends(0), ends(1), { x: "step" });
  const clip = `clip-${quantity}`;
  const area = svgElement("clipPath", { id: clip }, chart.svg);
  svgElement("rect", { x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM }, area);
  for (const line of lines) {
    const style = { fill: "none", stroke: line.color, "clip-path": `url(#${clip})` };
    if (line.noisy) svgElement("path", { ...style, d: path(line.points, chart), "stroke-opacity": 0.2 }, chart.svg);
    svgElement("path", { ...style, d: path(line.shown, chart), "stroke-width": 1.8, "stroke-dasharray": line.dash }, chart.svg);
    if (line.shown.length === 1) {
      svgElement("circle", { cx: chart.toX(line.shown[0][0]), cy: chart.toY(line.shown[0][1]), r: 3, fill: line.color }, chart.svg);
    }
  }
  ask(box, chart, lines);
  return chart;
}

/** Show the values of all lines at the step under the pointer, or at that which the arrow keys lead to. */
function ask(box, chart, lines) {
  const read = document.createElement("div");
  read.className = "read";
  read.setAttribute("aria-live", "polite");
  const steps = [...new Set(lines.flatMap((line) => line.shown.map((p) => p[0])))].sort((a, b) => a - b);
  const mark = svgElement("line", { y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--soft)", visibility: "hidden" }, chart.svg);
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
