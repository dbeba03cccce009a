// The page: a spec is typed on the left; on the right it is drawn, its data shown, trained, and tried.

import { get, make, post, say, trying } from "./api.js";
import { openData } from "./data.js";
import { editor } from "./editor.js";
import { beginFiles, file, lastOpened, save } from "./files.js";
import { guide } from "./guide.js";
import { beginTraining, runs, train, training, want } from "./training.js";
import { choose, retry } from "./trial.js";

const at = (id) => document.getElementById(id);
const tabs = [...document.querySelectorAll("[role=tab]")];
let writes, facts = null, asked = 0, drawn = "", draws = 0;

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
  if (tab.id === "tab-data") openData(facts?.data, facts?.fallback);
  if (tab.id === "tab-try") runs().then(() => choose(training().run));
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

/** Open a view, and bring it into sight where it stands below the text. */
function show(id) {
  open(at(id));
  at("side").scrollIntoView({ block: "nearest" });
}

// --- what to do next -----------------------------------------------------------------------------------------------

const can = {
  train: async () => { if (await train(file(), writes.text())) { at("saved").textContent = "saved"; show("tab-training"); } },
  tryIt: () => {
    // A model of the file that is open, where it has one.
    const { run, running, usable } = training(), stem = file().replace(/\.net$/, "");
    const own = usable.filter((each) => each.spec === stem);
    if (!running && own.length && !own.some((each) => each.name === run)) want(own[0].name);
    show("tab-try");
  },
  watch: () => show("tab-training"),
  write: (line) => writes.add(line),
  example: async () => {
    writes.replace((await get("api/words")).starter);
    writes.cm.focus();
  },
};

function advise() { guide(facts, training(), file(), can, !writes.text().trim()); }

function changed(what) {
  advise();
  if (what !== "epoch") return;
  if (at("try").hidden) retry(); else choose(training().run);
}

// --- the spec ------------------------------------------------------------------------------------------------------

async function check(text) {
  const mine = ++asked;
  at("saved").textContent = "not saved";
  const found = await trying(() => post("api/check", { file: file(), text }));
  // An answer to what was typed before is late.
  if (!found || mine !== asked) return;
  facts = found;
  writes.show(found);
  at("summary").textContent = found.summary || (found.errors.length ? `${found.errors.length} ${found.errors.length > 1 ? "errors" : "error"}` : "");
  at("messages").replaceChildren(...found.errors.map(message), ...found.notes.map(message));
  at("train").disabled = found.errors.length > 0 || !found.summary || !found.data;
  at("train").title = at("train").disabled ? "The text has errors, or names no data: it says so below the text" : "";
  if (found.epochs) at("epochs").placeholder = found.epochs;
  const rows = found.lines.map((line) => make("tr", {}, ...[line.line, line.shape, line.parameters.toLocaleString("en"), line.flops.toLocaleString("en")].map((cell) => make("td", {}, String(cell)))));
  at("layers").tBodies[0].replaceChildren(...rows);
  if (!at("network").hidden) drawing();
  advise();
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

async function drawing() {
  const text = writes.text();
  if (text === drawn || !facts || facts.errors.length) return;
  const mine = ++draws;
  const found = await trying(() => post("api/drawing", { file: file(), text }));
  if (!found || mine !== draws || !found.svg) return;
  drawn = text;
  at("drawing").replaceChildren(make("img", { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(found.svg)}`, alt: "The network, drawn; its layers are in the table below" }));
}

async function keep() {
  if (await save(writes.text())) at("saved").textContent = "saved";
}

function means(word) {
  at("about").replaceChildren(...(word
    ? [make("b", {}, word.word), ...(word.written && word.written !== word.word ? [" is written ", make("code", {}, word.written)] : []), ": ", word.text]
    : ["Put the cursor on a word, and here it says what the word means. Ctrl-Space shows what may be written."]));
}

/** Show what has been opened in place of what was. */
async function opened(kept) {
  facts = null;
  writes.replace(kept.text);
  await check(kept.text);
  at("saved").textContent = kept.saved ? "saved" : "not saved";
}

// --- begin ---------------------------------------------------------------------------------------------------------

async function begin() {
  const [kept, words] = await Promise.all([lastOpened(), get("api/words")]);
  for (const [name, title] of Object.entries(words.datasets)) at("datasets").append(make("option", { value: name }, title));
  writes = editor(at("editor"), kept.text, words, check, means);
  writes.cm.addKeyMap({ "Ctrl-S": keep, "Cmd-S": keep, "Ctrl-Enter": can.train });
  beginFiles(kept, opened, () => writes.text());
  means(null);
  at("save").addEventListener("click", keep);
  at("train").addEventListener("click", can.train);
  at("run").addEventListener("change", () => { want(at("run").value); choose(training().run); });
  // A file that is let go beside a box for files would take the place of the page.
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
  await check(kept.text);
  at("saved").textContent = kept.saved ? "saved" : "not saved";
  await runs();
  open(at(sessionStorage.getItem("tab")) ?? tabs[0]);
  beginTraining(changed);
  document.documentElement.dataset.ready = "true";
}

begin().catch((error) => say(error.message));
