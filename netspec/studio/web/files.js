// The files of the folder: which is open, opening another, and beginning a new one.

import { get, make, post, say, tell, trying } from "./api.js";

const at = (id) => document.getElementById(id);
let name = "", opened = () => {}, text = () => "";

/** Return the name of the file that is open. */
export function file() { return name; }

/** Begin with what the studio has open; `then` is called with what is opened later, and `typed` returns the text. */
export function beginFiles(kept, then, typed) {
  opened = then;
  text = typed;
  show(kept);
  at("file").addEventListener("change", async () => {
    const found = await trying(() => post("api/open", { file: at("file").value }));
    if (found) take(found); else at("file").value = name;
  });
  at("new").addEventListener("click", () => {
    at("new-wrong").hidden = true;
    at("new-name").value = "";
    at("new-file").showModal();
  });
  at("new-close").addEventListener("click", () => at("new-file").close());
  at("new-file").querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const copy = at("new-text").value === "copy" ? { text: text() } : {};
    try {
      take(await post("api/new", { file: at("new-name").value, ...copy }));
      at("new-file").close();
    } catch (error) {
      at("new-wrong").textContent = error.message;
      at("new-wrong").hidden = false;
    }
  });
}

/** Return what this window had open before it was loaded anew, or else what the studio has open. */
export async function lastOpened() {
  const kept = await get("api/state"), mine = sessionStorage.getItem("file");
  return mine && mine !== kept.file && kept.files.includes(mine) ? post("api/open", { file: mine }) : kept;
}

/** Show what the studio has opened. */
export function take(kept) {
  show(kept);
  opened(kept);
  tell(`${kept.file} is open`);
}

function show(kept) {
  name = kept.file;
  // Each window has its own, also after a reload.
  sessionStorage.setItem("file", name);
  document.title = `${name} – netspec studio`;
  at("file").replaceChildren(...kept.files.map((each) => make("option", { value: each, selected: each === name }, each)));
}

/** Save a text into the open file; returns whether that went well. */
export async function save(content) {
  const saved = await trying(() => post("api/save", { file: name, text: content }));
  return Boolean(saved);
}

/** Show what of the folder can be learned from, as buttons; `look` is called with the name of one. */
export async function listThings(look) {
  const found = await get("api/files").catch((error) => { say(error.message); return null; });
  if (!found) return [];
  const here = found.folder ? `In the folder ${found.folder}: ` : "In the folder: ";
  at("things").replaceChildren(...(found.data.length
    ? [make("p", { className: "row" }, here, ...found.data.map((each) => make("button", { type: "button", onclick: () => look(each.name) }, each.name, make("small", {}, ` ${each.kind}`))))]
    : [make("p", { className: "soft" }, "To learn from data of your own, copy it into the folder ", make("code", {}, found.folder), ": a table (.csv), or a folder that has a folder of pictures for each class.")]));
  return found.data.map((each) => each.name);
}
