"""What follows from the texts of `specs/models` beside their parameters, which test_published.py has. Without JAX."""

from __future__ import annotations

import pytest

import netspec as ns
from netspec.system.resources import specs_folder

SPECS = {path.stem: path for path in sorted((specs_folder() / "models").glob("*.net"))}


def test_running_averages_of_mobilenet() -> None:
    parameters = ns.load(SPECS["mobilenet"]).graph().parameters.values()
    assert sum(p.size for p in parameters if not p.trainable) == 21_888
    assert sum(p.size for p in parameters) == 4_253_864


@pytest.mark.parametrize(("name", "shape"), [("mobilenet", (1024, 7, 7)), ("squeezenet", (512, 13, 13))])
def test_the_last_image(name: str, shape: tuple[int, ...]) -> None:
    """Paddings change no count, but the size of what is averaged at the end: the papers' tables give it."""
    graph = ns.load(SPECS[name]).graph()
    images = [operation.shape for operation in graph.operations if operation.shape[0] == shape[0]]
    assert [s for s in images if len(s) == 3][-1] == shape
