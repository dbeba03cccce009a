"""The accuracy table as Markdown, from recorded runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, median
from typing import NamedTuple

from accuracy_results import SPECS, Record, Results

__all__ = ["BEGIN", "END", "between_markers", "page", "table"]

BEGIN = "<!-- accuracy:begin -->"
END = "<!-- accuracy:end -->"

NONE = "–"


class Facts(NamedTuple):
    """What is said of a spec beside what is measured."""

    network: str
    figures: Mapping[int, str]
    """The tutorial's test accuracy, by the number of epochs it trained."""


FACTS: Mapping[str, Facts] = {
    "lenet": Facts(
        "conv 20 5x5, pool, batch norm, conv 50 5x5, pool, batch norm, fc 10; one-cycle schedule",
        {8: "none; goal 99.3 %"},
    ),
    "paddle_softmax": Facts("softmax regression: fc 10", {5: "92.34 %"}),
    "paddle_mlp": Facts("fc 200, fc 200, fc 10", {5: "97.66 %"}),
    "paddle_lenet": Facts(
        "conv 20 5x5, pool, batch norm, conv 50 5x5, pool, batch norm, fc 10", {1: "98.2 %", 5: "99.20 %"}
    ),
    "gluon_mlp": Facts("fc 128, fc 64, fc 10", {10: "> 96 %"}),
    "gluon_lenet": Facts("conv 20 5x5, pool, conv 50 5x5, pool, fc 500, fc 10, all tanh", {10: "> 98 %"}),
    "torch_cnn": Facts("4 conv 3x3 with batch norm, fc 200, dropout, fc 500, fc 10", {10: "about 99 %"}),
    "lasagne_cnn": Facts(
        "conv 32 5x5, pool, conv 32 5x5, pool, dropout, fc 256, dropout, fc 10", {5: "98.85 %", 50: "99.6 %"}
    ),
    "blocks_mlp": Facts("fc 100, fc 10, l2 penalty, file order", {1: "none given"}),
}

HEADER = (
    "spec",
    "network",
    "epochs",
    "seeds",
    "test accuracy, last epoch",
    "best epoch",
    "tutorial's figure",
    "PyTorch twin, last epoch",
    "seconds a run",
)


class Row(NamedTuple):
    """All runs that share a line of the table."""

    spec: str
    epochs: int
    runs: Sequence[Record]
    twins: Sequence[Record]

    @property
    def title(self) -> str:
        """The spec's name, with the number of epochs where it is not the spec's own."""
        if self.epochs == (self.runs or self.twins)[0].spec_epochs:
            return self.spec
        return f"{self.spec} ({self.epochs} epoch{'s' if self.epochs > 1 else ''})"


def table(results: Results) -> str:
    """Return the table with its notes, without the markers."""
    rows = _rows(results)
    if not rows:
        return "No run is recorded yet.\n"
    lines = [_line(HEADER), _line(["---"] * 4 + ["---:"] * 5), *(_line(_cells(row)) for row in rows)]
    return "\n".join([*lines, "", *_notes(rows)]) + "\n"


def page(results: Results) -> str:
    """Return the whole page of the documentation: the table, and every run behind it."""
    intro = (
        "# Accuracy\n\n"
        "The nine ready-made specs, trained as they stand, and beside them a hand-written PyTorch program of the same\n"
        "network and recipe, which shows what that recipe gives. Written by `python benchmarks/accuracy.py`; the\n"
        "PyTorch runs are those of `python benchmarks/torch_twins.py`.\n"
    )
    return "\n".join([intro, f"{BEGIN}\n{table(results)}{END}\n", "## Every run\n", _every_run(results)])


