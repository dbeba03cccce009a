// Requests to the studio, and the one place that says what went wrong.

const toast = document.getElementById("toast");
let hides = 0;

/** Show a text at the lower edge for a while. */
export function say(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(hides);
  hides = setTimeout(() => { toast.hidden = true; }, 9000);
}

const told = document.getElementById("told");

/** Tell a screen reader what has happened. */
export function tell(text) { told.textContent = text; }

async function answer(response) {
  const found = await response.json().catch(() => ({ error: "the studio gave no answer", fix: "" }));
  if (!response.ok) throw new Error(found.fix ? `${found.error}\n${found.fix}` : found.error);
  return found;
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Error("the studio does not answer: does it still run in the terminal?");
  }
  return answer(response);
}

/** Return what a path answers. */
export function get(path) { return ask(path, {}); }

/** Return the answer to an object. */
export function post(path, value) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
}

/** Return the answer to a file or a text as it is. */
export function send(path, body, type) { return ask(path, { method: "POST", headers: { "Content-Type": type }, body }); }

/** Do something that may fail, and say why it did. */
export async function trying(work) {
  try {
    return await work();
  } catch (error) {
    say(error.message);
    return undefined;
  }
}

/** Return a new element. */
export function make(name, attributes = {}, ...inner) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in element && key !== "list") element[key] = value; else element.setAttribute(key, value);
  }
  element.append(...inner);
  return element;
}
