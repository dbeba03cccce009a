// The view of data: what a dataset or a file of the folder holds, and a network that is written for it.

import { make, post, tell } from "./api.js";
import { listThings, take } from "./files.js";

const at = (id) => document.getElementById(id);
let looked = "", own = [], looks = 0;

/** Show the view; what the spec names is looked at, or what it names otherwise, unless something is already. */
export async function openData(named, otherwise) {
  own = await listThings(look);
  if (named && !looked) look(named, otherwise);
}

/** Show what some data holds, or, where they cannot be had, other data. */
async function look(name, otherwise) {
  const mine = ++looks;
  looked = name;
  at("data-name").value = name;
  at("write").hidden = at("data-wrong").hidden = true;
  at("data-shown").replaceChildren(make("p", { className: "soft" }, `reading ${name} …`));
  let found;
  try {
    found = await post("api/look", { data: name });
  } catch (error) {
    if (mine !== looks) return;
    if (otherwise) {
      await look(otherwise);
      at("data-shown").prepend(make("p", { className: "soft" }, `${name} cannot be had here. The text says “else ${otherwise}”, so it will learn from ${otherwise}.`));
    } else fail(error);
    return;
  }
  if (mine !== looks) return;
  const [first, ...rest] = found.text.split("\n");
  const parts = found.columns.length
    ? [make("p", {}, first), ...rest.filter((line) => line.startsWith("note: ")).map((line) => make("p", { className: "soft" }, line.slice(6))), make("div", { className: "scroll" }, columns(found.columns))]
    : [make("pre", {}, found.text)];
  if (found.picture) parts.push(make("img", { src: found.picture, alt: `${name}, drawn: what it holds is written above` }));
  at("data-shown").replaceChildren(...parts);
  at("target").replaceChildren(make("option", { value: "" }, "the likeliest column"), ...found.columns.map((each) => make("option", { value: each.column }, each.column)));
  at("target-label").hidden = !found.columns.length;
  at("write").hidden = !own.includes(name);
  tell(`${name} is shown`);
}

function fail(error) {
  at("data-shown").replaceChildren();
  at("data-wrong").textContent = error.message;
  at("data-wrong").hidden = false;
}

function columns(found) {
  const head = ["column", "kind", "missing", "different", "values"];
  const cells = (each) => [each.column, each.kind, each.missing || "", each.different ?? "", each.remark ? `${each.values} (${each.remark})` : each.values];
  return make("table", {}, make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...found.map((each) => make("tr", {}, ...cells(each).map((cell) => make("td", {}, String(cell)))))));
}

at("look").addEventListener("submit", (event) => { event.preventDefault(); look(at("data-name").value.trim()); });
at("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = at("write").querySelector("button");
  button.disabled = true;
  at("data-wrong").hidden = true;
  try {
    take(await post("api/new_for", { data: looked, target: at("target").value }));
  } catch (error) {
    at("data-wrong").textContent = error.message;
    at("data-wrong").hidden = false;
  }
  button.disabled = false;
});
