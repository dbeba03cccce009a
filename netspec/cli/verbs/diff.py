"""`netspec diff`: what differs between two specs, runs or models, and which weights would carry over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netspec.cli.output import bytes_text, console, count_text, print_error, print_json, print_table, say
from netspec.cli.shapes import shape_option
from netspec.diagnostics.diagnostic import NetspecError, plural
from netspec.diagnostics.visible import visible
from netspec.ops import format_shape

if TYPE_CHECKING:
    from netspec.describe.diff import Comparison, LayerChange, Setting, Weights
    from netspec.describe.outline import Row
    from netspec.graph.graph import Graph
    from netspec.ir.network import Network

__all__ = ["diff"]

_MARKS = {"added": "+", "removed": "-", "changed": "~", "affected": "·", "renamed": ">", "same": " "}
_COLORS = {"+": "green", "-": "red", "~": "yellow", "·": "cyan", ">": "cyan", " ": "dim"}
_NOWHERE = "–"
_MOST = 40
"""So many arrays of a kind are named."""


def diff(
    before: Annotated[
        Path,
        typer.Argument(
            metavar="A", help="A .net file, a run folder, a .safetensors model, or a file of another program."
        ),
    ],
    after: Annotated[Path, typer.Argument(metavar="B", help="What it is compared with.")],
    shape: Annotated[
        str | None,
        typer.Option(
            "--shape", metavar="CxHxW", help="The shape of one example, where a foreign file does not say it."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Compare two networks: layers, settings, costs, and the weights that would carry over from A to B.

    A file of another program, such as a .prototxt or a .cfg, is compared as `netspec import` would read it.

    Exit code 0 where nothing differs, 1 where something does, 2 where one of the two is wrong or cannot be read.
    """
    from netspec.describe.diff import compare  # noqa: PLC0415
    from netspec.runs.listing import newest  # noqa: PLC0415

    given = shape_option(shape)
    before, after = newest(before), newest(after)
    try:
        found = compare(_network(before, given), _network(after, given))
    except NetspecError as error:
        # As of `diff`: 1 says that something differs, so trouble needs a number of its own.
        print_error(error)
        return 2
    if as_json:
        print_json(_json(before, after, found))
    elif found.same:
        say("nothing differs")
    else:
        _print(before, after, found)
    return 0 if found.same else 1


def _network(path: Path, shape: tuple[int, ...] | None) -> tuple[Network, Graph]:
    """Return what a file or folder declares."""
    if path.suffix not in {"", ".net", ".safetensors"} and path.is_file():
        # Only where it may be needed: the readers need NumPy and more.
        from netspec.workflows.foreign_network import is_foreign, read_foreign  # noqa: PLC0415

        if is_foreign(path):
            return read_foreign(path, shape)
    from netspec.workflows.read_network import read_network  # noqa: PLC0415

    return read_network(path)


def _json(before: Path, after: Path, found: Comparison) -> dict[str, Any]:
    return {
        "before": str(before),
        "after": str(after),
        "same": found.same,
        "layers": [_change(layer) for layer in found.layers if layer.status != "same"],
        "settings": [asdict(setting) for setting in found.settings],
        "totals": {"before": asdict(found.before), "after": asdict(found.after)},
        "weights": asdict(found.weights),
    }


def _change(change: LayerChange) -> dict[str, Any]:
    before, after = (side and side.facts() for side in (change.before, change.after))
    arguments = [asdict(argument) for argument in change.arguments]
    known = {"status": change.status, "before": before, "after": after}
    return known | {"arguments": arguments, "rewired": change.rewired}


def _print(before: Path, after: Path, found: Comparison) -> None:
    _lines([f"- {before}", f"+ {after}"])
    if any(layer.status != "same" for layer in found.layers):
        say("\nlayers")
        _lines(_layers(found.layers))
    if found.settings:
        say("\nsettings")
        width = max(len(s.path) for s in found.settings)
        _lines(f"~ {s.path:{width}}  {_turn(s)}" for s in found.settings)
    say()
    _totals(found)
    say()
    _lines(_weights(found.weights))


def _lines(lines: Sequence[str] | Iterator[str]) -> None:
    """Print lines, each in the color of its first character."""
    from rich.text import Text  # noqa: PLC0415

    out = console()
    for line in lines:
        # A line is wrapped by the terminal alone, so that what is copied from it is what was printed.
        out.print(Text(visible(line), style=_COLORS.get(line[:1], "")), soft_wrap=True)


