"""The recorded runs behind the accuracy table: one JSON file, an entry for each (dataset, spec, epochs, seed).

A run is added as soon as it is over, so the work can be cut into pieces: a later call skips what is there already.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

import netspec as ns
from netspec.system.files import atomic_write

__all__ = [
    "SPECS",
    "Figures",
    "Job",
    "Kind",
    "Machine",
    "Record",
    "Results",
    "Spec",
    "add",
    "find_spec",
    "options",
    "read",
    "record_all",
]

Kind: TypeAlias = Literal["runs", "twins"]
"""What trained: netspec, or the hand-written PyTorch twin."""

_FOLDER = Path(__file__).resolve().parent.parent / "specs"

SPECS: Mapping[str, Path] = {
    "lenet": _FOLDER / "lenet.net",
    **{
        name: _FOLDER / "tutorials" / f"{name}.net"
        for name in (
            "paddle_softmax",
            "paddle_mlp",
            "paddle_lenet",
            "gluon_mlp",
            "gluon_lenet",
            "torch_cnn",
            "lasagne_cnn",
            "blocks_mlp",
        )
    },
}
"""The nine specs, in the order of the table."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spec(_Frozen):
    """A spec file, its network, and what tells whether it has changed since a run was recorded."""

    name: str
    path: Path
    network: ns.Network
    text_sha256: str
    network_sha256: str


class Figures(_Frozen):
    """What was measured after one epoch; losses include the l2 penalty."""

    test_accuracy: float
    test_loss: float
    validation_accuracy: float | None = None
    validation_loss: float | None = None
    seconds: float


class Machine(_Frozen):
    """Where a run was made."""

    platform: str
    cores: int
    device: str

    @classmethod
    def this(cls, device: str) -> Machine:
        """Return the machine this program runs on."""
        return cls(platform=platform.platform(), cores=os.cpu_count() or 1, device=device)


class Record(_Frozen):
    """One finished run."""

    spec: str
    dataset: str
    epochs: int
    seed: int
    spec_epochs: int
    text_sha256: str
    network_sha256: str
    history: tuple[Figures, ...]
    seconds: float
    versions: dict[str, str]
    machine: Machine
    date: str

    @property
    def last(self) -> Figures:
        """What the last epoch gave."""
        return self.history[-1]

    @property
    def best_accuracy(self) -> float:
        """The best test accuracy that was seen after any epoch."""
        return max(figures.test_accuracy for figures in self.history)

    def fits(self, spec: Spec) -> bool:
        """Return whether this is a run of the spec as it is now; a changed comment changes nothing."""
        return self.text_sha256 == spec.text_sha256 or self.network_sha256 == spec.network_sha256


class Results(_Frozen):
    """The whole file."""

    format: Literal[1] = 1
    runs: dict[str, Record] = {}
    twins: dict[str, Record] = {}

    def of(self, kind: Kind) -> dict[str, Record]:
        """Return the records of one kind by their keys."""
        return self.runs if kind == "runs" else self.twins


class Job(_Frozen):
    """A run to be made."""

    spec: Spec
    dataset: str
    epochs: int
    seed: int

    @property
    def key(self) -> str:
        """What the run is recorded under."""
        return f"{self.dataset}/{self.spec.name}/{self.epochs}/{self.seed}"

    def is_done(self, results: Results, kind: Kind) -> bool:
        """Return whether a run of the same spec is recorded."""
        record = results.of(kind).get(self.key)
        return record is not None and record.fits(self.spec)

    def record(self, history: list[Figures], *, seconds: float, device: str, versions: Mapping[str, str]) -> Record:
        """Return what is to be kept of the run, now that it is over."""
        return Record(
            spec=self.spec.name,
            dataset=self.dataset,
            epochs=self.epochs,
            seed=self.seed,
            spec_epochs=self.spec.network.recipe.epochs,
            text_sha256=self.spec.text_sha256,
            network_sha256=self.spec.network_sha256,
            history=tuple(history),
            seconds=seconds,
            versions={"netspec": ns.__version__, "python": platform.python_version(), **versions},
            machine=Machine.this(device),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def find_spec(name: str) -> Spec:
    """Return one of the nine specs by name, or any other by its path.

    Raises:
        NetspecError: when there is no such spec, or it is wrong.
    """
    path = SPECS.get(name, Path(name))
    network = ns.load(path)
    return Spec(
        name=path.stem,
        path=path,
        network=network,
        text_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        network_sha256=hashlib.sha256(network.model_dump_json().encode()).hexdigest(),
    )


def read(path: Path) -> Results:
    """Return the recorded runs; none where there is no file yet.

    Raises:
        ValidationError: when the file is not what this program writes.
    """
    if not path.exists():
        return Results()
    return Results.model_validate_json(path.read_bytes())


def add(path: Path, kind: Kind, key: str, record: Record) -> None:
    """Record a run, in place of an earlier one of the same key."""
    # Read again, since another call of this program may have added a run while this one trained.
    results = read(path)
    records = {**results.of(kind), key: record}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, results.model_copy(update={kind: records}).model_dump_json(indent=1) + "\n")


def options(description: str, names: list[str]) -> argparse.ArgumentParser:
    """Return the options that the table and the twins share; `names` are the specs taken unless given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    parser.add_argument("--specs", nargs="+", default=names, metavar="NAME", help=f"default: {' '.join(names)}")
    parser.add_argument("--epochs", type=int, help="instead of the spec's; kept as a row of its own")
    parser.add_argument("--data", default="mnist", metavar="NAME", help="dataset; default: mnist")
    parser.add_argument(
        "--json",
        type=Path,
        default=Path("benchmarks/results/accuracy.json"),
        metavar="FILE",
        help="where runs are recorded; default: benchmarks/results/accuracy.json",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument(
        "--skip-done", dest="again", action="store_false", help="skip runs recorded for the same spec (default)"
    )
    again.add_argument("--again", action="store_true", help="also make runs that are recorded")
    parser.set_defaults(again=False)
    return parser


def record_all(chosen: argparse.Namespace, kind: Kind, train: Callable[[Job], Record]) -> None:
    """Make the runs that the options ask for and that are not recorded yet, and record each as it ends."""
    for job in _jobs(chosen):
        if not chosen.again and job.is_done(read(chosen.json), kind):
            print(f"{job.key}: recorded already", file=sys.stderr, flush=True)
            continue
        add(chosen.json, kind, job.key, train(job))


def _jobs(chosen: argparse.Namespace) -> Iterator[Job]:
    """Yield all runs, the first seed of every spec first, so that the table fills from the top of the list of seeds."""
    specs = [find_spec(name) for name in chosen.specs]
    for seed in chosen.seeds:
        for spec in specs:
            yield Job(spec=spec, dataset=chosen.data, epochs=chosen.epochs or spec.network.recipe.epochs, seed=seed)
