"""`netspec eval`: loss, accuracy and a table of the classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspec.cli.completion import datasets
from netspec.cli.options import Device
from netspec.cli.output import percent, print_json, print_table

if TYPE_CHECKING:
    from netspec.trained import Evaluation

__all__ = ["evaluate"]


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="A run folder or a .safetensors file.")],
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="NAME|PATH", help="Another dataset than it was trained on.", autocompletion=datasets
        ),
    ] = None,
    device: Device = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Evaluate a trained model on a test set: loss, accuracy, and precision and recall of each class."""
    from netspec.backends.host_memory import keep_memory  # noqa: PLC0415
    from netspec.cli.keep import keep_compiled  # noqa: PLC0415

    keep_memory()
    from netspec.trained import open_run  # noqa: PLC0415

    keep_compiled()
    opened = open_run(run, device)
    found = opened.evaluate(data)
    if as_json:
        print_json(_json(found, opened.file))
        return
    print(f"{opened.file} on {found.dataset}: {found.examples:,} test examples")
    if found.accuracy is None:
        print(f"loss {found.loss:.6f}")
        return
    print(f"loss {found.loss:.4f}   accuracy {percent(found.accuracy)}\n")
    columns = [
        ("class", False),
        ("examples", True),
        ("right", True),
        ("recall", True),
        ("precision", True),
        ("taken for", False),
    ]
    print_table(columns, [_row(found, i) for i in range(len(found.labels))])


def _row(found: Evaluation, i: int) -> tuple[str, ...]:
    row, column = found.confusion[i], found.confusion[:, i]
    right = int(row[i])
    wrong = sorted(((int(n), found.labels[j]) for j, n in enumerate(row) if j != i and n), reverse=True)[:3]
    return (
        found.labels[i],
        f"{row.sum():,}",
        f"{right:,}",
        percent(right / row.sum()) if row.sum() else "–",
        percent(right / column.sum()) if column.sum() else "–",
        ", ".join(f"{name} ({count})" for count, name in wrong),
    )


def _json(found: Evaluation, file: Path) -> dict[str, object]:
    classes = []
    for i, label in enumerate(found.labels):
        count, predicted, right = (
            int(n) for n in (found.confusion[i].sum(), found.confusion[:, i].sum(), found.confusion[i, i])
        )
        recall, precision = (right / n if n else None for n in (count, predicted))
        classes.append({"label": label, "examples": count, "right": right, "recall": recall, "precision": precision})
    return {
        "model": str(file),
        "dataset": found.dataset,
        "loss": found.loss,
        "accuracy": found.accuracy,
        "examples": found.examples,
        "classes": classes,
        "confusion": found.confusion.tolist(),
    }
