// The view of the training: its curves and epochs as they come, and the list of runs.

import { get, make, post, say, tell, trying } from "./api.js";
import { drawCurves, linesOf } from "./curves.js";
import { take } from "./files.js";

const at = (id) => document.getElementById(id);
const others = new Map();
let events = [], before = [], epochs = 0, examples = 0, redraws = 0, changed = () => {}, running = false, failed = false, alive = true;
// The run that trains or trained last here; the one that is wanted in "Try it"; and those that have a model.
let current = "", wanted = "", usable = [];

/** Return what is known: whether one trains or has failed, whether the studio answers, the run to try, and the runs with a model. */
export function training() {
  return { running, failed, alive, current, usable, run: usable.some((each) => each.name === wanted) ? wanted : usable[0]?.name ?? "" };
}

/** Say which run is to be tried. */
export function want(name) { wanted = name; }

/** Begin to listen; `then` is called with the name of what has happened. */
export function beginTraining(then) {
  changed = then;
  at("stop").addEventListener("click", () => { state("stopping …", true); trying(() => post("api/stop", {})); });
  at("smoothing").addEventListener("input", redraw);
  const stream = new EventSource("api/events");
  stream.addEventListener("message", (sent) => event(JSON.parse(sent.data)));
  stream.addEventListener("open", () => { alive = true; changed("alive"); });
  stream.addEventListener("error", () => { alive = false; changed("alive"); });
}

/** Let a text learn; returns whether it has begun. */
export async function train(file, text) {
  if (running || at("train").disabled) return false;
  const given = at("epochs").value;
  // A second click finds it begun.
  at("train").disabled = true;
  const started = await trying(() => post("api/train", { file, text, epochs: given ? Number(given) : null }));
  at("train").disabled = false;
  return Boolean(started);
}

function state(text, runs) {
  running = runs;
  at("state").textContent = text;
  at("stop").disabled = !runs;
  at("train").hidden = runs;
  changed("state");
}

function redraw() {
  at("smooths").hidden = !events.length && !others.size;
  if (redraws) return;
  redraws = setTimeout(() => {
    redraws = 0;
    // The run that trains is drawn from its events, and not a second time from its file.
    const own = events.length ? [{ name: current || "now", charts: linesOf([...before.filter((each) => each.step < events[0].step), ...events]) }] : [];
    const further = [...others].filter(([name]) => !own.length || name !== current).map(([name, charts]) => ({ name, charts }));
    drawCurves(at("curves"), [...own, ...further], Number(at("smoothing").value));
  }, 150);
}

