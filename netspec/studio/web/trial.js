// Trying a model: a pad to draw on, a picture, a text or a row, and what the model makes of it.
/* global short */

import { get, make, send, trying } from "./api.js";

const given = document.getElementById("given");
const answer = document.getElementById("answer");
const insight = document.getElementById("insight");
let run = "", kind = "", last = null, waiting = false, again = false;

/** Show what a run's model takes; the same kind of example stays. */
export async function choose(name) {
  run = name;
  if (!run) {
    kind = "";
    given.replaceChildren(make("p", { className: "soft" }, "Train first: after the first epoch there is a model to try."));
    answer.replaceChildren();
    insight.replaceChildren();
    return;
  }
  const reads = await trying(() => get(`api/reads?run=${encodeURIComponent(run)}`));
  if (!reads) return;
  const wanted = JSON.stringify(reads);
  if (wanted !== kind) {
    kind = wanted;
    last = null;
    answer.replaceChildren();
    insight.replaceChildren();
    given.replaceChildren(({ picture, text, row, array })[reads.kind](reads));
  }
  retry();
}

/** Ask again about the last example: the model may know more by now. */
export function retry() { if (last && run) ask(last.body, last.type); }

async function ask(body, type) {
  last = { body, type };
  if (waiting) { again = true; return; }
  waiting = true;
  const found = await trying(() => send(`api/answer?run=${encodeURIComponent(run)}`, body, type));
  waiting = false;
  if (found) show(found);
  if (again) { again = false; ask(last.body, last.type); }
}

// --- what is given -------------------------------------------------------------------------------------------------

function picture() {
  const pad = make("canvas", { className: "pad", width: 280, height: 280, tabIndex: 0 });
  pad.setAttribute("aria-label", "Draw here with the mouse or a finger; or choose a picture");
  const ink = pad.getContext("2d");
  const clear = () => { ink.fillStyle = "#fff"; ink.fillRect(0, 0, 280, 280); };
  clear();
  ink.lineCap = ink.lineJoin = "round";
  ink.lineWidth = 20;
  let draws = false, waits = 0;
  const at = (event) => {
    const bounds = pad.getBoundingClientRect();
    return [((event.clientX - bounds.left) / bounds.width) * 280, ((event.clientY - bounds.top) / bounds.height) * 280];
  };
  const soon = () => { clearTimeout(waits); waits = setTimeout(() => pad.toBlob((blob) => ask(blob, "image/png"), "image/png"), 60); };
  pad.addEventListener("pointerdown", (event) => {
    draws = true;
    pad.setPointerCapture(event.pointerId);
    ink.strokeStyle = "#000";
    ink.beginPath();
    ink.moveTo(...at(event));
    ink.lineTo(...at(event));
    ink.stroke();
    soon();
  });
  pad.addEventListener("pointermove", (event) => {
    if (!draws) return;
    ink.lineTo(...at(event));
    ink.stroke();
    soon();
  });
  for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, () => { draws = false; });
  const wipe = make("button", { type: "button", onclick: () => { clear(); last = null; answer.replaceChildren(); insight.replaceChildren(); } }, "Clear");
  const shown = make("img", { alt: "the picture that was given", hidden: true, width: 140 });
  const drop = fileBox("Or drop a picture here: ", "image/*", (file) => {
    shown.src = URL.createObjectURL(file);
    const reader = new FileReader();
    reader.onload = () => { shown.src = reader.result; shown.hidden = false; };
    reader.readAsDataURL(file);
    ask(file, file.type || "application/octet-stream");
  });
  return make("div", { className: "given" }, make("div", {}, pad, make("p", { className: "row" }, wipe)), make("div", {}, drop, shown));
}

function fileBox(text, accept, take) {
  const input = make("input", { type: "file", accept });
  input.setAttribute("aria-label", text);
  const box = make("div", { className: "drop" }, make("div", {}, text), input);
  input.addEventListener("change", () => { if (input.files[0]) take(input.files[0]); });
  box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  return box;
}

function text() {
  const area = make("textarea", { placeholder: "Type a text" });
  area.setAttribute("aria-label", "The text");
  let waits = 0;
  area.addEventListener("input", () => {
    clearTimeout(waits);
    waits = setTimeout(() => { if (area.value.trim()) ask(area.value, "text/plain"); }, 250);
  });
  return area;
}

function row(reads) {
  const form = make("form", { className: "fields" });
  for (const column of reads.columns) {
    const options = column.kind === "boolean" ? ["0", "1"] : column.levels;
    const field = options.length
      ? make("select", { name: column.name }, make("option", { value: "" }, "(missing)"), ...options.map((each) => make("option", { value: each }, each)))
      : make("input", { name: column.name, autocomplete: "off", inputMode: column.kind === "number" ? "decimal" : "text" });
    form.append(make("label", {}, column.name, field));
  }
  const tell = () => {
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value === "" ? null : value]));
    if (Object.values(values).some((value) => value !== null)) ask(JSON.stringify([values]), "application/json");
  };
  form.addEventListener("input", tell);
  form.addEventListener("submit", (event) => { event.preventDefault(); tell(); });
  return form;
}

function array(reads) {
  const shapes = reads.shape.map((shape) => shape.join("x")).join(" and ");
  return fileBox(`A file of examples, ${shapes} each: .npy, or .npz for several inputs`, ".npy,.npz", (file) => ask(file, "application/octet-stream"));
}

// --- what is answered ----------------------------------------------------------------------------------------------

function show(found) {
  answer.replaceChildren(...(found.answer.outputs && !Array.isArray(found.answer.outputs)
    ? Object.entries(found.answer.outputs).map(([name, each]) => make("div", {}, make("h3", {}, name), ...said(each)))
    : said(found.answer)), ...found.notes.map((note) => make("p", { className: "soft" }, note)));
  const figures = [];
  if (found.saliency) figures.push(figure(found.saliency, "what the answer hangs on"));
  for (const layer of found.layers) {
    const more = layer.more ? `, +${layer.more} more` : "";
    figures.push(figure(layer.picture, `${layer.name} ${layer.shape.join("x")}${more}`));
  }
  insight.replaceChildren(...figures);
}

function figure(source, caption) {
  return make("figure", {}, make("img", { src: source, alt: caption }), make("figcaption", {}, caption));
}

function said(facts) {
  if (facts.top) {
    const first = facts.labels ? facts.labels.join(", ") || "none" : facts.label;
    const bars = make("div", { className: "bars" });
    facts.top.forEach((each) => {
      const percent = `${(100 * each.probability).toFixed(1)} %`;
      const style = each.label === facts.label ? "name first" : "name";
      bars.append(make("span", { className: style }, each.label), make("meter", { min: 0, max: 1, value: each.probability, ariaLabel: each.label }), make("span", {}, percent));
    });
    return [make("div", { className: "big" }, String(first)), bars];
  }
  if (facts.positions) {
    return [make("p", {}, Object.entries(facts.positions).map(([name, share]) => `${name}: ${(100 * share).toFixed(1)} %`).join(", "))];
  }
  return [make("div", { className: "big" }, facts.outputs.slice(0, 12).map(short).join(", "))];
}
