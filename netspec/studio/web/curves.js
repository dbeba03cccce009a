// The curves of runs: which lines there are; `charts.js` of the report's page, loaded before, draws them.
/* global drawLines, DASHES */

const COLORS = { training: "var(--blue)", test: "var(--orange)", validation: "var(--green)" };
// Of several runs each has a color, and each part its dashes.
const RUNS = ["var(--blue)", "var(--orange)", "var(--green)", "var(--red)"];
const PARTS = ["test", "training", "validation"];

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
        const match = /^(validation|test)_(\w+)$/.exec(key);
        if (match) add(match[2], match[1], each.step, value);
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
  const several = runs.length > 1;
  order.forEach((quantity, place) => {
    if (!box.children[place]) {
      const chart = document.createElement("div");
      chart.className = "chart";
      box.append(chart);
    }
    const lines = runs.flatMap((run, n) => Object.entries(run.charts[quantity] ?? {}).map(([part, points]) => ({
      name: several ? `${run.name} ${part}` : part,
      color: several ? RUNS[n % RUNS.length] : COLORS[part],
      dash: several ? DASHES[PARTS.indexOf(part) % DASHES.length] : "",
      noisy: part === "training" && points.length > 20,
      points,
    })));
    // A chart that is asked by the arrow keys keeps the focus.
    const asked = box.children[place].contains(document.activeElement);
    drawLines(box.children[place], quantity, lines, weight);
    if (asked) box.children[place].querySelector("svg").focus();
  });
}
