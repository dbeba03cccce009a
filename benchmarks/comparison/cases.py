"""What is compared: the networks, how much of each is measured, and the programs that compete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ["CASES", "MULTILAYER", "PEERS", "TUTORIAL_CONVOLUTIONS", "Case", "Peer", "quick"]

_SPECS = Path(__file__).resolve().parents[2] / "specs"


@dataclass(frozen=True)
class Case:
    """One network and how much of it is measured.

    A round takes `steps` steps from the initial weights, through `batches` different batches again and again.
    `inference` says how many calls a round makes, by batch size. `tolerance` is how far the mean loss of the first
    `batches` steps may lie from netspec's, as a share of it: rounding grows with depth and learning rate.
    """

    spec: Path
    batches: int
    steps: int
    inference: Mapping[int, int] = field(default_factory=lambda: {1: 20, 64: 10, 1024: 2})
    batch: int | None = None
    """Instead of the recipe's, where that would take minutes a step."""
    rate: float | None = None
    """Learning rate instead of the recipe's, where that needs a warm-up: without one, rounding grows at every step."""
    tolerance: float = 1e-2
    rounds: int = 5


def _tutorial(name: str, *, steps: int) -> Case:
    return Case(_SPECS / "tutorials" / f"{name}.net", batches=20, steps=steps)


TUTORIAL_CONVOLUTIONS = ("lenet", "paddle_lenet", "gluon_lenet", "torch_cnn", "lasagne_cnn")
MULTILAYER = ("paddle_softmax", "paddle_mlp", "gluon_mlp", "blocks_mlp")

CASES: Mapping[str, Case] = {
    "lenet": Case(_SPECS / "lenet.net", batches=20, steps=20),
    **{name: _tutorial(name, steps=20) for name in TUTORIAL_CONVOLUTIONS[1:]},
    **{name: _tutorial(name, steps=200) for name in MULTILAYER},
    "resnet20": Case(
        _SPECS / "models" / "resnet20.net",
        batches=2,
        steps=2,
        inference={1: 10, 64: 2, 1024: 1},
        rate=0.01,
        rounds=3,
    ),
    "mobilenet": Case(
        _SPECS / "models" / "mobilenet.net",
        batches=2,
        steps=2,
        inference={1: 4, 64: 1},
        batch=8,
        rate=0.001,
        rounds=3,
    ),
    "transformer": Case(_SPECS / "models" / "transformer.net", batches=20, steps=20, inference={1: 20, 64: 4, 1024: 1}),
}
"""By the name of the spec, in the order of the tables."""


@dataclass(frozen=True)
class Peer:
    """A program that does netspec's work: of which library, and how it is written."""

    title: str
    library: str
    form: str
    trains: bool = True


PEERS: Mapping[str, Peer] = {
    "keras": Peer("Keras", "keras", "`compile` and `fit`; `predict`"),
    "keras_best": Peer("Keras, best", "keras", "stateless jitted step with donated state, data on the device"),
    "flax": Peer("Flax NNX", "flax", "`nnx.jit` training step and metrics, as in its MNIST tutorial"),
    "flax_best": Peer("Flax NNX, best", "flax", "functional step (`split`, `merge`) with donated state"),
    "torch": Peer("PyTorch", "torch", "eager, as in its tutorial"),
    "torch_best": Peer("PyTorch, best", "torch", "eager, channels last, fused optimizer, a thread for each core"),
    "torch_compile": Peer("torch.compile", "torch", "`torch.compile(network)`, otherwise as in the tutorial"),
    "torch_compile_best": Peer(
        "torch.compile, best",
        "torch",
        "network and loss compiled, channels last, fused optimizer; frozen to predict",
    ),
    "bare": Peer("bare jitted function", "netspec", "`jax.jit(model.apply)`, called without netspec", trains=False),
}
"""In the order of the tables."""


def quick(case: Case) -> Case:
    """Return as little of a case as shows that everything runs."""
    # Programs that take several steps in one call take a pass through the batches.
    return replace(case, steps=case.batches, inference=dict.fromkeys((1, 64), 1))