function event(one) {
  switch (one.event) {
    case "begin":
      events = [];
      before = [];
      failed = false;
      current = "";
      at("epoch-table").replaceChildren();
      at("notices").replaceChildren();
      at("epochs-shown").hidden = at("failure").hidden = true;
      at("progress").value = 0;
      state(one.number && one.running ? "starting: the first step takes some seconds …" : "", one.running);
      redraw();
      return;
    case "started":
      epochs = one.epochs;
      examples = one.train / one.steps_per_epoch;
      state(`training on ${one.dataset}: ${one.train.toLocaleString("en")} ${one.reads}`, true);
      at("progress").max = one.epochs * one.steps_per_epoch;
      if (one.folder) current = wanted = one.folder.replace(/^runs\//, "");
      tell(`the training of ${current} has begun`);
      earlier();
      runs();
      break;
    case "notice":
      at("notices").append(make("li", {}, one.text));
      say(one.text);
      break;
    case "step":
      at("progress").value = one.step;
      at("state").textContent = `epoch ${one.epoch} of ${epochs}, ${Math.round(one.examples_per_second).toLocaleString("en")} examples a second${left(one)}`;
      break;
    case "epoch":
      at("progress").value = one.step;
      epochRow(one);
      tell(`epoch ${one.epoch} of ${epochs}${typeof one.test_accuracy === "number" ? `, test accuracy ${percent(one.test_accuracy)}` : ""}`);
      runs().then(() => changed("epoch"));
      break;
    case "failed":
      fail(one.text);
      break;
    case "finished":
      state(`done in ${one.result.seconds.toFixed(0)} s`, false);
      tell("the training is done");
      break;
    case "ended":
      state(one.stopped ? "stopped and saved: “Go on” in the list of runs continues it" : one.code ? "ended by an error" : at("state").textContent, false);
      if (one.stopped) tell("stopped and saved");
      runs().then(() => changed("ended"));
      break;
  }
  if (one.event === "step" || one.event === "epoch") { events.push(one); redraw(); }
}

/** Return about how long the rest takes. */
function left(one) {
  const seconds = ((at("progress").max - one.step) * examples) / one.examples_per_second;
  if (!Number.isFinite(seconds) || seconds < 5) return "";
  return seconds < 100 ? `, about ${Math.ceil(seconds / 10) * 10} seconds left` : `, about ${Math.ceil(seconds / 60)} minutes left`;
}

/** Show why a training has ended, until the next one. */
function fail(text) {
  const said = text.replace(/^error: /, "").replace(/\n\s*fix: /, "\n");
  failed = true;
  at("failure").textContent = said;
  at("failure").hidden = false;
  if (at("training").hidden) say(said);
}

/** Show what a run has measured before it was gone on with. */
async function earlier() {
  const name = current;
  const found = await get(`api/metrics?run=${encodeURIComponent(name)}`).catch(() => null);
  if (!found || name !== current) return;
  before = found.records;
  const later = events.filter((each) => each.event === "epoch");
  const rows = before.filter((each) => each.kind === "epoch" && each.step < (later[0]?.step ?? Infinity));
  if (!rows.length) return;
  at("epoch-table").replaceChildren();
  for (const each of [...rows, ...later]) epochRow(each);
  redraw();
}

/** Return a share as it is shown. */
export function percent(value) { return typeof value === "number" ? `${(100 * value).toFixed(2)} %` : ""; }

function epochRow(one) {
  const table = at("epoch-table");
  at("epochs-shown").hidden = false;
  if (!table.rows.length) {
    table.append(make("thead", {}, make("tr", {}, ...["epoch", "train loss", "test loss", "test accuracy", "seconds"].map((name) => make("th", { scope: "col", className: "num" }, name)))), make("tbody"));
  }
  if ([...table.tBodies[0].rows].some((row) => row.cells[0].textContent === String(one.epoch))) return;
  const cells = [one.epoch, one.train_loss?.toFixed(4), one.test_loss?.toFixed(4), percent(one.test_accuracy), one.seconds.toFixed(1)];
  table.tBodies[0].append(make("tr", {}, ...cells.map((cell) => make("td", { className: "num" }, String(cell ?? "")))));
  // The last one is in sight.
  table.parentElement.scrollTop = table.parentElement.scrollHeight;
}

/** List the runs of the folder. */
export async function runs() {
  const found = await trying(() => get("api/runs"));
  if (!found) return;
  usable = found.runs.filter((each) => each.done > 0).toReversed();
  const kept = training().run;
  at("run").replaceChildren(...usable.map((each) => make("option", { value: each.name, selected: each.name === kept }, each.name)));
  at("choice").hidden = !usable.length;
  if (!found.runs.length) {
    at("runs").replaceChildren(make("tbody", {}, make("tr", {}, make("td", {}, "None yet: each training becomes one."))));
    return;
  }
  // What has the focus is made anew.
  const focus = document.activeElement?.closest?.("#runs") ? document.activeElement.getAttribute("aria-label") : null;
  const head = make("thead", {}, make("tr", {}, ...["curves", "run", "state", "data", "epochs", "accuracy", "loss"].map((name) => make("th", { scope: "col" }, name)), make("td")));
  const body = make("tbody", {}, ...found.runs.toReversed().map((each) => {
    const box = make("input", { type: "checkbox", checked: others.has(each.name), ariaLabel: `curves of ${each.name}` });
    box.addEventListener("change", () => compare(each.name, box.checked));
    const label = `go on with ${each.name}`;
    const resume = make("button", { type: "button", ariaLabel: label, onclick: () => trying(() => post("api/resume", { run: each.name })) }, "Go on");
    const spec = make("button", { type: "button", ariaLabel: `open the text of ${each.name} as a new file`, onclick: () => openText(each.name) }, "Open its text");
    const goes = each.state === "stopped" && !found.training ? [resume, " "] : [];
    const last = make("span", {}, ...goes, ...(each.spec ? [spec] : []), each.problem ? ` ${each.problem}` : "");
    const cells = [box, each.name, each.state, each.data, `${each.done}${each.epochs ? ` of ${each.epochs}` : ""}`, percent(each.accuracy), each.loss?.toFixed(4) ?? "", last];
    return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
  }));
  at("runs").replaceChildren(head, body);
  if (focus) at("runs").querySelector(`[aria-label="${CSS.escape(focus)}"]`)?.focus();
}

async function openText(name) {
  const found = await trying(() => post("api/new_from", { run: name }));
  if (found) take(found);
}

async function compare(name, shown) {
  if (!shown) others.delete(name);
  else {
    const found = await trying(() => get(`api/metrics?run=${encodeURIComponent(name)}`));
    if (found) others.set(name, linesOf(found.records));
  }
  redraw();
}