def between_markers(text: str, content: str) -> str:
    """Return a text with what stands between the two markers replaced.

    Raises:
        ValueError: when it does not hold each marker once, in their order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"the text needs {BEGIN} and, after it, {END}, each once")
    return f"{before}{BEGIN}\n{content}{END}{after}"


def _rows(results: Results) -> list[Row]:
    records = [*results.runs.values(), *results.twins.values()]
    order = list(SPECS)
    # A spec's own number of epochs comes first, then the others.
    keys = sorted({(order.index(r.spec), r.epochs != r.spec_epochs, r.epochs) for r in records if r.spec in order})
    return [
        Row(order[i], epochs, _matching(results.runs, order[i], epochs), _matching(results.twins, order[i], epochs))
        for i, _, epochs in keys
    ]


def _matching(records: Mapping[str, Record], spec: str, epochs: int) -> list[Record]:
    found = [record for record in records.values() if (record.spec, record.epochs) == (spec, epochs)]
    return sorted(found, key=lambda record: record.seed)


def _cells(row: Row) -> list[str]:
    facts = FACTS[row.spec]
    return [
        row.title,
        facts.network,
        str(row.epochs),
        ", ".join(str(run.seed) for run in row.runs) or NONE,
        _percent([run.last.test_accuracy for run in row.runs]),
        f"{100 * mean(run.best_accuracy for run in row.runs):.2f} %" if row.runs else NONE,
        facts.figures.get(row.epochs, NONE),
        _percent([run.last.test_accuracy for run in row.twins]),
        f"{median(run.seconds for run in row.runs):.0f}" if row.runs else NONE,
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _percent(shares: Sequence[float]) -> str:
    return f"{_spread([100 * share for share in shares], 2)} %" if shares else NONE


def _spread(values: Sequence[float], digits: int) -> str:
    """Return `mean ± half range`; a lone value has no spread."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{mean(values):.{digits}f} ± {(max(values) - min(values)) / 2:.{digits}f}"


def _notes(rows: Sequence[Row]) -> list[str]:
    return [
        "Accuracies are means over the seeds, ± half the range from the lowest to the highest; without ± they come",
        "from a single seed. *Best epoch* is the mean of the best test accuracy seen after any epoch. It is chosen on",
        "the test set, as tutorials often do, and so it flatters: the last epoch is the honest figure.",
        *_cost_note(rows),
        *_twin_note(rows),
        *_machine_note("Trained", [run for row in rows for run in row.runs]),
        *_machine_note("PyTorch twins trained", [run for row in rows for run in row.twins]),
    ]


def _cost_note(rows: Sequence[Row]) -> list[str]:
    """Return what Blocks reports: the test cost, penalty included, after one epoch."""
    blocks = [row for row in rows if row.spec == "blocks_mlp"]
    costs = [run.history[0].test_loss for row in blocks for run in row.runs]
    twins = [run.history[0].test_loss for row in blocks for run in row.twins]
    if not costs:
        return []
    beside = f" (PyTorch twin {_spread(twins, 4)})" if twins else ""
    return ["", f"`blocks_mlp` has a test cost, l2 penalty included, of {_spread(costs, 4)}{beside} after one epoch."]


def _twin_note(rows: Sequence[Row]) -> list[str]:
    """Say so where the twin was trained from other seeds than the spec."""
    unlike = [row for row in rows if row.runs and row.twins and _seeds(row.runs) != _seeds(row.twins)]
    said = "; ".join(f"{row.title}: {', '.join(map(str, _seeds(row.twins)))}" for row in unlike)
    return ["", f"Seeds of the PyTorch twin where they differ: {said}."] if said else []


def _seeds(records: Iterable[Record]) -> list[int]:
    return [record.seed for record in records]


def _machine_note(what: str, runs: Sequence[Record]) -> list[str]:
    """Return where, with what and on which data the runs were made."""
    said = {_where(run) for run in runs}
    return ["", f"{what} on {'; '.join(sorted(said))}."] if said else []


def _where(run: Record) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    cores = f"{run.machine.cores} core{'s' if run.machine.cores > 1 else ''}"
    return f"{run.dataset} with {versions}; {run.machine.device}, {cores}"


def _every_run(results: Results) -> str:
    header = ("spec", "epochs", "seed", "by", "last epoch", "best epoch", "test loss", "seconds")
    kinds = (("netspec", results.runs), ("PyTorch", results.twins))
    order = list(SPECS)
    found = [(by, run) for by, records in kinds for run in records.values() if run.spec in order]
    found.sort(key=lambda pair: (order.index(pair[1].spec), pair[1].epochs, pair[0] != "netspec", pair[1].seed))
    lines = [_line(_run_cells(by, run)) for by, run in found]
    return "\n".join([_line(header), _line(["---", "---:", "---:", "---", *["---:"] * 4]), *lines]) + "\n"


def _run_cells(by: str, run: Record) -> list[str]:
    return [
        run.spec,
        str(run.epochs),
        str(run.seed),
        by,
        f"{100 * run.last.test_accuracy:.2f} %",
        f"{100 * run.best_accuracy:.2f} %",
        f"{run.last.test_loss:.4f}",
        f"{run.seconds:.0f}",
    ]
