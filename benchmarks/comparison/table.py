"""The page `docs/performance.md`, from the recorded figures alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from statistics import mean, median

from comparison.cases import CASES, PEERS
from comparison.goals import GOALS, TIMES, Verdict, judge, judge_time
from comparison.results import NETSPEC, Cache, Machine, Measured, Results, Rounds

__all__ = ["page"]

_NONE = "–"
_MARK = "†"
_CACHES: tuple[Cache, ...] = ("cold", "warm")
_LISTED = 4
"""So many misses of a goal are named; the tables below have them all."""

_INTRO = """# Performance

The same networks, from the same initial weights, on the same examples, in the same batches: in netspec, and as experts
of other libraries write them, once the way their tutorials do and once as fast as they know how. One command measures
all of it and writes this page:

    pip install -e ".[benchmark]"
    python benchmarks/compare.py
"""

_METHOD = """## How it is measured

- **Networks.** The eight tutorials, LeNet, ResNet-20, MobileNet and a small transformer, each at its recipe's batch
  size (MobileNet at 8 images of 224x224). Optimizer, weight decay, l2 and clipping are the recipe's; the learning
  rate is constant. Examples are a fixed part of MNIST where the network is one for digits, otherwise random numbers
  of its shape.
- **Programs.** Each runs in a process of its own, on the JAX or PyTorch of the table, with nothing compiled before.
  netspec is what `netspec train` runs: bytes on the device, gathered and scaled inside the step. The others get
  their examples scaled beforehand: the tutorials' forms on the host, the best forms on the device. netspec keeps
  freed memory for the next step (`netspec.keep_memory`), as its command line does; the best forms of the others are
  started with glibc set to do the same.
- **Turns.** In every round netspec runs right before each of the others (A B A C A D …), a fixed number of steps
  from the initial weights; all other programs wait meanwhile. A cell says how many times as long the other takes:
  the median of the rounds' ratios, and in brackets the smallest and the largest. Above 1, netspec is faster.
- **The same work.** Every program first trains through the same batches without dropout; then its losses, in
  training and on test examples afterwards, are compared with netspec's. A program that differs by more than the
  tolerance is marked {mark}.
