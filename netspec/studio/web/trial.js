// Trying a model: a pad to draw on, a picture, a sound, a text or a row, and what the model makes of it.
/* global short */

import { get, make, send, tell, trying } from "./api.js";

const given = document.getElementById("given");
const answer = document.getElementById("answer");
const insight = document.getElementById("insight");
const others = document.getElementById("others");
let run = "", kind = "", last = null, waiting = false, again = false, tells = 0;

function forget() {
  last = null;
  answer.replaceChildren();
  insight.replaceChildren();
}

function refuse(text) {
  clearTimeout(tells);
  answer.replaceChildren(make("p", { className: "wrong-box" }, text));
  insight.replaceChildren();
  tell(text);
}

/** Show what a run's model takes; the same kind of example stays. */
export async function choose(name) {
  run = name;
  if (!run) {
    kind = "";
    given.replaceChildren(make("p", { className: "soft" }, "Train first: after the first epoch there is a model to try."));
    others.replaceChildren();
    forget();
    return;
  }
  const reads = await trying(() => get(`api/reads?run=${encodeURIComponent(run)}`));
  if (!reads) return;
  const wanted = JSON.stringify(reads);
  if (wanted !== kind) {
    kind = wanted;
    others.replaceChildren();
    forget();
    given.replaceChildren(({ picture, sound, text, sentences, row, rows, array })[reads.kind](reads));
  }
  retry();
}

/** Ask again about the last example: the model may know more by now. */
export function retry() { if (last && run) ask(last.body, last.type); }

async function ask(body, type) {
  last = { body, type };
  if (waiting) { again = true; return; }
  waiting = true;
  try {
    show(await send(`api/answer?run=${encodeURIComponent(run)}`, body, type));
  } catch (error) {
    // The answer to what was given before is none to this.
    refuse(error.message.replace(/^the request: /, ""));
  }
  waiting = false;
  if (again) { again = false; ask(last.body, last.type); }
}

// --- what is given -------------------------------------------------------------------------------------------------

function picture() {
  const pad = make("canvas", { className: "pad", width: 280, height: 280, tabIndex: 0 });
  pad.setAttribute("role", "application");
  pad.setAttribute("aria-label", "Draw here: with the mouse or a finger; or with the arrow keys, where the space key puts the pen down and lifts it");
  const ink = pad.getContext("2d");
  const clear = () => { ink.fillStyle = "#fff"; ink.fillRect(0, 0, 280, 280); };
  clear();
  ink.lineCap = ink.lineJoin = "round";
  ink.lineWidth = 20;
  const shown = make("img", { alt: "the picture that was given", hidden: true, width: 140 });
  let draws = false, waits = 0;
  const at = (event) => {
    const bounds = pad.getBoundingClientRect();
    return [((event.clientX - bounds.left) / bounds.width) * 280, ((event.clientY - bounds.top) / bounds.height) * 280];
  };
  const soon = () => { clearTimeout(waits); waits = setTimeout(() => pad.toBlob((blob) => ask(blob, "image/png"), "image/png"), 60); };
  const down = (place) => {
    // Another answer than that to the picture is coming.
    shown.hidden = true;
    ink.strokeStyle = "#000";
    ink.beginPath();
    ink.moveTo(...place);
    to(place);
  };
  const to = (place) => {
    ink.lineTo(...place);
    ink.stroke();
    soon();
  };
  pad.addEventListener("pointerdown", (event) => {
    draws = true;
    pad.setPointerCapture(event.pointerId);
    down(at(event));
  });
  pad.addEventListener("pointermove", (event) => { if (draws) to(at(event)); });
  for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, () => { draws = false; });
  const pen = keys(pad, down, to);
  const wipe = make("button", { type: "button", onclick: () => { clearTimeout(waits); clear(); shown.hidden = true; forget(); } }, "Clear");
  const take = async (file) => {
    shown.hidden = true;
    const sent = await readable(file);
    if (!sent) return;
    const reader = new FileReader();
    reader.onload = () => { shown.src = reader.result; shown.hidden = false; };
    reader.readAsDataURL(sent);
    clearTimeout(waits);
    clear();
    ask(sent, sent.type);
  };
  others.replaceChildren(fileBox("Or choose a picture, or drop one here:", "image/*", take), shown);
  dropped(pad, take);
  return make("div", {}, make("p", { className: "soft" }, "Draw here, large (keys: arrows, space)."),
    make("div", { className: "sheet" }, pad, pen), make("p", { className: "row" }, wipe));
}

/** Let the arrow keys move a pen over the pad; returns the mark that shows where it is. */
function keys(pad, down, to) {
  const pen = make("span", { className: "pen", hidden: true, ariaHidden: "true" });
  let x = 140, y = 60, writes = false;
  const show = () => {
    pen.style.left = `${x / 2.8}%`;
    pen.style.top = `${y / 2.8}%`;
    pen.classList.toggle("down", writes);
  };
  pad.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[event.key];
    if (!moves && event.key !== " ") return;
    event.preventDefault();
    pen.hidden = false;
    if (moves) {
      [x, y] = [x + moves[0], y + moves[1]].map((place) => Math.min(270, Math.max(10, place)));
      if (writes) to([x, y]);
    } else {
      writes = !writes;
      if (writes) down([x, y]);
      tell(writes ? "the pen is down" : "the pen is lifted");
    }
    show();
  });
  pad.addEventListener("blur", () => { pen.hidden = true; writes = false; });
  return pen;
}

