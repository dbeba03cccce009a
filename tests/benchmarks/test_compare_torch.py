"""The PyTorch programs of the comparison compute what netspec computes, network by network."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

from comparison.cases import CASES, Case
from comparison.job import Array, Job
from comparison.nets.torch_nets import NETS
from comparison.netspec_side import NetspecProgram
from comparison.prepare import load, make_job
from comparison.torch_side import TorchProgram

import netspec as ns

TRAINED = ("torch_cnn", "blocks_mlp", "lasagne_cnn", "transformer")
"""One of each optimizer, with coupled and decoupled decay, l2, momentum, clipping."""


DEEP = ("mobilenet", "resnet20", "transformer", "torch_cnn")


def named(names: Iterable[str]) -> list[Any]:
    """Return them as parameters; those that take long to compile are slow tests."""
    return [pytest.param(name, marks=[pytest.mark.slow] if name in DEEP else []) for name in names]


def small(name: str) -> Case:
    return replace(CASES[name], batch=4, batches=2)


def job_of(name: str) -> Job:
    return make_job(small(name))


@cache
def netspec_after(name: str, steps: int) -> tuple[float, Array]:
    """Return netspec's mean loss of some steps, and its outputs after them."""
    program = NetspecProgram(job_of(name), dropout=False)
    return program.mean_loss(program.train(steps)), program.predict(8)


def test_every_network_has_a_program() -> None:
    assert set(NETS) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_parameters(name: str) -> None:
    network = NETS[name]()
    assert sum(p.numel() for p in network.parameters()) == load(CASES[name]).graph().parameter_count


@pytest.mark.parametrize("name", named(CASES))
def test_the_first_loss(name: str) -> None:
    job = job_of(name)
    model = ns.compile(load(CASES[name]), "cpu")
    program = TorchProgram(job, dropout=False, best=True, compiled=False)
    program.network.eval()
    with torch.no_grad():
        ours = program.loss(program.inputs[: job.batch], program.labels[: job.batch])
    expected = model.loss(model.init(0), job.images[: job.batch], job.labels[: job.batch])
    assert float(ours) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("name", named(TRAINED))
@pytest.mark.parametrize("best", [False, True], ids=["idiomatic", "best"])
def test_the_losses_of_some_steps(name: str, best: bool) -> None:
    program = TorchProgram(job_of(name), dropout=False, best=best, compiled=False)
    expected, outputs = netspec_after(name, 4)
    assert program.mean_loss(program.train(4)) == pytest.approx(expected, rel=1e-3)
    np.testing.assert_allclose(program.predict(8), outputs, rtol=2e-2, atol=2e-3)
