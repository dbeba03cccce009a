// The page: a spec is typed on the left; on the right it is drawn, its data shown, trained, and tried.

import { get, make, post, say, trying } from "./api.js";
import { drawCurves, linesOf } from "./curves.js";
import { editor } from "./editor.js";
import { choose, retry } from "./trial.js";

const at = (id) => document.getElementById(id);
const tabs = [...document.querySelectorAll("[role=tab]")];
let writes, facts = null, asked = 0, drawn = "", events = [], epochs = 0, others = new Map(), run = "", looked = "";

// --- tabs ----------------------------------------------------------------------------------------------------------

function open(tab) {
  for (const each of tabs) {
    const chosen = each === tab;
    each.setAttribute("aria-selected", String(chosen));
    each.tabIndex = chosen ? 0 : -1;
    at(each.getAttribute("aria-controls")).hidden = !chosen;
  }
  sessionStorage.setItem("tab", tab.id);
  if (tab.id === "tab-network") drawing();
  if (tab.id === "tab-data" && facts?.data && facts.data !== looked) look(facts.data);
  if (tab.id === "tab-try") runs().then(() => choose(run));
}

for (const tab of tabs) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.focus();
    open(next);
  });
}

// --- the spec ------------------------------------------------------------------------------------------------------

async function check(text) {
  const mine = ++asked;
  at("saved").textContent = "not saved";
  const found = await trying(() => post("api/check", { text }));
  // An answer to what was typed before is late.
  if (!found || mine !== asked) return;
  facts = found;
  writes.show(found);
  at("summary").textContent = found.summary || (found.errors.length ? `${found.errors.length} ${found.errors.length > 1 ? "errors" : "error"}` : "");
  at("messages").replaceChildren(...found.errors.map(message), ...found.notes.map(message));
  at("train").disabled = found.errors.length > 0 || !found.summary;
  at("epochs").placeholder = found.epochs ?? "";
  const rows = found.lines.map((line) => make("tr", {}, ...[line.line, line.shape, line.parameters.toLocaleString("en"), line.flops.toLocaleString("en")].map((cell) => make("td", {}, String(cell)))));
  at("layers").tBodies[0].replaceChildren(...rows);
  if (found.data && !at("data-name").value) at("data-name").value = found.data;
  if (!at("network").hidden) drawing();
  document.documentElement.dataset.checked = String(mine);
}

function message(found) {
  const item = make("li", { className: found.severity === "note" ? "note" : "" });
  if (found.line !== null) {
    item.append(make("button", { type: "button", className: "place", onclick: () => writes.go(found.line, found.column) }, `line ${found.line}`), " ");
  }
  item.append(make("span", {}, found.message));
  if (found.code) item.append(make("span", { className: "soft" }, ` ${found.code}`));
  if (found.notes.length) item.append(make("div", { className: "more" }, found.notes.join("\n")));
  if (found.fix) item.append(make("div", { className: "more" }, found.fix));
  if (found.edit) {
    item.append(make("button", { type: "button", className: "fix", onclick: () => writes.apply(found.edit) }, `Write ${found.edit.text}`));
  }
  return item;
}

