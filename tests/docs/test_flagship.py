"""The promise of the README's first command: LeNet on the bundled digits, at least 98 % right."""

from pathlib import Path

import pytest

import netspec as ns

SPEC = Path(__file__).parents[2] / "specs" / "lenet.net"


@pytest.mark.slow
def test_lenet_learns_the_bundled_digits() -> None:
    *_, finished = ns.train(ns.load(SPEC), data="digits")
    assert finished.result.dataset == "digits"
    assert finished.result.test_accuracy >= 0.98