const MOST_BYTES = 7e6, MOST_PIXELS = 2000;

/** Return a picture as the studio reads it: PNG or JPEG of a moderate size; undefined, and says so, where it is none. */
async function readable(file) {
  if (["image/png", "image/jpeg"].includes(file.type) && file.size <= MOST_BYTES) return file;
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) {
    last = null;
    refuse(`${file.name} is no picture that the browser can read.\nChoose a .png or .jpg file.`);
    return undefined;
  }
  const factor = Math.min(1, MOST_PIXELS / Math.max(bitmap.width, bitmap.height));
  const sheet = make("canvas", { width: Math.max(1, Math.round(bitmap.width * factor)), height: Math.max(1, Math.round(bitmap.height * factor)) });
  sheet.getContext("2d").drawImage(bitmap, 0, 0, sheet.width, sheet.height);
  return new Promise((resolve) => { sheet.toBlob(resolve, "image/png"); });
}

/** Take a file that is let go over a box. */
function dropped(box, take) {
  box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}

function fileBox(text, accept, take) {
  const input = make("input", { type: "file", accept });
  input.setAttribute("aria-label", text);
  const box = make("div", { className: "drop" }, make("div", {}, text), input);
  input.addEventListener("change", () => { if (input.files[0]) take(input.files[0]); });
  dropped(box, take);
  return box;
}

function sound() {
  const take = (file) => { tell(`${file.name} is read`); ask(file, "audio/wav"); };
  return fileBox("Choose a sound (.wav, .flac, .mp3, .ogg …), or drop one here:", "audio/*,.wav,.flac,.mp3,.ogg,.opus,.aif,.aiff,.au", take);
}

function sentences() { return text({}, "Type a sentence on each line", "The sentences"); }

function text(reads, placeholder = "Type a text", label = "The text") {
  const area = make("textarea", { placeholder });
  area.setAttribute("aria-label", label);
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
  return make("div", {}, make("p", { className: "soft" }, "Fill in what you know: the answer follows."), form);
}

function rows(reads) {
  const label = `A table of ${reads.rows} rows or more, .csv, .tsv, .jsonl or .xlsx: the answer is that of the last row`;
  return fileBox(label, ".csv,.tsv,.jsonl,.xlsx,.xlsb,.xls,.ods", (file) => ask(file, "text/csv"));
}

function array(reads) {
  const shapes = reads.shape.map((shape) => shape.join("x")).join(" and ");
  return fileBox(`A file of examples, ${shapes} each: .npy, or .npz for several inputs`, ".npy,.npz", (file) => ask(file, "application/octet-stream"));
}

// --- what is answered ----------------------------------------------------------------------------------------------

function show(found) {
  // Read aloud only when a stroke is done.
  clearTimeout(tells);
  tells = setTimeout(() => tell(`answer: ${[...answer.querySelectorAll(".big")].map((each) => each.textContent).join(", ")}`), 700);
  answer.replaceChildren(...(found.answer.outputs && !Array.isArray(found.answer.outputs)
    ? Object.entries(found.answer.outputs).map(([name, each]) => make("div", {}, make("h3", {}, name), ...said(each)))
    : said(found.answer)), ...found.notes.map((note) => make("p", { className: "soft" }, note)));
  const figures = [];
  if (found.saliency) figures.push(figure(found.saliency, "what the answer depends on"));
  for (const layer of found.layers) {
    const more = layer.more ? `, +${layer.more} more` : "";
    figures.push(figure(layer.picture, `${layer.name} ${layer.shape.join("x")}${more}`));
  }
  const about = "What each layer makes of it, from the first to the last; the brighter, the larger the number.";
  insight.replaceChildren(make("p", { className: "soft" }, about), ...figures);
}

function figure(source, caption) {
  return make("figure", {}, make("img", { src: source, alt: caption }), make("figcaption", {}, caption));
}

function said(facts) {
  if (facts.sentences) return facts.sentences.slice(0, 50).map(labelled);
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

/** Return a sentence, each word above its label and how probable that is. */
function labelled(sentence) {
  const words = sentence.tokens.flatMap((token, i) => {
    const label = sentence.predicted[i], percent = `${(100 * sentence.probability[i]).toFixed(1)} %`;
    const below = label ? [make("small", {}, label), " ", make("small", {}, percent)] : [make("small", {}, "not read")];
    return [make("span", { className: label && label !== "O" ? "word named" : "word" }, token, " ", ...below), " "];
  });
  return make("p", { className: "big words" }, ...words);
}
