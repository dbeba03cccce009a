"""The table of a plan: for each operation its strategy, layout and time, and the reason of the choice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from netspec.cli.output import print_table, say
from netspec.diagnostics.diagnostic import DeviceError
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph
from netspec.graph.recipe_checks import used_batch
from netspec.ir.network import Network
from netspec.passes import Mode, optimize
from netspec.planning import Overrides, Timings, make_plan
from netspec.planning.explain import Line, explain

__all__ = ["operation_facts", "print_operations", "print_plan"]

_PLATFORMS = ("cpu", "gpu")


def print_plan(network: Network, graph: Graph, device: str, batch: int | None) -> None:
    """Print the plan of a network: of training at the recipe's batch, or of inference at a batch given.

    No device is asked, so that this works on any machine for any. Times measured before are believed where the spec
    has autotuning on and they are of this machine's CPU.

    Raises:
        DeviceError: for a device whose choices are not known.
    """
    if device not in _PLATFORMS:
        near = nearest(device, _PLATFORMS)
        raise DeviceError(f"unknown device `{device}`", f"did you mean `{near}`?" if near else "write cpu or gpu")
    size, training = batch or used_batch(network), batch is None
    timings = _remembered() if network.compile.autotune == "on" and device == "cpu" else None
    at_once = size if training else network.at_once(size)
    graph = optimize(graph, Mode.TRAINING if training else Mode.INFERENCE)
    plan = make_plan(
        graph,
        platform=device,
        batch=at_once,
        gradient=training,
        overrides=Overrides.of(network.compile),
        timings=timings,
    )
    lines = explain(graph, plan, platform=device, batch=at_once, gradient=training, timings=timings)
    print_operations(
        f"\n{'training' if training else 'inference'}, batch {size}, on {device}, after the passes:\n", lines
    )


def _remembered() -> Timings:
    """Return the times measured before on this machine's CPU."""
    from netspec.backends.timings import TimingsCache, cpu_name  # noqa: PLC0415
    from netspec.system.places import timings_folder  # noqa: PLC0415

    remembered = TimingsCache(timings_folder(), cpu_name())
    return lambda instance: remembered.get(instance) or {}


def print_operations(title: str, lines: Iterable[Line]) -> None:
    """Print a table of the operations of a plan and their time in all, changes of layout not counted."""
    shown = list(lines)
    say(title)
    print_table(
        [
            ("layer", False),
            ("operation", False),
            ("output", False),
            ("strategy", False),
            ("layout", False),
            ("µs", True),
            ("why", False),
            ("next best", False),
        ],
        map(_cells, shown),
        ("", "total", "", "", "", _microseconds(_total(shown)), "", ""),
    )
    say("\nµs are those of each operation alone; layouts are chosen for all together, changes of layout included.")


def _total(lines: list[Line]) -> float | None:
    known = [line.microseconds for line in lines if line.microseconds is not None]
    return sum(known) if len(known) == len(lines) else None


def operation_facts(line: Line) -> dict[str, Any]:
    """Return a line of the table as plain values."""
    return asdict(line)


def _cells(line: Line) -> tuple[str, ...]:
    took = _microseconds(line.microseconds)
    return (line.node, line.operation, line.output, line.strategy or "–", line.layout, took, line.why, line.next_best)


def _microseconds(number: float | None) -> str:
    if number is None:
        return "–"
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"
