"""What is frozen costs no gradient, and no memory of the optimizer."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.train.step import Trainer
from netspec.data.types import Split

NETWORK = """
input 2x12x12
conv 4 3x3 pad=same nobias as a; batchnorm as an; relu
conv 4 3x3 pad=same nobias as b; batchnorm as bn; relu
globalpool
fc 3 softmax as head
train { optimizer adam; batch 8; epochs 3 }
"""


def lowered(lines: str) -> Any:
    net = ns.parse(f"{NETWORK}\n{lines}\ncompile {{ conv direct; layout channels_first }}")
    trainer = Trainer(ns.compile(net, "cpu"), steps_per_epoch=1, epochs=3, seed=0)
    data = trainer.place(Split(np.zeros((8, 2, 12, 12), np.float32), np.zeros(8, np.int32)))
    indices = np.arange(8, dtype=np.int32)
    return trainer, trainer.start(), (data.images, data.labels, indices)


@pytest.mark.parametrize(
    ("lines", "convolutions"),
    [
        # Two forward, of each the gradient of its kernel, and that of the input of the second.
        ("", 5),
        # That of the input of the second goes nowhere; its kernel has one.
        ("freeze a an", 3),
        # The gradient goes through it to the first.
        ("freeze b bn", 4),
        ("freeze all; unfreeze head", 2),
    ],
)
def test_the_backward_pass_does_not_go_where_nothing_is_trained(lines: str, convolutions: int) -> None:
    trainer, state, arrays = lowered(lines)
    text = trainer._step.lower(state, *arrays, phase=0).compile().as_text()
    found = sum(" convolution(" in line for line in text.splitlines())
    assert found == convolutions


def test_averages_are_of_what_is_trained() -> None:
    _, state, _ = lowered("freeze all; unfreeze head; freeze b until=2")
    sizes = [leaf.size for leaf in jax.tree.leaves(state.optimizer) if leaf.ndim]
    # Mean and mean square of the head, and of the kernel that is trained later.
    assert sorted(sizes) == sorted(2 * [12, 3, 144])
