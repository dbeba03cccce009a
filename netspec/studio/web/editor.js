// The editor: colors, completion, errors in their places, and the shape that each line gives.
/* global CodeMirror */

import { make } from "./api.js";

CodeMirror.defineMode("netspec", () => ({
  startState: () => ({ begins: true }),
  token(stream, state) {
    if (stream.sol()) state.begins = true;
    if (stream.eatSpace()) return null;
    if (stream.match(/#.*/)) return "comment";
    if (stream.match(/"[^"]*"?/)) { state.begins = false; return "string"; }
    if (stream.match(/[;{}]/)) { state.begins = true; return null; }
    if (stream.match(/\d[\d.]*(x\d+)*(e[+-]?\d+)?[kM%]?/)) { state.begins = false; return "number"; }
    if (stream.match(/[^\W\d]\w*/u)) { const first = state.begins; state.begins = false; return first ? "command" : "variable"; }
    stream.next();
    state.begins = false;
    return null;
  },
  lineComment: "#",
}));

/**
 * Return an editor in a box. `changed` is called with the text soon after it has changed, and `stands` with what the
 * word at the cursor means.
 */
export function editor(box, text, words, changed, stands) {
  const cm = CodeMirror(box, {
    value: text, mode: "netspec", lineNumbers: true, lineWrapping: true, tabSize: 2, indentUnit: 2, viewportMargin: Infinity,
    inputStyle: "contenteditable",
    // The tabulator leads on to the next control, as on any page.
    extraKeys: { Tab: false, "Shift-Tab": false, "Ctrl-Space": () => complete(cm, words, true) },
  });
  cm.getInputField().setAttribute("aria-label", "The spec");
  let waits = 0;
  cm.on("change", () => { clearTimeout(waits); waits = setTimeout(() => changed(cm.getValue()), 25); });
  cm.on("inputRead", (_, change) => { if (/^[\w]$/.test(change.text[0])) complete(cm, words, false); });
  cm.on("cursorActivity", () => stands(meaning(cm, words)));
  let marks = [], waiting = 0;

  function show(facts) {
    clearTimeout(waiting);
    // What the keyboard of a phone types is read from the page after a while; lines that are drawn anew would lose it.
    const input = cm.display.input;
    if (input.composing || input.readDOMTimeout !== null) {
      waiting = setTimeout(() => show(facts), 50);
      return;
    }
    cm.operation(() => {
      for (const mark of marks) mark.clear();
      marks = [];
      for (const error of facts.errors) {
        if (error.line === null) continue;
        const line = error.line - 1;
        const last = error.end_line - 1;
        const end = last === line && error.end_column <= error.column ? error.column : error.end_column - 1;
        marks.push(cm.markText({ line, ch: error.column - 1 }, { line: last, ch: Math.max(end, error.column) }, { className: "wrong", title: error.message }));
      }
      for (const line of facts.lines) {
        if (line.line > cm.lineCount()) continue;
        const cost = line.parameters ? `${line.parameters.toLocaleString("en")}  ` : "";
        const shape = make("div", { className: "shape", ariaHidden: "true" }, `${cost}→ ${line.shape}`);
        // Not within the line: what a phone's keyboard types beside such an element is lost.
        marks.push(cm.addLineWidget(line.line - 1, shape));
      }
    });
  }

  function apply(edit) {
    cm.replaceRange(edit.text, { line: edit.line - 1, ch: edit.begin }, { line: edit.line - 1, ch: edit.end });
    cm.focus();
  }

  function go(line, column) {
    cm.setCursor({ line: line - 1, ch: Math.max(0, column - 1) });
    cm.scrollIntoView(null, 80);
    cm.focus();
  }

  /** Add a line at the end. */
  function add(line) {
    const last = cm.lineCount() - 1;
    cm.replaceRange(`${cm.getLine(last) ? "\n" : ""}${line}\n`, { line: last, ch: cm.getLine(last).length });
    cm.focus();
  }

  /** Show another text; what was typed before is not of it. */
  function replace(text) {
    cm.setValue(text);
    cm.clearHistory();
  }

  return { cm, show, apply, go, add, replace, text: () => cm.getValue() };
}

/** Return the words of the line up to the cursor: the command that is written, and the beginning of a word. */
function place(cm) {
  const cursor = cm.getCursor();
  const before = cm.getLine(cursor.line).slice(0, cursor.ch);
  if (/#/.test(before.replace(/"[^"]*"/g, ""))) return null;
  const command = before.split(/[;{}]/).pop();
  const begun = /[^\W\d]?\w*$/u.exec(before)[0];
  const first = command.trim().split(/\s+/)[0] ?? "";
  return { cursor, begun, first, begins: command.trim() === begun };
}

function complete(cm, words, asked) {
  if (cm.state.completionActive || !completions(cm, words, asked)) return;
  const none = () => ({ list: [], from: cm.getCursor(), to: cm.getCursor() });
  cm.showHint({ hint: () => completions(cm, words, asked) ?? none(), completeSingle: false, alignWithWord: true });
}

/** Return what may stand where the cursor is; null where nothing may, or the word is written already. */
function completions(cm, words, asked) {
  const at = place(cm);
  if (!at || (!asked && at.begun.length < 2)) return null;
  const fitting = candidates(at, words, cm.getValue()).filter((each) => each.text.startsWith(at.begun));
  // Enter begins a line behind a whole word, and does not make another one of it.
  if (!fitting.length || (!asked && fitting.some((each) => each.text === at.begun))) return null;
  const from = { line: at.cursor.line, ch: at.cursor.ch - at.begun.length };
  return { list: fitting.slice(0, 60), from, to: at.cursor };
}

/** Return what the word at the cursor means, `{word, written, text}`; null where it is none of the language. */
function meaning(cm, words) {
  const cursor = cm.getCursor(), line = cm.getLine(cursor.line);
  const range = [...line.matchAll(/[^\W\d]\w*/gu)].find((each) => each.index <= cursor.ch && cursor.ch <= each.index + each[0].length);
  const comment = /#/.exec(line.replace(/"[^"]*"/g, (text) => "_".repeat(text.length)));
  if (!range || (comment && comment.index < range.index)) return null;
  const word = range[0];
  const begins = !/[^\s]/.test(line.slice(0, range.index).split(/[;{}]/).pop());
  const said = (text) => ({ word, written: "", text });
  const known = begins ? words.layers[word] ?? words.commands[word] ?? words.blocks[word] : undefined;
  if (known) return { word, written: known.signature, text: known.summary };
  if (words.meanings[word]) return said(words.meanings[word]);
  return words.datasets[word] ? said(`the dataset ${words.datasets[word]}`) : null;
}

function candidates(at, words, text) {
  const shown = (name, about) => ({ text: name, render: (element) => element.append(name, make("small", {}, about || "")) });
  if (at.begins) {
    const own = [...text.matchAll(/^\s*block\s+(\w+)/gmu)].map((match) => shown(match[1], "a block of this spec"));
    const of = (group) => Object.entries(group).map(([name, each]) => shown(name, each.signature));
    const settings = ["train", "data"].filter((name) => inside(text, name)).flatMap((name) => words.settings[name].map((each) => shown(each, `a setting of ${name}`)));
    return [...settings, ...own, ...of(words.commands), ...of(words.layers), ...of(words.blocks)];
  }
  if (at.first === "data") return Object.entries(words.datasets).map(([name, title]) => shown(name, title));
  if (at.first === "add" || at.first === "from" || at.first === "concat") {
    return [...text.matchAll(/\bas\s+(\w+)/gu)].map((match) => shown(match[1], "a label"));
  }
  const kinds = { optimizer: "optimizers", schedule: "schedules", loss: "losses", init: "initializers" };
  const named = kinds[at.first] ? words.kinds[kinds[at.first]].map((name) => shown(name, at.first)) : [];
  const layer = words.layers[at.first];
  const own = layer ? layer.arguments.map((name) => shown(name, `of ${at.first}`)) : [];
  const activations = layer ? words.activations.map((name) => shown(name, "activation")) : [];
  return [...named, ...own, ...activations];
}

/** Return whether the text has a block of settings of that name. */
function inside(text, name) { return new RegExp(`\\b${name}\\b[^}]*\\{`, "u").test(text); }
