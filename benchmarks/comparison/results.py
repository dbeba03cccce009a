"""What was measured, on one machine: a JSON file into which each measurement is merged as soon as it is over."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from math import inf, isnan
from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from comparison.job import cores
from netspec.system.files import atomic_write

__all__ = [
    "NETSPEC",
    "Agreement",
    "Cache",
    "Machine",
    "Measured",
    "Reached",
    "Results",
    "Rounds",
    "Run",
    "merge",
    "read",
    "write",
]

Cache: TypeAlias = Literal["cold", "warm"]
"""Whether what the compiler made before is found again."""

NETSPEC = "netspec"
"""The key of netspec's own figures, beside those of the peers."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rounds(_Frozen):
    """Seconds a step (or a call) of a peer, and of netspec in the same rounds, each right before the peer's."""

    peer: tuple[float, ...]
    netspec: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times as long the peer takes, by round."""
        return tuple(theirs / ours for theirs, ours in zip(self.peer, self.netspec, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return median(self.ratios)


class Agreement(_Frozen):
    """Mean loss of the same first steps without dropout, and the loss on test examples after them."""

    loss: float
    test_loss: float

    def difference(self, other: Agreement) -> float:
        """Return the larger of the two differences, as a share of the other's losses."""
        pairs = ((self.loss, other.loss), (self.test_loss, other.test_loss))
        shares = [abs(ours - theirs) / max(abs(theirs), 1e-9) for ours, theirs in pairs]
        return inf if any(isnan(share) for share in shares) else max(shares)


class Measured(_Frozen):
    """All that is known of one network, by peer."""

    batch: int
    steps: int
    tolerance: float
    training: Mapping[str, Rounds] = {}
    inference: Mapping[int, Mapping[str, Rounds]] = {}
    compile_seconds: Mapping[str, float] = {}
    peak_bytes: Mapping[str, int] = {}
    losses: Mapping[str, Agreement] = {}
    absent: Mapping[str, str] = {}
    floor: Rounds | None = None
    """As `peer` the time that the step's matrix products alone would take, as large square ones."""
    profile: tuple[tuple[str, float], ...] = ()
    """Where a step's time goes: (operation, share)."""
    inference_profiles: Mapping[int, tuple[tuple[str, float], ...]] = {}
    """Where the time of inference goes, by the examples at a time."""

    def disagrees(self, peer: str) -> bool:
        """Return whether a peer's losses are not netspec's."""
        if peer not in self.losses or NETSPEC not in self.losses:
            return False
        return self.losses[peer].difference(self.losses[NETSPEC]) > self.tolerance


class Run(_Frozen):
    """One `netspec train`, in seconds from the start of its process; `reached` is None where it never got there."""

    seed: int
    cache: Cache
    reached: float | None
    ended: float
    test_accuracy: float


class Reached(_Frozen):
    """All runs of a spec towards a test accuracy."""

    accuracy: float
    runs: tuple[Run, ...]

    def of(self, cache: Cache) -> tuple[Run, ...]:
        """Return the runs that began with this compilation cache."""
        return tuple(run for run in self.runs if run.cache == cache)

    def median(self, cache: Cache) -> float:
        """Return the median time; a run that never gets there counts as endless."""
        return median(inf if run.reached is None else run.reached for run in self.of(cache))


class Machine(_Frozen):
    """Where it was measured."""

    processor: str
    cores: int
    device: str
    system: str
    python: str

    @classmethod
    def this(cls, device: str) -> Machine:
        """Return the machine this program runs on."""
        return cls(
            processor=_processor(),
            cores=cores(),
            device=device,
            system=f"{platform.system()} {platform.release().partition('-')[0]}, {platform.machine()}",
            python=platform.python_version(),
        )


class Results(_Frozen):
    """A whole file."""

    machine: Machine | None = None
    versions: Mapping[str, str] = {}
    date: str = ""
    networks: Mapping[str, Measured] = {}
    to_99: Mapping[str, Reached] = {}


def read(path: Path) -> Results:
    """Return the results of a file, empty where there is none."""
    return Results.model_validate_json(path.read_bytes()) if path.exists() else Results()


def write(path: Path, results: Results) -> None:
    """Write a file at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, (results.model_dump_json(indent=1) + "\n").encode())


def merge(old: Results, new: Results) -> Results:
    """Return both, the new measurements in place of the old ones.

    Raises:
        ValueError: when they are of different machines or versions, which no table may mix.
    """
    if old.machine and new.machine and old.machine != new.machine:
        raise ValueError(f"the recorded figures are of another machine, {old.machine}: name another file with --json")
    for name, number in new.versions.items():
        if old.versions.get(name, number) != number:
            said = f"{name} {old.versions[name]}"
            raise ValueError(f"the recorded figures are of {said}, not {number}: name another file with --json")
    networks = dict(old.networks)
    for name, measured in new.networks.items():
        networks[name] = _joined(networks[name], measured) if name in networks else measured
    return Results(
        machine=new.machine or old.machine,
        versions=dict(sorted({**old.versions, **new.versions}.items())),
        date=new.date or old.date,
        networks=networks,
        to_99={**old.to_99, **new.to_99},
    )


def _joined(old: Measured, new: Measured) -> Measured:
    if (old.batch, old.steps) != (new.batch, new.steps):
        return new
    inference = {
        batch: {**old.inference.get(batch, {}), **new.inference.get(batch, {})}
        for batch in sorted({*old.inference, *new.inference})
    }
    seen = {*new.training, *new.losses}
    return Measured(
        batch=new.batch,
        steps=new.steps,
        tolerance=new.tolerance,
        training={**old.training, **new.training},
        inference=inference,
        compile_seconds={**old.compile_seconds, **new.compile_seconds},
        peak_bytes={**old.peak_bytes, **new.peak_bytes},
        losses={**old.losses, **new.losses},
        absent={**{peer: why for peer, why in old.absent.items() if peer not in seen}, **new.absent},
        floor=new.floor or old.floor,
        # What reaches its goal now has no profile any more.
        profile=new.profile if new.training else old.profile,
        inference_profiles={
            **{batch: shares for batch, shares in old.inference_profiles.items() if batch not in new.inference},
            **new.inference_profiles,
        },
    )


def _processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        if names:
            return names[0]
    if sys.platform == "darwin":
        told = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        return told.stdout.strip()
    return platform.processor() or "unknown"
