"""Trains the nine ready-made specs over several seeds and writes the accuracy table.

    python benchmarks/accuracy.py                                        # what is not recorded yet, then the table
    python benchmarks/accuracy.py --specs lasagne_cnn --epochs 50 --seeds 0
    python benchmarks/accuracy.py --table --readme README.md             # only the table, from the recorded runs

Every finished run is recorded at once, in benchmarks/results/accuracy.json: the work can be stopped and taken up again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from accuracy_results import SPECS, Figures, Job, Record, Results, Spec, find_spec, options, read, record_all
from accuracy_table import between_markers, page, table

import netspec as ns
from netspec.system.files import atomic_write

__all__ = ["current", "main", "train", "without_evaluations"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is asked for, write the table, and return the exit code."""
    chosen = _options().parse_args(arguments)
    try:
        if not chosen.table:
            record_all(chosen, "runs", train)
        _write(chosen, current(read(chosen.json), chosen.data))
    except (ns.NetspecError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def train(job: Job) -> Record:
    """Train a spec once and return what was measured."""
    history: list[Figures] = []
    result: ns.Result | None = None
    # The dataset is named even where it is the spec's own, so that `data mnist else digits` cannot fall back.
    events = ns.train(without_evaluations(job.spec), data=job.dataset, seed=job.seed, epochs=job.epochs)
    for event in events:
        if isinstance(event, ns.Epoch):
            history.append(_figures(event))
            _tell(job, event)
        elif isinstance(event, ns.Finished):
            result = event.result
    assert result is not None
    return job.record(history, seconds=result.seconds, device=result.device, versions={"jax": version("jax")})


def without_evaluations(spec: Spec) -> ns.Network:
    """Return the network without evaluations within epochs: they change no weight, and would count as training time."""
    evaluate = spec.network.recipe.evaluate
    if evaluate.every is None:
        return spec.network
    recipe = spec.network.recipe.model_copy(update={"evaluate": evaluate.model_copy(update={"every": None})})
    return spec.network.model_copy(update={"recipe": recipe})


def current(results: Results, dataset: str) -> Results:
    """Return the runs on a dataset whose specs have not changed since, and name those left out."""
    specs = {name: find_spec(name) for name in SPECS}

    def kept(records: dict[str, Record]) -> dict[str, Record]:
        of_nine = {k: r for k, r in records.items() if r.dataset == dataset and r.spec in specs}
        stale = [key for key, record in of_nine.items() if not record.fits(specs[record.spec])]
        if stale:
            print(f"left out, since their specs have changed: {', '.join(stale)}", file=sys.stderr)
        return {key: record for key, record in of_nine.items() if key not in stale}

    return Results(runs=kept(results.runs), twins=kept(results.twins))


def _options() -> argparse.ArgumentParser:
    parser = options("Train the ready-made specs over several seeds and write the accuracy table.", list(SPECS))
    parser.add_argument("--table", action="store_true", help="train nothing: only write the table")
    parser.add_argument(
        "-o",
        dest="output",
        type=Path,
        default=Path("docs/accuracy.md"),
        metavar="FILE",
        help="where the page is written; default: docs/accuracy.md",
    )
    parser.add_argument("--readme", type=Path, metavar="FILE", help="a page that holds the markers of the table")
    return parser


def _write(chosen: argparse.Namespace, results: Results) -> None:
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(chosen.output, page(results))
    if chosen.readme:
        text = chosen.readme.read_text(encoding="utf-8")
        atomic_write(chosen.readme, between_markers(text, table(results)))


def _figures(event: ns.Epoch) -> Figures:
    assert event.test_accuracy is not None
    held_out = event.validation_accuracy
    return Figures(
        test_accuracy=round(event.test_accuracy, 6),  # a float32 share, such as 0.8873000144958496
        test_loss=event.test_loss,
        validation_accuracy=None if held_out is None else round(held_out, 6),
        validation_loss=event.validation_loss,
        seconds=event.seconds,
    )


def _tell(job: Job, event: ns.Epoch) -> None:
    accuracy = 100 * (event.test_accuracy or 0)
    print(f"{job.key}: epoch {event.epoch} test {accuracy:.2f} % ({event.seconds:.0f} s)", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