def _turn(setting: Setting) -> str:
    return f"{setting.before or _NOWHERE} → {setting.after or _NOWHERE}"


# --- layers -------------------------------------------------------------------------------------------------------


def _layers(changes: Sequence[LayerChange]) -> Iterator[str]:
    """Yield a line for each layer that differs, and one for each row of layers that do not."""
    sides = [side for c in changes if c.status != "same" for side in (c.before, c.after) if side]
    width = max(len(side.name) for side in sides)
    for same, group in groupby(changes, lambda c: c.status == "same"):
        members = list(group)
        if same:
            yield f"  … {plural(len(members), 'layer')} the same"
            continue
        for change in members:
            yield from _layer(change, width)


def _layer(change: LayerChange, width: int) -> Iterator[str]:
    side = change.after or change.before
    assert side is not None
    yield f"{_MARKS[change.status]} {side.name:{width}}  {side.text()}{_alone(change, side)}"
    if change.before and change.after:
        for details in (_details(change, change.before, change.after), _costs(change.before, change.after)):
            if details:
                yield f"  {'':{width}}    {'; '.join(details)}"


def _alone(change: LayerChange, side: Row) -> str:
    if change.status not in {"added", "removed"}:
        return ""
    costs = f", {plural(side.parameters, 'parameter')}" if side.parameters else ""
    return f"  ({format_shape(side.shape)}{costs})"


def _details(change: LayerChange, old: Row, new: Row) -> list[str]:
    found = [f"named {old.name} before"] if old.name != new.name else []
    found += [f"{s.path} {_turn(s)}" for s in change.arguments]
    if change.rewired:
        found.append(f"reads {', '.join(old.inputs)} → {', '.join(new.inputs)}")
    return found


def _costs(old: Row, new: Row) -> list[str]:
    found = []
    if old.shape != new.shape:
        found.append(f"output {format_shape(old.shape)} → {format_shape(new.shape)}")
    if old.parameters != new.parameters:
        found.append(f"parameters {old.parameters:,} → {new.parameters:,}")
    if old.flops != new.flops:
        found.append(f"FLOPs {count_text(old.flops)} → {count_text(new.flops)}")
    if old.bytes != new.bytes:
        found.append(f"activations {bytes_text(old.bytes)} → {bytes_text(new.bytes)}")
    return found


# --- totals and weights -------------------------------------------------------------------------------------------


def _totals(found: Comparison) -> None:
    one, other = found.before, found.after
    at = f"batch {one.batch}" if one.batch == other.batch else f"batch {one.batch} → {other.batch}"
    rows = [
        ("layers", one.layers, other.layers, _whole),
        ("parameters", one.parameters, other.parameters, _whole),
        ("FLOPs of an example", one.flops, other.flops, count_text),
        (f"training memory, {at}", one.training_bytes, other.training_bytes, bytes_text),
        (f"inference memory, {at}", one.inference_bytes, other.inference_bytes, bytes_text),
    ]
    cells = [(title, text(a), text(b), _difference(a, b, text)) for title, a, b, text in rows]
    print_table([("totals", False), ("A", True), ("B", True), ("difference", True)], cells)


def _whole(number: float) -> str:
    return f"{number:,}"


def _difference(old: int, new: int, text: Any) -> str:
    """Return `+8 k (+12.5 %)`."""
    if old == new:
        return "0"
    sign = "+" if new > old else "−"
    share = f" ({sign}{100 * abs(new - old) / old:.1f} %)" if old else ""
    return f"{sign}{text(abs(new - old))}{share}"


def _weights(weights: Weights) -> Iterator[str]:
    """Yield what carries over, and each array that does not."""
    # Rounded down: 100 % is said of all and of nothing less.
    share = f" ({100 * weights.parameters // weights.total} %)" if weights.total else ""
    yield f"weights: {weights.parameters:,} of {weights.total:,} parameters{share} carry over"
    listed = {
        "~": [f"{r.path}  {format_shape(r.before)} → {format_shape(r.after)}" for r in weights.reshaped],
        "-": [f"{path}  only in A" for path in weights.only_before],
        "+": [f"{path}  only in B" for path in weights.only_after],
        ">": [f"{old} would fit {new}" for old, new in weights.renamed],
    }
    for mark, lines in listed.items():
        yield from (f"{mark} {line}" for line in lines[:_MOST])
        if len(lines) > _MOST:
            yield f"{mark} … {len(lines) - _MOST} more; --json has all"
