"""The report of runs: what a page shows of each, gathered from its folder, its model and its data."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from netspec import pages
from netspec.data.types import Dataset, Split
from netspec.describe.outline import outline
from netspec.diagnostics.diagnostic import NetspecError, RunError, plural
from netspec.drawing import draw, svg
from netspec.graph.graph import GraphOutput
from netspec.recipe.metrics import Task
from netspec.report.examples import mask_colors
from netspec.report.pixels import displayable, png_of
from netspec.runs import files
from netspec.system.files import atomic_write, kind_of, read_text
from netspec.training.scores import task_of
from netspec.workflows.evaluate import evaluate_split
from netspec.workflows.predictions import Evaluation, number_names
from netspec.workflows.report_mistakes import mistakes_of, sentences_of
from netspec.workflows.shown import as_pictures, is_drawn
from netspec.workflows.trained import Run

__all__ = ["page_at_the_end", "run_facts", "write_report"]

_BOXES = 60
"""Of a network of more layers its blocks are drawn as boxes."""
_EXAMPLES, _POINTS = 6, 1000
_STRIP = (576, 192)
"""Pixels of pictures beside their masks, at most: a page is sent by mail."""
_BINS = 10
_WRITES = 400
"""Tokens of what a language model writes."""
_MOST_FLOPS, _FEWEST = 5e10, 100
"""Of the page of a training that has just ended: what it may cost to look at the test set, and how few say nothing."""
_PIECE = 1024
"""Examples that are in memory at a time, where they are read from files."""


def write_report(runs: Sequence[Path], out: Path, device: str | None = None) -> Path:
    """Write a page of one run, or of several side by side, and return its path.

    Raises:
        NetspecError: a run cannot be read, or the file not be written.
    """
    if kind_of(out, RunError) == "folder":
        raise RunError(f"cannot write {out}: it is a folder", f"name a file, such as {out / 'report.html'}")
    text = pages.page([run_facts(folder, device) for folder in runs])
    try:
        atomic_write(out, text)
    except OSError as error:
        raise RunError(f"cannot write {out}: {error.strerror or error}", "choose another place with -o") from error
    return out


def page_at_the_end(folder: Path, dataset: Dataset, device: jax.Device) -> str:
    """Return the page of a run whose training has just ended, made within a few seconds.

    Args:
        folder: of the run.
        dataset: what it learned from.
        device: what computed.

    Raises:
        NetspecError: it cannot be made.
    """
    # One of several processes cannot look at it alone.
    shown = _Shown(dataset, _MOST_FLOPS if jax.process_count() == 1 else 0)
    return pages.page([run_facts(folder, device, shown)])


class _Shown(NamedTuple):
    """What the page of a training that has just ended shows: its dataset, and by how many FLOPs it may be looked at."""

    dataset: Dataset
    flops: float


def run_facts(folder: Path, device: str | jax.Device | None = None, shown: _Shown | None = None) -> pages.RunFacts:
    """Return what a page shows of a run folder.

    Args:
        folder: of the run.
        device: what computes.
        shown: the dataset, where it is loaded, and what may be spent on it; all that there is, otherwise.

    Raises:
        NetspecError: there is no run, or it is damaged.
    """
    if not (folder / files.MANIFEST).is_file():
        raise RunError(f"{folder} is no run folder: it has no {files.MANIFEST}", "name one, such as runs/lenet/001")
    manifest = files.read_manifest(folder)
    run = Run(folder, device)
    graph = run.model.graph
    rows = outline(run.network, graph)
    drawing = draw(run.network, graph, None if len(rows) <= _BOXES else 0)
    answers, notes = _answers(run, shown)
    records = run.metrics
    return pages.RunFacts(
        name=_name(folder),
        headline=_headline(run, manifest),
        spec=pages.spec_lines(_spec(folder), graph, {row.name: row.parameters for row in rows}, _counts(run)),
        drawing=svg(drawing),
        rows=[pages.Row(row.name, row.layer, row.shape, row.parameters, row.flops) for row in rows],
        series=pages.series_of(records),
        answers=answers,
        environment=_environment(manifest),
        repeat=[shlex.join(["netspec", "replay", str(folder)])],
        notes=notes,
    )


def _name(folder: Path) -> str:
    whole = folder.resolve()
    return f"{whole.parent.name}/{whole.name}" if whole.name.isdecimal() else whole.name


def _spec(folder: Path) -> str:
    try:
        return read_text(folder / "spec.net")
    except (OSError, NetspecError):
        return "# spec.net is not there any more"


def _counts(run: Run) -> dict[str, int]:
    """Return what `classes` and `tokens` stand for in the spec."""
    outputs = run.model.graph.outputs
    counts = {}
    if len(outputs) == 1 and run.labels:
        counts["classes"] = len(run.labels)
    tokens = next((i.tokens for i in run.network.inputs if i.tokens), None)
    if tokens:
        counts["tokens"] = tokens
    return counts


# --- figures ------------------------------------------------------------------------------------------------------


def _headline(run: Run, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    result = run.result or {}
    figures = []
    best = {key.removeprefix("best_"): value for key, value in result.items() if key.startswith("best_test")}
    for key, value in (best or {k: v for k, v in result.items() if k.startswith("test_")}).items():
        if isinstance(value, float):
            text = f"{100 * value:.2f} %" if key.endswith("accuracy") else f"{value:.4g}"
            figures.append((key.replace("_", " "), text))
    if "best_epoch" in result:
        figures.append(("best epoch", f"{result['best_epoch']} of {result.get('epochs', '?')}"))
    figures.append(("parameters", f"{run.model.graph.parameter_count:,}"))
    if isinstance(seconds := result.get("seconds"), float):
        figures.append(("trained for", _duration(seconds)))
    figures.append(("data", Path(str(manifest.get("dataset", "–"))).name))
    return figures


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _environment(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    said = [("begun (UTC)", str(manifest.get("begun", ""))[:16].replace("T", " "))]
    names = ("seed", "device", "platform", "processor", "cores", "python")
    said += [(name, str(manifest[name])) for name in names if manifest.get(name) is not None]
    packages = manifest.get("packages")
    if isinstance(packages, Mapping):
        said.append(("packages", ", ".join(f"{name} {version}" for name, version in packages.items())))
    said += [(name.replace("_", " "), str(manifest[name])) for name in manifest if name.endswith("_sha256")]
    return [(name, text) for name, text in said if text]


# --- answers ------------------------------------------------------------------------------------------------------


def _answers(run: Run, shown: _Shown | None) -> tuple[list[pages.Answers], list[str]]:
    """Return how each output does on the test set, and why there is nothing where there is nothing."""
    try:
        dataset = shown.dataset if shown else run.dataset()
        part = run.part(dataset, "test")
    except NetspecError as error:
        return [], [f"How well it does is not shown: {str(error).partition(chr(10))[0]}"]
    all_of_them, notes = len(part), list[str]()
    if shown:
        count = int(shown.flops // max(1, run.model.graph.flops))
        more = f"`netspec report {run.path}` looks at all examples"
        if count < min(all_of_them, _FEWEST):
            return [], [f"How well it does is not shown yet: {more}."]
        if count < all_of_them:
            part = part.take(np.unique(np.linspace(0, all_of_them - 1, count).astype(np.int64)))
            notes = [f"{more}; here are some, evenly spaced, so that the training ended sooner."]
    outputs = run.model.graph.outputs
    labels = run.output_labels if len(outputs) > 1 else run.labels
    found = evaluate_split(run.model, run.variables, dataset, part, name="test", labels=labels)
    which = f"the {plural(len(part), 'example')}" if not notes else f"{len(part):,} of {all_of_them:,} examples"
    said = f"On {which} of the test set of {Path(dataset.name).name}, with the best weights."
    most = shown.flops if shown else inf
    return [_answer(run, output, part, found.outputs.get(output.name, found), said, most) for output in outputs], notes


def _answer(run: Run, output: GraphOutput, part: Split, found: Evaluation, said: str, most: float) -> pages.Answers:
    several = len(run.model.graph.outputs) > 1
    targets = part.labels[output.target] if isinstance(part.labels, Mapping) else part.labels
    task = None if run.network.reconstructs else task_of(run.network, run.model.graph.only(output), targets)
    language = run.vocabulary is not None and not several
    classes = () if run.vocabulary else _classes(found)
    figures = [("loss", f"{found.loss:.4g}")]
    if found.accuracy is not None:
        figures.append(("accuracy", f"{100 * found.accuracy:.2f} %"))
    figures += [(name, f"{value:.4g}") for name, value in found.metrics.items() if value is not None]
    figures += [(f"{name} of the last value", f"{value:.4g}") for name, value in found.naive.items()]
    whole = task in {"classes", "two classes"}
    rows = bool(len(found.predicted)) and not run.vocabulary
    mistakes, why = mistakes_of(run, output, part, found, most) if rows and found.probable and whole else ([], "")
    return pages.Answers(
        output=output.name if several else "",
        data=said,
        figures=figures,
        classes=classes,
        entities=_entities(found),
        confusion=found.confusion.tolist() if classes else (),
        reliability=_reliability(found) if rows and found.probable and whole else (),
        mistakes=mistakes,
        why=why,
        sentences=sentences_of(run, part),
        scatter=_scatter(run, output, part, targets) if task == "numbers" else (),
        pictures=_pictures(run, output, part, targets, task),
        text=_sample(run, most) if language else "",
    )


def _classes(found: Evaluation) -> list[pages.ClassFigures]:
    counts = found.confusion
    shares = zip(found.labels, found.recall, found.precision, found.f1, strict=True) if found.labels else ()
    return [
        pages.ClassFigures(label, int(counts[i].sum()), int(counts[i, i]), *(_known(share) for share in rest))
        for i, (label, *rest) in enumerate(shares)
    ]


def _entities(found: Evaluation) -> list[pages.ClassFigures]:
    """Return how the entities of each kind are found, and all."""
    counts = found.entities
    return [
        pages.ClassFigures(each.kind, each.there, each.right, each.recall, each.precision, each.f1)
        for each in ((*counts.each(), counts.all()) if counts else ())
    ]


def _known(share: float) -> float | None:
    return None if np.isnan(share) else float(share)


def _reliability(found: Evaluation) -> list[tuple[float, float, int]]:
    """Return the mean probability of the predicted class, the share that is right and the examples of each bin."""
    bins = np.minimum((found.probability * _BINS).astype(int), _BINS - 1)
    right = found.predicted == found.true
    return [
        (float(found.probability[bins == n].mean()), float(right[bins == n].mean()), int((bins == n).sum()))
        for n in range(_BINS)
        if (bins == n).any()
    ]


def _scatter(run: Run, output: GraphOutput, part: Split, targets: NDArray[Any]) -> list[pages.Scatter]:
    made = np.concatenate([_outputs(run, output, part.rows(at, at + _PIECE)) for at in range(0, len(part), _PIECE)])
    count = len(made)
    given, true = (
        run.in_units(np.asarray(values, np.float64).reshape(count, -1), output.name) for values in (made, targets)
    )
    shown = np.unique(np.linspace(0, count - 1, min(count, _POINTS)).astype(int))
    columns = run.learned_columns if len(run.model.graph.outputs) == 1 else ()
    names = number_names(columns, output.name, true.shape[1])
    found = []
    for n in range(min(true.shape[1], 12)):
        spread = float(((true[:, n] - true[:, n].mean()) ** 2).sum())
        r2 = 1 - float(((true[:, n] - given[:, n]) ** 2).sum()) / spread if spread > 0 else None
        points = [(_four(true[i, n]), _four(given[i, n])) for i in shown]
        found.append(pages.Scatter(names[n], points, float(np.abs(true[:, n] - given[:, n]).mean()), r2))
    return found


def _outputs(run: Run, output: GraphOutput, part: Split) -> NDArray[Any]:
    """Return what one output gives for some examples, which are read now where they are not in memory."""
    made = run.outputs(part.images)
    return np.asarray(made[output.name] if isinstance(made, Mapping) else made)


def _four(value: float) -> float:
    return float(f"{value:.4g}")


def _pictures(
    run: Run, output: GraphOutput, part: Split, targets: NDArray[Any], task: Task | None
) -> list[tuple[str, bytes]]:
    """Return pictures with their true and predicted masks, or with what an autoencoder makes of them."""
    shape = run.network.image_shape
    positions = len(run.model.graph.shape(output.index)) in {3, 4}
    if isinstance(part.images, Mapping) or not is_drawn(run.network) or len(shape) < 2:
        return []
    if not run.network.reconstructs and not (positions and task in {"classes", "two classes"}):
        return []
    images = np.asarray(part.images[:_EXAMPLES])
    shown = displayable(as_pictures(run.network, images, shape))
    if run.network.reconstructs:
        again = displayable(as_pictures(run.network, np.asarray(run.outputs(images)), shape))
        strips = [np.concatenate(pair, axis=1) for pair in zip(shown, again, strict=True)]
        return _captioned("examples, and what is given again", strips)
    found = np.asarray(run.probabilities(images)).argmax(axis=1)
    true = np.asarray(targets[: len(images)])
    if found.ndim == 4:
        true, found = (values[..., values.shape[-3] // 2, :, :] for values in (true, found))
    true = true.argmax(axis=1) if true.ndim == 4 and true.shape[1] > 1 else true.reshape(found.shape)
    columns = (shown, _over(shown, true), _over(shown, found))
    strips = [np.concatenate(row, axis=1) for row in zip(*columns, strict=True)]
    return _captioned("examples, each with the true mask over it, then with the predicted one", strips)


def _captioned(caption: str, strips: Sequence[NDArray[Any]]) -> list[tuple[str, bytes]]:
    """Return strips of pictures as PNG files; the caption is that of the first, and of those behind it."""
    return [("" if n else caption, png_of(strip, _STRIP)) for n, strip in enumerate(strips)]


def _over(images: NDArray[Any], masks: NDArray[Any]) -> NDArray[Any]:
    """Return pictures with their masks in color over them; class 0 stays as it is."""
    # White on a bright picture would not show: class 1 of two is in color too.
    colors = np.where(np.max(masks) <= 1, np.array([0.9, 0.35, 0.0], np.float32), mask_colors(masks))
    mixed: NDArray[Any] = np.where((np.asarray(masks) > 0)[..., None], 0.45 * images + 0.55 * colors, images)
    return mixed


def _sample(run: Run, most: float) -> str:
    """Return what a language model writes; nothing where it cannot, or where it would take more than so many FLOPs."""
    if _WRITES * run.model.graph.flops / max(1, run.network.input[-1]) > most:
        return ""
    try:
        return run.generate("", length=_WRITES, temperature=0.7)
    except NetspecError:
        return ""
