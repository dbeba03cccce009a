"""Trains the eight tutorial networks in PyTorch, by the same recipes: the yardstick of the accuracy table.

    python benchmarks/torch_twins.py --specs paddle_softmax --seeds 0 1 2

Networks (comparison/nets/torch_nets.py) and recipes are written by hand from the tutorials, not derived from the specs,
so that a spec that says something else shows. Only the data and the order of its batches are netspec's. Initial values
have the same distribution, not the same numbers. Results are recorded beside those of benchmarks/accuracy.py, which
writes the table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

import numpy as np
import torch
from accuracy_results import Figures, Job, Record, options, record_all
from comparison.nets import torch_nets
from numpy.typing import NDArray
from torch import Tensor, nn

import netspec as ns
from netspec import data as datasets
from netspec.data import batch_indices, epoch_order

__all__ = ["TWINS", "Twin", "main", "train", "weighted_layers"]

_THREADS = 2
_EVALUATED_AT_A_TIME = 1000
_SHAPE = (1, 28, 28)

Parameters: TypeAlias = Iterable[nn.Parameter]
Initializer: TypeAlias = Callable[[nn.Module], None]


# --- initial values -------------------------------------------------------------------------------------------------


def xavier(magnitude: float) -> Initializer:
    """Uniform in ±√(magnitude / mean fan), biases 0; Glorot's own magnitude is 3."""

    def initialize(network: nn.Module) -> None:
        for layer in weighted_layers(network):
            nn.init.xavier_uniform_(layer.weight, gain=sqrt(magnitude / 3))
            _zero_bias(layer)

    return initialize


def normal(std: float) -> Initializer:
    """Normal around 0, biases 0."""

    def initialize(network: nn.Module) -> None:
        for layer in weighted_layers(network):
            nn.init.normal_(layer.weight, std=std)
            _zero_bias(layer)

    return initialize


def torch_default(network: nn.Module) -> None:
    """What `nn.Linear` and `nn.Conv2d` have begun with already: uniform in ±1/√(fan in), biases too."""


def weighted_layers(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def _zero_bias(layer: nn.Conv2d | nn.Linear) -> None:
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


# --- the recipes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Twin:
    """A network and how it is trained.

    A byte b becomes `factor * b + offset`. `shuffle` is as for `epoch_order`, and `l2` times the squared norm of every
    weight matrix is part of the loss.
    """

    network: Callable[[], nn.Sequential]
    initialize: Initializer
    optimizer: Callable[[Parameters], torch.optim.Optimizer]
    factor: float
    offset: float
    batch: int
    epochs: int
    shuffle: bool | int = True
    validation: int = 0
    l2: float = 0.0


def _paddle(network: Callable[[], nn.Sequential]) -> Twin:
    return Twin(
        network,
        initialize=xavier(3.0),
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.001),
        factor=2 / 255,
        offset=-1.0,
        batch=64,
        epochs=5,
        shuffle=500,
    )


def _gluon(network: Callable[[], nn.Sequential]) -> Twin:
    return Twin(
        network,
        initialize=xavier(2.24),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        factor=1 / 255,
        offset=0.0,
        batch=100,
        epochs=10,
    )


TWINS: Mapping[str, Twin] = {
    "paddle_softmax": _paddle(torch_nets.paddle_softmax),
    "paddle_mlp": _paddle(torch_nets.paddle_mlp),
    "paddle_lenet": _paddle(torch_nets.paddle_lenet),
    "gluon_mlp": _gluon(torch_nets.gluon_mlp),
    "gluon_lenet": _gluon(torch_nets.gluon_lenet),
    "torch_cnn": Twin(
        torch_nets.torch_cnn,
        initialize=torch_default,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=3e-4, weight_decay=0.001),
        factor=1 / 127.5,
        offset=-1.0,
        batch=100,
        epochs=10,
    ),
    "lasagne_cnn": Twin(
        torch_nets.lasagne_cnn,
        initialize=xavier(3.0),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9, nesterov=True),
        factor=1 / 256,
        offset=0.0,
        batch=50,
        epochs=5,
        validation=10_000,
    ),
    "blocks_mlp": Twin(
        torch_nets.blocks_mlp,
        initialize=normal(0.01),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        factor=1 / 255,
        offset=0.0,
        batch=256,
        epochs=1,
        shuffle=False,
        l2=0.005,
    ),
}
"""By the name of the spec."""


