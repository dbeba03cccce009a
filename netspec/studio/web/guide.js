// One line that says what to do next, and a button that does it.

const at = (id) => document.getElementById(id);
let does = () => {};
at("go").addEventListener("click", () => does());

/**
 * Say what to do next.
 *
 * `facts` is what the text means, `known` what the training and the runs are, `can` the functions `train`, `tryIt`,
 * `watch`, `write` and `example`; `empty`, whether no text is there.
 */
export function guide(facts, known, file, can, empty) {
  const [text, label, action] = advice(facts, known, file, can, empty);
  // It is read aloud when it changes.
  if (at("next").textContent !== text) at("next").textContent = text;
  at("go").hidden = !label;
  at("go").textContent = label ?? "";
  does = action ?? (() => {});
}

function advice(facts, known, file, can, empty) {
  if (!known.alive) return ["The studio does not answer. If it has ended, start it again in the terminal, with “netspec studio”, and open the new address; copy what you have typed here before."];
  if (!facts) return [""];
  const learned = known.usable.some((each) => each.name === known.current);
  if (known.running) {
    return learned
      ? ["It is learning. Its model of the last epoch can be tried already.", "Try it", can.tryIt]
      : ["It is learning. After the first epoch its model can be tried.", "Watch it", can.watch];
  }
  if (empty) return ["There is no text yet. Begin with an example, and change it.", "Write the example", can.example];
  if (facts.errors.length) return ["Something in the text cannot be understood yet. Below the text it says what, where, and what would be right."];
  if (known.failed) return ["The last training has ended by an error. The view “Training” says which; mend it, and let it learn again.", "See why", can.watch];
  if (!facts.data) return ["This network has no data to learn from.", "Write “data digits”", () => can.write("data digits")];
  const own = file.replace(/\.net$/, "");
  if (known.usable.some((each) => each.spec === own || each.name.split("/")[0] === own)) {
    return ["It has learned. Give it something to answer; or change the text, and let it learn again in the view “Training”.", "Try it", can.tryIt];
  }
  return [`The text describes a network. Next, let it learn from the data ${facts.data}; the view “Data” shows them.`, "Train", can.train];
}
