"""Pictures of how a model does on a part of a dataset: confusion, mistakes, numbers against numbers, examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netspec import report
from netspec.data.types import Arrays, Split, by_array
from netspec.diagnostics.diagnostic import DataError, NetspecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import GraphOutput
from netspec.recipe.metrics import Task
from netspec.report.pixels import displayable
from netspec.training.scores import task_of
from netspec.workflows.learned_data import ALL
from netspec.workflows.predictions import Evaluation, class_names, number_names
from netspec.workflows.shown import Pictures, as_pictures, is_drawn
from netspec.workflows.trained import Run

if TYPE_CHECKING:
    from netspec.workflows.pictures import Request

__all__ = [
    "Answers",
    "answers_of",
    "asked_output",
    "draw_confusion",
    "draw_examples",
    "draw_mistakes",
    "draw_roc",
    "draw_scatter",
    "first_of",
    "title_of",
]

_EXAMPLES, _POINTS = 24, 5000
"""Examples that are drawn, and points of a scatter plot."""


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """One output of a model, and a part of a dataset.

    Attributes:
        run: the model.
        output: which output.
        dataset: the name of the dataset.
        part: its examples.
        task: what the output says; None where it is compared with what no metric is for.
        split: the name of the part.
    """

    run: Run
    output: GraphOutput
    dataset: str
    part: Split
    task: Task | None
    split: str

    @property
    def targets(self) -> NDArray[Any]:
        """The targets of this output."""
        targets = self.part.labels
        return targets[self.output.target] if isinstance(targets, Mapping) else targets

    @property
    def several(self) -> bool:
        """Whether the model has other outputs too."""
        return len(self.run.model.graph.outputs) > 1

    @property
    def at_positions(self) -> bool:
        """Whether the output says something at each position, and nothing of an example as a whole."""
        return math.prod(self.run.model.graph.shape(self.output.index)[1:]) > 1

    def classes(self, count: int) -> tuple[str, ...]:
        """Return the names of the classes or labels of this output, of which there are so many at least."""
        labels = self.run.output_labels.get(self.output.name, ()) if self.several else self.run.labels
        return class_names(labels, count)

    def numbers(self, count: int) -> list[str]:
        """Return the names of the numbers of this output: those of the columns of a table, where it learned them."""
        columns = () if self.several else self.run.learned_columns
        return number_names(columns, self.output.name if self.several else "output", count)

    def given(self, count: int) -> NDArray[Any]:
        """Return what the model gives for the first examples: probabilities of classes, or its outputs."""
        images = first_of(self.part.images, count)
        run = self.run
        made = run.outputs(images) if run.network.reconstructs or self.task == "numbers" else run.probabilities(images)
        return made[self.output.name] if isinstance(made, Mapping) else made


def first_of(arrays: Arrays, count: int) -> Arrays:
    """Return the first of some examples."""
    return by_array(lambda array: np.asarray(array[:count]), arrays)


def answers_of(r: Request) -> Answers:
    """Return the output that is asked for and the part of the data; raises NetspecError where there is no such one."""
    run = r.model
    output = asked_output(run, r)
    dataset = run.dataset(r.data)
    part, split = run.asked_part(dataset, r.split, other=r.data is not None)
    targets = part.labels[output.target] if isinstance(part.labels, Mapping) else part.labels
    task = None if run.network.reconstructs else task_of(run.network, run.model.graph.only(output), targets)
    return Answers(run, output, Path(dataset.name).name, part, task, split)


def asked_output(run: Run, r: Request) -> GraphOutput:
    """Return the output that is asked for; raises NetspecError where there is no such one, or none of several named."""
    outputs = {output.name: output for output in run.model.graph.outputs}
    if r.output is None:
        if len(outputs) == 1:
            return next(iter(outputs.values()))
        names = listing(list(outputs), "and")
        fix = f"say which this picture is of: --output {next(iter(outputs))}"
        raise DataError(f"{run.file} gives several outputs, {names}", fix)
    if len(outputs) == 1:
        raise DataError(f"{run.file} gives one output", "leave --output out")
    if r.output not in outputs:
        near = nearest(r.output, outputs)
        fix = f"did you mean {near}?" if near else f"there are {listing(list(outputs), 'and')}"
        raise NetspecError(f"{run.file} has no output {r.output!r}", fix)
    return outputs[r.output]


def _other(answers: Answers, r: Request, picture: str) -> str:
    """Return the command that draws another picture of the same output."""
    return f"`netspec plot {r.run} {picture}{f' --output {answers.output.name}' if answers.several else ''}`"


def title_of(answers: Answers) -> str:
    """Return what a picture is headed with: the model, the output, and the part of the data."""
    of = f", {answers.output.name}" if answers.several else ""
    return f"{answers.run.network.name}{of} on {answers.dataset}" + {"test": "", ALL: ", all of it"}.get(
        answers.split, f", {answers.split} set"
    )


def draw_confusion(r: Request) -> Path:
    """Draw which classes are taken for which; of several labels at once, how each of them does."""
    answers = answers_of(r)
    if answers.task == "labels":
        found = answers.given(len(answers.part)) > 0.5
        names = answers.classes(found.shape[1])
        return report.draw_labels(answers.targets > 0.5, found, names, r.out, title=title_of(answers))
    evaluated = _of_classes(answers, r)
    return report.draw_confusion(evaluated.confusion, evaluated.labels, r.out, title=title_of(answers))


def _of_classes(answers: Answers, r: Request) -> Evaluation:
    """Return how an output does that names classes; raises DataError for another."""
    run = answers.run
    if run.network.reconstructs:
        raise DataError(
            f"{run.file} gives its input again, not classes",
            f"{_other(answers, r, 'examples')} draws both side by side",
        )
    if answers.task == "numbers":
        fix = f"{_other(answers, r, 'scatter')} draws them against the true ones"
        raise DataError(f"{run.file} gives numbers, not classes", fix)
    found = run.evaluate(r.data, split=r.split)
    found = found.outputs[answers.output.name] if answers.several else found
    if not found.labels:
        what = "several labels at once" if answers.task == "labels" else "no classes"
        fix = f"{_other(answers, r, 'confusion')} shows how each label does"
        loss = f"`netspec plot {r.run} curves` draws its loss"
        raise DataError(f"{run.file} gives {what}", fix if answers.task == "labels" else loss)
    return found


def draw_roc(r: Request) -> Path:
    """Draw the ROC curves of the classes or labels, and precision against recall."""
    answers = answers_of(r)
    run = answers.run
    if answers.task == "labels":
        scores = answers.given(len(answers.part))
        true = answers.targets > 0.5
        return report.draw_roc(true, scores, answers.classes(scores.shape[1]), r.out, title=title_of(answers))
    found = _of_classes(answers, r)
    if not found.probable or not len(found.true):
        what = "a class at each position" if answers.at_positions else "no probabilities"
        raise DataError(f"{run.file} gives {what}", f"{_other(answers, r, 'confusion')} shows how it does")
    true = found.true[:, None] == np.arange(found.scores.shape[1])
    names, scores = list(found.labels), found.scores
    if len(names) == 2:
        # The curve of the first class is that of the second, mirrored.
        names, true, scores = names[1:], true[:, 1:], scores[:, 1:]
    return report.draw_roc(true, scores, names, r.out, title=title_of(answers))


def draw_mistakes(r: Request) -> Path:
    """Draw the examples that a model is most surely wrong about."""
    answers = answers_of(r)
    run = answers.run
    confusion = f"{_other(answers, r, 'confusion')} shows which classes are taken for which"
    if len(run.network.inputs) > 1:
        raise DataError(f"{run.file} reads several inputs: its mistakes are no pictures", confusion)
    if run.network.tokens or len(run.image_shape) == 1:
        reads = "token numbers" if run.network.tokens else "rows of numbers"
        raise DataError(f"{run.file} reads {reads}, not images: its mistakes cannot be drawn", confusion)
    found = _of_classes(answers, r)
    if not len(found.predicted):
        fix = f"{_other(answers, r, 'examples')} draws what is true and what is predicted"
        raise DataError(f"{run.file} gives a class at each position: no example is a mistake as a whole", fix)
    shape = run.image_shape
    images = answers.part.images
    images = images[run.network.inputs[0].name] if isinstance(images, Mapping) else images
    # Images that are streamed are read when they are drawn anyway.
    made = Pictures if run.network.reads_sounds else as_pictures
    return report.draw_mistakes(
        made(run.network, images, shape),
        answers.targets,
        found.predicted,
        found.probability,
        found.labels,
        r.out,
        title=f"{title_of(answers)}: most confident mistakes",
        probable=found.probable,
    )


def draw_scatter(r: Request) -> Path:
    """Draw the numbers that a model gives against the true ones."""
    answers = answers_of(r)
    run = answers.run
    if answers.task != "numbers":
        again = run.network.reconstructs
        fix = f"{_other(answers, r, 'examples' if again else 'confusion')} draws how it does"
        raise DataError(f"{run.file} gives {'its input again' if again else 'no numbers'}", fix)
    given = answers.given(_POINTS)
    count = len(given)
    true = np.asarray(answers.targets[:count]).reshape(count, -1)
    given, true = (run.in_units(values, answers.output.name) for values in (given.reshape(true.shape), true))
    names = answers.numbers(true.shape[1])
    return report.draw_scatter(true, given, names, r.out, title=title_of(answers))


def draw_examples(r: Request) -> Path:
    """Draw the first examples: what goes in, what is true, and what a model gives."""
    answers = answers_of(r)
    run = answers.run
    shown = _inputs(answers)
    if not shown:
        raise DataError(
            f"{run.file} reads no images: its examples cannot be drawn",
            f"{_other(answers, r, 'scatter' if answers.task == 'numbers' else 'confusion')} shows how it does",
        )
    given = answers.given(_EXAMPLES)
    count = len(given)
    captions = [""] * count
    if len(run.model.graph.shape(answers.output.index)) in {3, 4} or run.network.reconstructs:
        shown += _pictures_of(answers, given)
    else:
        captions = _captions(answers, given)
    subtitle = f"the first {count} of {len(answers.part):,} examples" + (": true → predicted" if any(captions) else "")
    return report.draw_examples(shown, captions, r.out, title=title_of(answers), subtitle=subtitle)


def _inputs(answers: Answers) -> list[report.Column]:
    """Return the inputs that are images."""
    network = answers.run.network
    images = first_of(answers.part.images, _EXAMPLES)
    if not isinstance(images, Mapping):
        shape = network.image_shape
        is_image = is_drawn(network) and len(shape) > 1
        return [report.Column(network.inputs[0].name, as_pictures(network, images, shape))] if is_image else []
    return [
        report.Column(given.name, as_pictures(network, images[given.name], given.shape))
        for given in network.inputs
        if len(given.shape) == 3
    ]


def _pictures_of(answers: Answers, given: NDArray[Any]) -> list[report.Column]:
    """Return what is true and what is given at each position, as pictures."""
    count = len(given)
    if answers.run.network.reconstructs:
        network = answers.run.network
        return [report.Column("given again", as_pictures(network, given, network.image_shape))]
    true = np.asarray(answers.targets[:count])
    if given.ndim == 5:
        # Of a volume the middle slice, of which there is one a channel, or one of labels.
        true, given = (values[..., values.shape[-3] // 2, :, :] for values in (true, given))
    if answers.task in {"classes", "two classes"}:
        true = true.argmax(axis=1) if true.ndim == 4 and true.shape[1] > 1 else true.reshape(count, *given.shape[2:])
        pairs = [("true", true), ("predicted", given.argmax(axis=1))]
        return [report.Column(name, report.mask_colors(labels), colored=True) for name, labels in pairs]
    # One range for both, so that equal values look equal.
    both = displayable(np.concatenate([true.reshape(given.shape), given]).astype(np.float32))
    return [
        report.Column("true", both[:count], colored=True),
        report.Column("predicted", both[count:], colored=True),
    ]


def _captions(answers: Answers, given: NDArray[Any]) -> list[str]:
    """Return `true → predicted` of each example."""
    true = np.asarray(answers.targets[: len(given)])
    rows = given.reshape(len(given), -1)
    if answers.task == "numbers":
        in_units = (answers.run.in_units(each, answers.output.name) for each in (true.reshape(rows.shape), rows))
        pairs = zip(*in_units, strict=True)
        return [f"{_numbers(t)} → {_numbers(p)}" for t, p in pairs]
    if given.ndim > 2 or answers.task is None:
        return [""] * len(given)
    names = answers.classes(given.shape[1])
    if answers.task == "labels":
        return [f"{_named(t, names)} → {_named(p, names)}" for t, p in zip(true, given, strict=True)]
    true = true.argmax(axis=1) if true.ndim == 2 and true.shape[1] > 1 else true.reshape(-1).astype(np.int64)
    return [f"{names[t]} → {names[p]}" for t, p in zip(true, given.argmax(axis=1), strict=True)]


def _numbers(row: NDArray[Any]) -> str:
    return ", ".join(f"{value:.3g}" for value in row[:4]) + (", …" if len(row) > 4 else "")


def _named(row: NDArray[Any], names: Sequence[str]) -> str:
    return ", ".join(name for name, value in zip(names, row, strict=True) if value > 0.5) or "none"
