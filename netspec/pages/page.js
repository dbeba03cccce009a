// The charts of the page: drawn from the data in it, with what a pointer or the arrow keys ask.
const data = JSON.parse(document.getElementById("data").textContent);
const PARTS = {
  train: { color: "var(--blue)", title: "training" },
  epoch: { color: "var(--blue)", title: "training, epochs", dash: "1 3" },
  validation: { color: "var(--green)", title: "validation" },
  test: { color: "var(--orange)", title: "test" },
  "": { color: "var(--blue)", title: "" },
};

function curve(box, quantity, smoothing) {
  const lines = [];
  data.runs.forEach((run, n) => {
    const parts = run.charts[quantity] || {};
    for (const part in parts) {
      if (part === "epoch" && (parts.train || "").length > 1) continue;
      const look = PARTS[part] || PARTS[""];
      const name = [data.runs.length > 1 ? run.name : "", look.title].filter(Boolean).join(" ");
      const noisy = part === "train" && quantity !== "learning_rate" && parts[part].length > 20;
      lines.push({ ...look, name, noisy, dash: DASHES[n % DASHES.length] || look.dash || "", points: parts[part] });
    }
  });
  const chart = drawLines(box, quantity, lines, smoothing);
  if (chart && data.runs.length === 1 && data.runs[0].best !== null) {
    const x = chart.toX(data.runs[0].best);
    svgElement("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--soft)", "stroke-dasharray": "2 4" }, chart.svg);
    svgElement("text", { x: x - 4, y: TOP + 10, "text-anchor": "end" }, chart.svg, "best");
  }
}

function scatter(box, { name, points }) {
  const values = points.flat();
  const ends = [Math.min(...values), Math.max(...values)];
  const chart = frame(box, "predicted", ends, ends, { x: "true" }, 440);
  svgElement("path", { d: path([[ends[0], ends[0]], [ends[1], ends[1]]], chart), stroke: "var(--soft)" }, chart.svg);
  const opacity = Math.min(0.9, Math.max(0.15, 30 / Math.sqrt(points.length)));
  for (const [x, y] of points) {
    const dot = svgElement("circle", { cx: chart.toX(x), cy: chart.toY(y), r: 3, fill: "var(--blue)", "fill-opacity": opacity }, chart.svg);
    svgElement("title", {}, dot, `${name}: true ${short(x)}, predicted ${short(y)}`);
  }
}

function reliability(box, bins) {
  const chart = frame(box, "right", [0, 1], [0, 1], { x: "probability", exact: true }, 440);
  svgElement("path", { d: path([[0, 0], [1, 1]], chart), stroke: "var(--soft)", "stroke-dasharray": "4 4" }, chart.svg);
  svgElement("path", { d: path(bins, chart), stroke: "var(--blue)", fill: "none", "stroke-width": 1.8 }, chart.svg);
  const most = Math.max(...bins.map((bin) => bin[2]));
  for (const [probability, right, count] of bins) {
    const r = 3 + 6 * Math.sqrt(count / most);
    const dot = svgElement("circle", { cx: chart.toX(probability), cy: chart.toY(right), r, fill: "var(--blue)", "fill-opacity": 0.6 }, chart.svg);
    svgElement("title", {}, dot, `probability ${probability.toFixed(2)}: ${(100 * right).toFixed(1)} % of ${count} right`);
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
