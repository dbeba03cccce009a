"""Trains the network and recipe of specs/cifar10.net as a PyTorch program has them, for benchmarks/cifar10.py.

It is written by hand, not derived from the spec, so that a spec that says something else shows. Only the decoded
pictures and their order are netspec's.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from accuracy_results import Figures, Job, Record
from torch import Tensor, nn

from netspec.data import batch_indices, epoch_order
from netspec.data.for_network import load_data

__all__ = ["network", "train_twin"]

_THREADS = 2
_BATCH = 128
_RATE = 0.12
_EVALUATED_AT_A_TIME = 500


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_layer(channels, channels), *_layer(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.body(x)
        return made


def _layer(channels_in: int, channels: int, *, pooled: bool = False) -> list[nn.Module]:
    conv = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return [conv, *([nn.MaxPool2d(2)] if pooled else []), nn.BatchNorm2d(channels), nn.ReLU()]


def network() -> nn.Sequential:
    """Return the network; it gives logits."""
    head = nn.Linear(192, 10)
    nn.init.kaiming_normal_(head.weight, nonlinearity="relu")
    assert head.bias is not None
    nn.init.zeros_(head.bias)
    return nn.Sequential(
        *_layer(3, 24),
        *_layer(24, 48, pooled=True),
        _Residual(48),
        *_layer(48, 96, pooled=True),
        *_layer(96, 192, pooled=True),
        _Residual(192),
        *(nn.AdaptiveMaxPool2d(1), nn.Flatten(), head),
    )


def _augmented(pictures: Tensor) -> Tensor:
    """Return the pictures, half of them mirrored, moved by up to four pixels over a black border."""
    mirrored = torch.where(torch.rand(len(pictures), 1, 1, 1) < 0.5, pictures.flip(3), pictures)
    wider = nn.functional.pad(mirrored, (4, 4, 4, 4))
    corners = torch.randint(0, 9, (len(pictures), 2)).tolist()
    return torch.stack([each[:, i : i + 32, j : j + 32] for each, (i, j) in zip(wider, corners, strict=True)])


def train_twin(job: Job, pictures: Path) -> Record:
    """Train once and return what was measured."""
    torch.set_num_threads(_THREADS)
    training = _Training(job, pictures)
    began = time.perf_counter()
    history = []
    for epoch in range(1, job.epochs + 1):
        figures = training.epoch(epoch)
        history.append(figures)
        shown = f"test {100 * figures.test_accuracy:.2f} % ({figures.seconds:.0f} s)"
        print(f"{job.key}: twin epoch {epoch} {shown}", flush=True)
    seconds = time.perf_counter() - began
    return job.record(history, seconds=seconds, device="cpu", versions={"torch": torch.__version__})


class _Training:
    def __init__(self, job: Job, pictures: Path) -> None:
        loaded = load_data(job.spec.network, pictures)
        images = np.asarray(loaded.train.images)
        scaled = images.astype(np.float32) / 255
        self.mean = torch.tensor(scaled.mean((0, 2, 3), np.float64), dtype=torch.float32).view(1, 3, 1, 1)
        self.deviation = torch.tensor(scaled.std((0, 2, 3), np.float64), dtype=torch.float32).view(1, 3, 1, 1)
        self.images, self.labels = torch.from_numpy(images), _labels(loaded.train.labels)
        self.test, self.test_labels = torch.from_numpy(np.asarray(loaded.test.images)), _labels(loaded.test.labels)
        self.seed, self.steps = job.seed, -(-len(images) // _BATCH)
        torch.manual_seed(job.seed)
        self.network = network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), lr=_RATE, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=_RATE, total_steps=job.epochs * self.steps, cycle_momentum=False
        )
        self.loss = nn.CrossEntropyLoss(label_smoothing=0.1)

    def epoch(self, number: int) -> Figures:
        """Train through the set once, in the order in which netspec does, and evaluate."""
        began = time.perf_counter()
        order = epoch_order(len(self.images), seed=self.seed, epoch=number, shuffle=True)
        self.network.train()
        for step in range(self.steps):
            some = torch.from_numpy(batch_indices(order, step, _BATCH))
            loss = self.loss(self.network(self._prepared(_augmented(self.images[some]))), self.labels[some])
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            self.optimizer.step()
            self.schedule.step()
        loss_sum, right = self._evaluate()
        count = len(self.test)
        return Figures(test_accuracy=right / count, test_loss=loss_sum / count, seconds=time.perf_counter() - began)

    def _prepared(self, pictures: Tensor) -> Tensor:
        floats = (pictures.float() / 255 - self.mean) / self.deviation
        return floats.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def _evaluate(self) -> tuple[float, int]:
        """Return the sum of the losses and how many answers were right; batch norm with its running averages."""
        self.network.eval()
        total, right = 0.0, 0
        for start in range(0, len(self.test), _EVALUATED_AT_A_TIME):
            some = slice(start, start + _EVALUATED_AT_A_TIME)
            logits, labels = self.network(self._prepared(self.test[some])), self.test_labels[some]
            total += self.loss(logits, labels).item() * len(labels)
            right += int((logits.argmax(1) == labels).sum())
        return total, right


def _labels(labels: object) -> Tensor:
    return torch.from_numpy(np.asarray(labels, np.int64))