# --- training -------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is asked for, record it, and return the exit code."""
    parser = options("Train the PyTorch twins of the tutorial specs.", list(TWINS))
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.specs if name not in TWINS]
    if unknown:
        parser.error(f"there is no twin of {', '.join(unknown)}; there are {', '.join(TWINS)}")
    torch.set_num_threads(_THREADS)
    try:
        record_all(chosen, "twins", train)
    except (ns.NetspecError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def train(job: Job) -> Record:
    """Train a twin once and return what was measured."""
    training = _Training(TWINS[job.spec.name], job.dataset, job.seed)
    began = time.perf_counter()
    history = []
    for epoch in range(1, job.epochs + 1):
        figures = training.epoch(epoch)
        history.append(figures)
        shown = f"test {100 * figures.test_accuracy:.2f} % ({figures.seconds:.0f} s)"
        print(f"{job.key}: twin epoch {epoch} {shown}", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - began
    return job.record(history, seconds=seconds, device="cpu", versions={"torch": torch.__version__})


class _Split:
    """Prepared images and labels."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int32], twin: Twin) -> None:
        prepared = images.astype(np.float32) * np.float32(twin.factor) + np.float32(twin.offset)
        self.images = torch.from_numpy(prepared)
        self.labels = torch.from_numpy(labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, some: slice) -> tuple[Tensor, Tensor]:
        return self.images[some], self.labels[some]


class _Training:
    """One training of a twin."""

    def __init__(self, twin: Twin, dataset: str, seed: int) -> None:
        loaded = datasets.load([dataset], shape=_SHAPE)
        keep = len(loaded.train) - twin.validation
        if keep <= 0:
            raise ValueError(f"{dataset} is too small to hold out {twin.validation:,} examples for validation")
        images, labels = loaded.train.images, loaded.train.labels
        self.twin, self.seed = twin, seed
        self.train = _Split(images[:keep], labels[:keep], twin)
        self.validation = _Split(images[keep:], labels[keep:], twin) if twin.validation else None
        self.test = _Split(loaded.test.images, loaded.test.labels, twin)
        torch.manual_seed(seed)
        self.network = twin.network()
        twin.initialize(self.network)
        self.optimizer = twin.optimizer(self.network.parameters())

    def epoch(self, number: int) -> Figures:
        """Train through the set once, in the order in which netspec does, and evaluate."""
        began = time.perf_counter()
        order = epoch_order(len(self.train), seed=self.seed, epoch=number, shuffle=self.twin.shuffle)
        self.network.train()
        for step in range(-(-len(order) // self.twin.batch)):
            self._step(torch.from_numpy(batch_indices(order, step, self.twin.batch)))
        loss, accuracy = self._evaluate(self.test)
        held_out = self._evaluate(self.validation) if self.validation else (None, None)
        return Figures(
            test_accuracy=accuracy,
            test_loss=loss,
            validation_accuracy=held_out[1],
            validation_loss=held_out[0],
            seconds=time.perf_counter() - began,
        )

    def _step(self, indices: Tensor) -> None:
        logits = self.network(self.train.images[indices])
        loss = nn.functional.cross_entropy(logits, self.train.labels[indices]) + self._penalty()
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()

    def _penalty(self) -> Tensor:
        if not self.twin.l2:
            return torch.zeros(())
        return (
            self.twin.l2 * torch.stack([layer.weight.square().sum() for layer in weighted_layers(self.network)]).sum()
        )

    @torch.no_grad()
    def _evaluate(self, split: _Split) -> tuple[float, float]:
        """Return mean loss, l2 penalty included, and accuracy; dropout off, batch norm with its running averages."""
        self.network.eval()
        loss, right = 0.0, 0
        for start in range(0, len(split), _EVALUATED_AT_A_TIME):
            images, labels = split[start : start + _EVALUATED_AT_A_TIME]
            logits = self.network(images)
            loss += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
            right += int((logits.argmax(1) == labels).sum())
        return loss / len(split) + self._penalty().item(), right / len(split)


if __name__ == "__main__":
    sys.exit(main())
