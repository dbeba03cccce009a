"""`netspec eval`: loss, accuracy and a table of the classes."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspec.cli.completion import datasets
from netspec.cli.options import Device
from netspec.cli.output import print_json, print_table, say
from netspec.cli.process import process_of
from netspec.diagnostics.diagnostic import plural
from netspec.terminal.numbers import metric_text, percent
from netspec.terminal.places import from_here

if TYPE_CHECKING:
    from netspec.recipe.entities import EntityScores
    from netspec.workflows.predictions import Evaluation

__all__ = ["evaluate"]


class Part(StrEnum):
    """The parts of a dataset that `--split` names."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


_EXAMPLES = {"train": "training", "validation": "validation", "test": "test"}


def evaluate(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="A run folder or a .safetensors file.")],
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="NAME|PATH", help="Another dataset than it was trained on.", autocompletion=datasets
        ),
    ] = None,
    split: Annotated[
        Part | None,
        typer.Option(
            "--split",
            help="Which part of it; train is what no validation set was taken from. The test part otherwise, or all "
            "of other data that has none.",
        ),
    ] = None,
    top: Annotated[
        list[int] | None,
        typer.Option(
            "--top-k", metavar="N", min=1, help="Also how often the class is among the N likeliest; may be repeated."
        ),
    ] = None,
    device: Device = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Evaluate a trained model: loss, accuracy, and precision, recall and F1 of each class and in the mean (macro)."""
    process = process_of(context)
    process.keep_memory()
    from netspec.workflows.trained import open_run  # noqa: PLC0415

    process.enable_compile_cache()
    opened = open_run(run, device)
    found = opened.evaluate(data, split=split)
    if opened.vocabulary:
        # A table of all characters or words says nothing of a language model.
        found = replace(found, labels=())
    tops = {most: found.top_accuracy(most) for most in dict.fromkeys(top or [])}
    if as_json:
        print_json(_json(found, opened.file, tops))
        return 0
    if found.split not in _EXAMPLES:
        note = (
            f"the model has not learned from {from_here(found.dataset)}, which has no test part: all of it is looked at"
        )
        say(f"note: {note}; --split test looks at what would be drawn for the test", error=True)
    kind = f"{_EXAMPLES[found.split]} " if found.split in _EXAMPLES else ""
    say(f"{opened.file} on {from_here(found.dataset)}: {plural(found.examples, f'{kind}example')}")
    if found.outputs:
        say(f"loss {found.loss:.6f}")
        for name, each in found.outputs.items():
            say(f"\n{name}:")
            _show(each, {})
        return 0
    _show(found, tops)
    if found.naive:
        naive = "   ".join(f"{name} {metric_text(name, value)}" for name, value in found.naive.items())
        say(f"the last known value as the forecast: {naive}")
    return 0


def _show(found: Evaluation, tops: dict[int, float]) -> None:
    """Print how one output does."""
    asked = [f"{name} {metric_text(name, value)}" for name, value in found.metrics.items()]
    if not found.labels:
        accuracy = [] if found.accuracy is None else [f"accuracy {percent(found.accuracy)}"]
        say("   ".join([f"loss {found.loss:.6f}", *accuracy, *asked]))
        return
    figures = [f"loss {found.loss:.4f}", f"accuracy {percent(found.accuracy)}"]
    figures += [f"top-{most} accuracy {percent(share)}" for most, share in tops.items()]
    say("   ".join([*figures, f"macro F1 {percent(found.macro_f1)}", *asked]) + "\n")
    columns = [
        ("class", False),
        ("examples", True),
        ("right", True),
        ("recall", True),
        ("precision", True),
        ("F1", True),
        ("taken for", False),
    ]
    print_table(columns, [_row(found, i) for i in range(len(found.labels))])
    if found.entities:
        say("")
        rows = [_entity_row(each) for each in (*found.entities.each(), found.entities.all())]
        print_table([("entity", False), *columns[1:6]], rows)


def _row(found: Evaluation, i: int) -> tuple[str, ...]:
    row = found.confusion[i]
    wrong = sorted(((int(n), found.labels[j]) for j, n in enumerate(row) if j != i and n), reverse=True)[:3]
    return (
        found.labels[i],
        f"{row.sum():,}",
        f"{row[i]:,}",
        *(percent(_known(of[i])) for of in (found.recall, found.precision, found.f1)),
        ", ".join(f"{name} ({count})" for count, name in wrong),
    )


def _entity_row(each: EntityScores) -> tuple[str, ...]:
    shares = (percent(share) for share in (each.recall, each.precision, each.f1))
    return (each.kind, f"{each.there:,}", f"{each.right:,}", *shares)


def _known(share: float) -> float | None:
    """Return a share as a plain number; None where it is a share of nothing."""
    return None if share != share else float(share)  # noqa: PLR0124 - NaN alone differs from itself


def _json(found: Evaluation, file: Path, tops: dict[int, float]) -> dict[str, object]:
    said = {"model": str(file), "dataset": found.dataset, "split": found.split}
    if found.outputs:
        each = {name: _figures(output, {}) for name, output in found.outputs.items()}
        return {**said, "loss": found.loss, "examples": found.examples, "outputs": each}
    return {**said, **_figures(found, tops)}


def _figures(found: Evaluation, tops: dict[int, float]) -> dict[str, object]:
    recall, precision, f1 = found.recall, found.precision, found.f1
    classes = [
        {
            "label": label,
            "examples": int(found.confusion[i].sum()),
            "right": int(found.confusion[i, i]),
            "recall": _known(recall[i]),
            "precision": _known(precision[i]),
            "f1": _known(f1[i]),
        }
        for i, label in enumerate(found.labels)
    ]
    return {
        "loss": found.loss,
        "accuracy": found.accuracy,
        **({"top_k": {str(most): share for most, share in tops.items()}} if tops else {}),
        "macro_f1": found.macro_f1,
        **{f"{found.split}_{name}": value for name, value in found.metrics.items()},
        "examples": found.examples,
        "classes": classes,
        **({"entities": list(map(_entity, found.entities.each()))} if found.entities else {}),
        **({"naive": dict(found.naive)} if found.naive else {}),
        "confusion": found.confusion.tolist(),
    }


def _entity(each: EntityScores) -> dict[str, object]:
    return {
        "label": each.kind,
        "examples": each.there,
        "predicted": each.predicted,
        "right": each.right,
        "recall": each.recall,
        "precision": each.precision,
        "f1": each.f1,
    }
