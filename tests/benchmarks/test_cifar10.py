"""What is measured of CIFAR-10: the PyTorch twin is the network of the spec, and the page is that of the record."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import netspec as ns

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "benchmarks"), str(ROOT / "tests" / "parity")]

SPEC = (ROOT / "specs" / "cifar10.net").read_text(encoding="utf-8")


@pytest.mark.torch
def test_the_twin_is_the_network_of_the_spec() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    from cifar10_twin import network  # noqa: PLC0415
    from model_twins import load_by_order  # noqa: PLC0415

    ours = ns.parse(SPEC.replace("normalize channels; ", ""))
    model = ns.compile(ours, "cpu")
    variables = model.init(3)
    twin = network().eval()
    load_by_order(twin, ours, variables)
    x = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    with torch.no_grad():
        expected = twin(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(np.asarray(model.logits(variables, x)), expected, rtol=1e-4, atol=1e-4)


def test_the_page_is_that_of_the_record() -> None:
    from accuracy_results import read  # noqa: PLC0415
    from cifar10 import page  # noqa: PLC0415

    results = read(ROOT / "benchmarks" / "results" / "cifar10.json")
    assert (ROOT / "docs" / "cifar10.md").read_text(encoding="utf-8") == page(results, SPEC)