- **Inference** takes prepared floats in the host's memory and returns an array there, dropout off.
- **Compiling** is what the first steps take longer than the same steps taken again, with building the network.
- **Memory** is the most that a fresh process has held, its library, the examples and the first steps together.
"""


def page(results: Results) -> str:
    """Return the whole page."""
    if not results.networks and not results.to_99:
        return _INTRO + "\nNothing is recorded yet.\n"
    parts = [
        _INTRO,
        _where(results),
        "## Goals\n\n" + _goals(results),
        _METHOD.format(mark=_MARK) + "\n" + _programs(),
        *_tables(results),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def _where(results: Results) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    where = _machine(machine) if machine else "an unknown machine"
    return f"Measured on {results.date[:10]} on {where}; {versions}.\n"


def _machine(machine: Machine) -> str:
    cores = f"{machine.cores} core{'s' if machine.cores != 1 else ''}"
    device = "" if machine.device == "cpu" else f", {machine.device}"
    return f"{machine.processor}, {cores}{device}, {machine.system}, Python {machine.python}"


def _goals(results: Results) -> str:
    rows = [["goal", "", "where it is not"]]
    rows += [[goal.text, *_verdict(judge(goal, results))] for goal in GOALS]
    for spec, reached in results.to_99.items():
        rows += [[f"{goal.text} ({spec})", *_verdict(judge_time(goal, reached))] for goal in TIMES]
    if not results.to_99:
        rows += [[goal.text, "not measured", ""] for goal in TIMES]
    return _table(rows, left=3)


def _verdict(verdict: Verdict) -> list[str]:
    state: str = verdict.state
    if state != "not measured":
        state = f"**{state}**" if state == "reached" else state
        state += f", {verdict.held} of {verdict.compared}" if verdict.compared > 1 else ""
    named = "; ".join(verdict.misses[:_LISTED])
    more = len(verdict.misses) - _LISTED
    return [state, named + (f"; and {more} more" if more > 0 else "")]


def _programs() -> str:
    rows = [["program", "how it is written"], *([peer.title, peer.form] for peer in PEERS.values())]
    return _table(rows, left=2)


def _tables(results: Results) -> Iterator[str]:
    networks = {name: results.networks[name] for name in CASES if name in results.networks}
    batches = ", ".join(f"{name} {measured.batch}" for name, measured in networks.items())
    said = f"Examples in a batch: {batches}.\n\n"
    yield "## Training step\n\n" + said + _ratios("ms a step", networks, lambda m: m.training)
    yield _floors(networks)
    for batch in sorted({batch for m in networks.values() for batch in m.inference}):
        title = f"## Inference, {batch:,} example{'s' if batch > 1 else ''}\n\n"
        yield title + _ratios("ms a call", networks, partial(_inference, batch))

    yield "## Compiling, seconds\n\n" + _figures(networks, lambda m: m.compile_seconds, "{:.1f}", 1.0)
    yield "## Peak memory, MB\n\n" + _figures(networks, lambda m: m.peak_bytes, "{:.0f}", 1e-6)
    yield _times(results)
    yield "## The same losses\n\n" + _losses(networks)
    yield _absences(networks)
    yield _profiles(networks)
    yield _inference_profiles(networks)


def _inference(batch: int, measured: Measured) -> Mapping[str, Rounds]:
    return measured.inference.get(batch, {})


def _ratios(unit: str, networks: Mapping[str, Measured], of: Callable[[Measured], Mapping[str, Rounds]]) -> str:
    """Return a table of netspec's own time and the ratios of the others."""
    shown = {name: m for name, m in networks.items() if of(m)}
    peers = [peer for peer in PEERS if any(peer in of(m) for m in shown.values())]
    if not shown:
        return "Not measured.\n"
    rows = [["network", f"netspec, {unit}", *(PEERS[peer].title for peer in peers)]]
    for name, measured in shown.items():
        found = of(measured)
        ours = median(s for rounds in found.values() for s in rounds.netspec)
        cells = [_ratio(found[peer], measured.disagrees(peer)) if peer in found else _NONE for peer in peers]
        rows.append([name, f"{1e3 * ours:.3g}", *cells])
    return _table(rows, left=1)


def _ratio(rounds: Rounds, disagrees: bool) -> str:
    mark = f" {_MARK}" if disagrees else ""
    return f"{rounds.ratio:.2f} ({min(rounds.ratios):.2f}–{max(rounds.ratios):.2f}){mark}"


def _floors(networks: Mapping[str, Measured]) -> str:
    """Return netspec's step beside its matrix products at the speed of a large square one."""
    rows = [["network", "matrix products alone, ms", "step, in these"]]
    for name, measured in networks.items():
        floor = measured.floor
        if floor:
            times = [1 / ratio for ratio in floor.ratios]
            rows.append(
                [name, f"{1e3 * median(floor.peer):.3g}", f"{median(times):.2f} ({min(times):.2f}–{max(times):.2f})"]
            )
    if len(rows) == 1:
        return ""
    text = "The matrix products of a step, forward and backward, at the speed that XLA reaches on a square of 2048:\n\n"
    return text + _table(rows, left=1)


def _figures(
    networks: Mapping[str, Measured], of: Callable[[Measured], Mapping[str, float]], form: str, factor: float
) -> str:
    shown = {name: m for name, m in networks.items() if of(m)}
    if not shown:
        return "Not measured.\n"
    programs = [peer for peer in (NETSPEC, *PEERS) if any(peer in of(m) for m in shown.values())]
    rows = [["network", *(_title(program) for program in programs)]]
    for name, measured in shown.items():
        found = of(measured)
        rows.append([name, *(form.format(factor * found[p]) if p in found else _NONE for p in programs)])
    return _table(rows, left=1)


