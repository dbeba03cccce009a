"""`netspec bench`: times of training and inference on this machine, and the strategy of each operation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netspec.cli.options import Autotune, Device, Let, Set, pairs
from netspec.cli.output import print_json, print_table, say
from netspec.cli.process import process_of
from netspec.terminal.numbers import seconds_text

if TYPE_CHECKING:
    from netspec.workflows.bench import Bench, Measurement

__all__ = ["bench"]


def bench(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .net file.")],
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch",
            min=1,
            metavar="N",
            help="Examples a call; unless given the recipe's in training, and 1, the recipe's and 1024 in inference.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, metavar="N", help="Calls in each round; about 0.1 s a round otherwise."),
    ] = None,
    device: Device = None,
    autotune: Autotune = None,
    let: Let = None,
    sets: Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """Measure a spec on random data: training step, loss and gradients, inference; and show how it is computed.

    Times are medians of seven rounds, in which the measurements take turns; the spread is half of what lies between
    their quartiles. FLOPs are counted as in `netspec show`, once more for each gradient; their share is
    that of a large matrix product, measured in the same rounds.
    """
    from netspec.compiler import analyze, load_source, require  # noqa: PLC0415

    network, graph = require(analyze(load_source(file), lets=pairs("--let", let), sets=pairs("--set", sets)))

    # JAX is imported only now: a wrong spec is answered in a blink.
    from rich.console import Console  # noqa: PLC0415

    process_of(context).keep_memory()
    from netspec.workflows import bench as measuring  # noqa: PLC0415

    terminal = Console(stderr=True, highlight=False)
    with terminal.status("") if terminal.is_terminal else nullcontext() as status:
        say_status = status.update if status else None
        found = measuring.bench(
            network, device, graph=graph, batch=batch, steps=steps, autotune=autotune, progress=say_status
        )
    if as_json:
        for line in _facts(found):
            print_json(line)
    else:
        _print(found)
    return 0


def _print(found: Bench) -> None:
    from netspec.cli.plan_table import print_operations  # noqa: PLC0415

    versions = ", ".join(f"{name} {number}" for name, number in found.versions.items())
    say(f"{found.name} on {found.platform} ({found.device}; {versions})")
    say(f"a large matrix product reaches {found.product_gflops:,.4g} GFLOP/s here\n")
    columns = ["batch", "time", "spread", "examples/s", "GFLOP/s", "of the product", "first call"]
    print_table(
        [("", False), *((c, True) for c in columns)], [_row(m, found.product_gflops) for m in found.measurements]
    )
    own = found.operations[0]
    print_operations(f"\ntraining, batch {own.batch:,}:\n", own.lines)
    say("`netspec show FILE --as ops --batch N` shows those of inference; --json has all of them.")


def _row(m: Measurement, product: float) -> tuple[str, ...]:
    return (
        m.what,
        f"{m.batch:,}",
        _time(m.seconds),
        f"±{100 * m.spread:.0f} %",
        f"{m.examples_per_second:,.0f}",
        f"{m.gflops:,.3g}",
        f"{100 * m.gflops / product:.0f} %",
        seconds_text(m.first),
    )


def _time(seconds: float) -> str:
    """Return `412 µs`, `3.62 ms`, `1.2 s`."""
    for unit, size in (("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _facts(found: Bench) -> Iterator[dict[str, Any]]:
    """Yield the machine, then the measurements, then the operations, as plain values."""
    from netspec.cli.plan_table import operation_facts  # noqa: PLC0415

    yield {
        "kind": "machine",
        "name": found.name,
        "platform": found.platform,
        "device": found.device,
        "versions": dict(found.versions),
        "product_gflops": found.product_gflops,
    }
    for m in found.measurements:
        yield {
            "kind": "measurement",
            "what": m.what,
            "batch": m.batch,
            "seconds": m.seconds,
            "spread": m.spread,
            "rounds": list(m.rounds),
            "examples_per_second": m.examples_per_second,
            "gflops": m.gflops,
            "share": m.gflops / found.product_gflops,
            "first_call_seconds": m.first,
        }
    for own in found.operations:
        mode = "training" if own.training else "inference"
        for line in own.lines:
            yield {"kind": "operation", "mode": mode, "batch": own.batch, **operation_facts(line)}
