"""What a notebook shows: networks drawn, figures of a run, and the cell magic with its errors in place."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import netspec as ns
from netspec.diagnostics.diagnostic import NetspecError
from netspec.notebook.magic import register, spec_cell

SPEC = "input 1x6x6; conv 2 3x3 relu; fc 2 softmax; train { epochs 1; batch 8 }"


def drawn(html: str) -> str:
    """Return the text of the SVG within a page."""
    found = re.search(r"data:image/svg\+xml;base64,([^\"]+)", html)
    assert found
    text = base64.b64decode(found[1]).decode()
    ElementTree.fromstring(text)
    return text


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ns.Run:
    folder = tmp_path_factory.mktemp("notebook")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 1, 6, 6)).astype(np.uint8), rng.integers(0, 2, 40)
    np.savez(folder / "d.npz", x_train=x, y_train=y, x_test=x[:9], y_test=y[:9], class_names=["<a>", "b"])
    for _ in ns.train(ns.parse(SPEC, name="tiny"), data=folder / "d.npz", out=folder / "run"):
        pass
    return ns.open(folder / "run")


def test_a_network_and_a_model_are_drawn() -> None:
    network = ns.parse(SPEC, name="tiny")
    shown = network._repr_html_()
    assert "conv 2 3x3" in drawn(shown) or "conv 2 3" in drawn(shown)
    assert ">tiny<" in shown
    assert "on cpu" in ns.compile(network)._repr_html_()
    assert "<td" in network.graph()._repr_html_()


def test_a_network_that_does_not_fit_is_said_in_words() -> None:
    assert "<pre>" in ns.parse(SPEC).model_copy(update={"input": (1, 2, 2)})._repr_html_()


def test_a_run_and_its_data_are_shown(run: Any) -> None:
    shown = run._repr_html_()
    drawn(shown)
    assert "epoch 1" in shown
    data = run.dataset()._repr_html_()
    assert "&lt;a&gt;" in data
    assert "data:image/png;base64" in data
    assert ">40<" in data


def test_pictures_are_figures_that_are_shown(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415

    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((1, 1, 6, 6), np.uint8))
    plot = run.plot
    made = [plot.curves(), plot.confusion(split="train"), plot.saliency("x.npy"), plot.network(), plot.embeddings()]
    for figure in made:
        assert isinstance(figure, Figure)
        assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert [file.name for file in tmp_path.iterdir()] == ["x.npy"]
    with pytest.raises(NetspecError, match=r"no numbers|not numbers"):
        plot.scatter()
    for wrong in ({"of": 3}, {"layer": 3}, {"output": 3}):
        with pytest.raises(NetspecError, match=f"{next(iter(wrong))} must be a text, not the int 3"):
            plot.saliency("x.npy", **wrong)
    with pytest.raises(NetspecError, match="gives one output"):
        plot.saliency("x.npy", output="other")
    with pytest.raises(TypeError, match="of"):
        plot.roc(of="3")  # is of another picture
    assert "saliency()" in repr(plot)


def test_a_cell_is_a_network_or_says_what_is_wrong() -> None:
    shell = SimpleNamespace(user_ns={}, kept={})
    shown = spec_cell(shell, "", SPEC)
    assert isinstance(shell.user_ns["net"], ns.Network)
    drawn(shown._repr_html_())
    assert repr(shown) == repr(shell.user_ns["net"])
    wrong = spec_cell(shell, " other ", "input 1x6x6\ncnv 2 3x3\n")
    assert "other" not in shell.user_ns
    assert "line 2" in repr(wrong) or ":2:" in repr(wrong)
    assert "conv" in repr(wrong)
    assert "<pre>" in wrong._repr_html_()
    for name in ("a b", "class"):
        assert "no name of a variable" in repr(spec_cell(shell, name, SPEC))


def test_the_extension_registers_the_magic() -> None:
    kept: dict[str, Any] = {}
    shell = SimpleNamespace(
        user_ns={}, register_magic_function=lambda function, kind, name: kept.update({(kind, name): function})
    )
    ns.load_ipython_extension(shell)
    kept["cell", "netspec"]("mine", SPEC)
    assert set(shell.user_ns) == {"mine"}
    assert register