def _times(results: Results) -> str:
    if not results.to_99:
        return ""
    rows = [["spec", "cache", "median, s", "seeds, s", "process ended, median, s", "test accuracy, mean"]]
    for spec, reached in results.to_99.items():
        for cache in _CACHES:
            runs = reached.of(cache)
            if runs:
                seeds = ", ".join(_seconds(inf if run.reached is None else run.reached) for run in runs)
                ended = _seconds(median(run.ended for run in runs))
                accuracy = f"{100 * mean(run.test_accuracy for run in runs):.2f} %"
                rows.append([spec, cache, _seconds(reached.median(cache)), seeds, ended, accuracy])
    return "## From process start to 99 % on MNIST\n\n" + _table(rows, left=2)


def _seconds(seconds: float) -> str:
    return "never" if seconds == inf else f"{seconds:.1f}"


def _losses(networks: Mapping[str, Measured]) -> str:
    """Return how far each program's losses lie from netspec's."""
    peers = [peer for peer in PEERS if any(peer in m.losses for m in networks.values())]
    rows = [["network", "netspec's loss", "tolerance", *(PEERS[peer].title for peer in peers)]]
    for name, measured in networks.items():
        ours = measured.losses.get(NETSPEC)
        if ours is None:
            continue
        cells = []
        for peer in peers:
            theirs = measured.losses.get(peer)
            mark = f" {_MARK}" if measured.disagrees(peer) else ""
            cells.append(f"{theirs.difference(ours):.0e}{mark}" if theirs else _NONE)
        rows.append([name, f"{ours.loss:.5f}", f"{measured.tolerance:.0e}", *cells])
    text = (
        "The mean loss of the first steps in netspec, and the largest difference of the others, as a share of it: in\n"
        "training, or on test examples after it. Sums in another order grow into such differences, step by step.\n\n"
    )
    return text + _table(rows, left=1)


def _absences(networks: Mapping[str, Measured]) -> str:
    reasons: dict[tuple[str, str], list[str]] = {}
    for name, measured in networks.items():
        for peer, why in measured.absent.items():
            reasons.setdefault((peer, why), []).append(name)
    if not reasons:
        return ""
    lines = []
    for (peer, why), names in reasons.items():
        where = "everywhere" if len(names) == len(networks) else ", ".join(names)
        lines.append(f"- {_title(peer)}: {why} ({where})")
    return "## Not measured\n\n" + "\n".join(lines) + "\n"


def _profiles(networks: Mapping[str, Measured]) -> str:
    shown = {name: m.profile for name, m in networks.items() if m.profile}
    if not shown:
        return ""
    text = (
        "## Where the time goes\n\n"
        "Of the training steps that miss a goal, by the function that asked for the operation\n"
        "(`python benchmarks/profile_step.py SPEC` tells more):\n\n"
    )
    rows = [["network", "share of the time of its operations"]]
    rows += [[name, _shares(profile)] for name, profile in shown.items()]
    return text + _table(rows, left=2)


def _inference_profiles(networks: Mapping[str, Measured]) -> str:
    shown = [(name, *each) for name, m in networks.items() for each in sorted(m.inference_profiles.items())]
    if not shown:
        return ""
    text = (
        "Of inference that misses a goal (`python benchmarks/profile_step.py SPEC --inference --batch N`); outside\n"
        "the operations is the way from an array of the host into the compiled program, and back:\n\n"
    )
    rows = [["network", "examples", "share of the time of a call"]]
    rows += [[name, f"{batch:,}", _shares(profile)] for name, batch, profile in shown]
    return text + _table(rows, left=3)


def _shares(profile: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{what} {100 * share:.0f} %" for what, share in profile)


def _title(program: str) -> str:
    return PEERS[program].title if program in PEERS else program


def _table(rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Return Markdown; the first `left` columns are texts, the others figures."""
    head, *body = rows
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join(_line(cells) for cells in (head, rule, *body)) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
