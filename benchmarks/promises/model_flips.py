"""Damaged model files: each must be refused with a ModelFileError."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import numpy as np

import netspec as ns
from netspec.diagnostics.diagnostic import ModelFileError
from netspec.runs import model_file
from netspec.runs.model_file import ModelFile
from promises.damage import KINDS, damaged
from promises.frame import ROOT, Effort, Found

__all__ = ["measure", "written"]


def written(path: Path, seed: int) -> Path:
    """Write a model file of LeNet with random weights."""
    network = ns.load(ROOT / "specs" / "lenet.net")
    graph, rng = network.graph(), np.random.default_rng(seed)
    arrays = {p.path: rng.standard_normal(p.shape, np.float32) for p in graph.parameters.values()}
    labels = tuple("0123456789")
    model_file.write(path, ModelFile(network, graph, arrays, labels, {"epoch": 1}))
    return path


def measure(effort: Effort) -> Found:
    """Damage one bit, or more, of a model file, again and again; half of the flips hit the header."""
    rng, path = Random(effort.seed), written(effort.folder / "model.safetensors", effort.seed)
    data = path.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    tries = effort.of(10_000, 60)
    kinds: Counter[str] = Counter()
    loaded, others = 0, Counter[str]()
    for i in range(tries):
        # The header is a fiftieth of the file, and holds all that is parsed.
        kind = "flip" if i % 2 else rng.choice(KINDS)
        kinds[kind] += 1
        within = i % 4 == 1
        path.write_bytes(damaged(data[:header], kind, rng) + data[header:] if within else damaged(data, kind, rng))
        try:
            model_file.read(path)
            loaded += 1
        except ModelFileError:
            continue
        except Exception as error:  # what else comes out is what the promise is about
            others[type(error).__name__] += 1
    path.write_bytes(data)
    model_file.read(path)
    told = ", ".join(f"{kinds[kind]:,} {_NAMES[kind]}" for kind in KINDS)
    return Found(
        done=f"{tries:,} damages of a file of {len(data):,} bytes: {told}",
        figure=f"{loaded} loaded; {sum(others.values())} other errors than `ModelFileError`"
        + (f" ({', '.join(others)})" if others else ""),
        kept=not loaded and not others,
    )


_NAMES = {
    "flip": "flipped bits",
    "cut": "cuts",
    "stretch": "stretches of noise",
    "zeros": "stretches of zeros",
    "more": "bytes too many",
    "swap": "swapped stretches",
}