let draws = 0;
async function drawing() {
  const text = writes.text();
  if (text === drawn || !facts || facts.errors.length) return;
  const mine = ++draws;
  const found = await trying(() => post("api/drawing", { text }));
  if (!found || mine !== draws || !found.svg) return;
  drawn = text;
  at("drawing").replaceChildren(make("img", { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(found.svg)}`, alt: "The network, drawn; its layers are in the table below" }));
}

async function save() {
  if (await trying(() => post("api/save", { text: writes.text() }))) at("saved").textContent = "saved";
}

// --- data ----------------------------------------------------------------------------------------------------------

async function look(name) {
  looked = name;
  at("data-name").value = name;
  at("data-shown").replaceChildren(make("p", { className: "soft" }, "reading …"));
  const found = await trying(() => post("api/look", { data: name }));
  const parts = [];
  if (found?.text) parts.push(make("pre", {}, found.text));
  if (found?.picture) parts.push(make("img", { src: found.picture, alt: `examples of ${name}` }));
  at("data-shown").replaceChildren(...parts);
}

at("look").addEventListener("submit", (event) => { event.preventDefault(); look(at("data-name").value.trim()); });

// --- training ------------------------------------------------------------------------------------------------------

async function train() {
  const given = at("epochs").value;
  const started = await trying(() => post("api/train", { text: writes.text(), epochs: given ? Number(given) : null }));
  if (!started) return;
  at("saved").textContent = "saved";
  open(at("tab-training"));
}

function state(text, running) {
  at("state").textContent = text;
  at("stop").disabled = !running;
  at("train").hidden = running;
}

function listen() {
  const stream = new EventSource("api/events");
  stream.addEventListener("message", (sent) => event(JSON.parse(sent.data)));
}

let redraws = 0;
function redraw() {
  if (redraws) return;
  redraws = setTimeout(() => {
    redraws = 0;
    const own = events.length ? [{ name: "now", charts: linesOf(events) }] : [];
    drawCurves(at("curves"), [...own, ...[...others].map(([name, charts]) => ({ name, charts }))], Number(at("smoothing").value));
  }, 150);
}

function event(one) {
  switch (one.event) {
    case "begin":
      events = [];
      at("epoch-table").replaceChildren();
      if (one.number) state(one.running ? "starting …" : "", one.running);
      redraw();
      return;
    case "started":
      epochs = one.epochs;
      state(`training on ${one.dataset}: ${one.train.toLocaleString("en")} ${one.reads}`, true);
      at("progress").max = one.epochs * one.steps_per_epoch;
      if (one.folder) run = one.folder.replace(/^runs\//, "");
      runs();
      break;
    case "notice":
      say(one.text);
      break;
    case "step":
      at("progress").value = one.step;
      at("state").textContent = `epoch ${one.epoch} of ${epochs}, ${Math.round(one.examples_per_second).toLocaleString("en")} examples a second`;
      break;
    case "epoch":
      at("progress").value = one.step;
      epochRow(one);
      runs().then(() => { if (!at("try").hidden) choose(run); else retry(); });
      break;
    case "failed":
      say(one.text);
      break;
    case "finished":
      state(`done in ${one.result.seconds.toFixed(0)} s`, false);
      break;
    case "ended":
      state(one.stopped ? "stopped and saved: it can be gone on with" : one.code ? "ended by an error" : at("state").textContent, false);
      runs();
      break;
  }
  if (one.event === "step" || one.event === "epoch") { events.push(one); redraw(); }
}

function percent(value) { return typeof value === "number" ? `${(100 * value).toFixed(2)} %` : ""; }

function epochRow(one) {
  const table = at("epoch-table");
  if (!table.rows.length) {
    table.append(make("thead", {}, make("tr", {}, ...["epoch", "train loss", "test loss", "test accuracy", "seconds"].map((name) => make("th", { scope: "col", className: "num" }, name)))), make("tbody"));
  }
  const cells = [one.epoch, one.train_loss?.toFixed(4), one.test_loss?.toFixed(4), percent(one.test_accuracy), one.seconds.toFixed(1)];
  table.tBodies[0].append(make("tr", {}, ...cells.map((cell) => make("td", { className: "num" }, String(cell ?? "")))));
}

async function runs() {
  const found = await trying(() => get("api/runs"));
  if (!found) return;
  const head = make("thead", {}, make("tr", {}, ...["", "run", "state", "data", "epochs", "accuracy", "loss", ""].map((name) => make("th", { scope: "col" }, name))));
  const body = make("tbody", {}, ...found.runs.toReversed().map((each) => {
    const box = make("input", { type: "checkbox", checked: others.has(each.name), ariaLabel: `curves of ${each.name}` });
    box.addEventListener("change", () => compare(each.name, box.checked));
    const resume = make("button", { type: "button", onclick: () => trying(() => post("api/resume", { run: each.name })) }, "Go on");
    const cells = [box, each.name, each.state, each.data, `${each.done}${each.epochs ? ` of ${each.epochs}` : ""}`, percent(each.accuracy), each.loss?.toFixed(4) ?? "", each.state === "stopped" && !found.training ? resume : ""];
    return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
  }));
  at("runs").replaceChildren(head, body);
  const usable = found.runs.filter((each) => each.done > 0).map((each) => each.name).toReversed();
  if (!usable.includes(run)) run = usable[0] ?? "";
  at("run").replaceChildren(...usable.map((name) => make("option", { value: name, selected: name === run }, name)));
}

async function compare(name, shown) {
  if (!shown) others.delete(name);
  else {
    const found = await trying(() => get(`api/metrics?run=${encodeURIComponent(name)}`));
    if (found) others.set(name, linesOf(found.records));
  }
  redraw();
}

// --- begin ---------------------------------------------------------------------------------------------------------

async function begin() {
  const [kept, words] = await Promise.all([get("api/state"), get("api/words")]);
  at("file").textContent = kept.file;
  document.title = `${kept.file} – netspec studio`;
  for (const [name, title] of Object.entries(words.datasets)) at("datasets").append(make("option", { value: name }, title));
  writes = editor(at("editor"), kept.text, words, check);
  writes.cm.addKeyMap({ "Ctrl-S": save, "Cmd-S": save, "Ctrl-Enter": () => { if (!at("train").disabled) train(); } });
  at("save").addEventListener("click", save);
  at("train").addEventListener("click", train);
  at("stop").addEventListener("click", () => { state("stopping …", true); trying(() => post("api/stop", {})); });
  at("smoothing").addEventListener("input", redraw);
  at("run").addEventListener("change", () => { run = at("run").value; choose(run); });
  await check(kept.text);
  at("saved").textContent = kept.saved ? "saved" : "not saved";
  await runs();
  open(at(sessionStorage.getItem("tab")) ?? tabs[0]);
  listen();
  document.documentElement.dataset.ready = "true";
}

trying(begin);
