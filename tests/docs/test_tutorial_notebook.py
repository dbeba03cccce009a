"""The tutorial as a notebook: it has the text of the page, and its cells run."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.data import load

nbformat: Any = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install nbclient ipykernel")
pytest.importorskip("nbclient", reason="nbclient is not installed: pip install nbclient ipykernel")
pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install nbclient ipykernel")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import notebook as tutorial  # noqa: E402


def outputs(notebook: Any) -> dict[str, list[Any]]:
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def test_it_is_current_valid_and_small() -> None:
    assert tutorial.main(["--check"]) == 0
    text = tutorial.NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 1_500_000
    nbformat.validate(nbformat.reads(text, as_version=4))


def test_what_it_shows_is_of_a_whole_run_and_of_no_machine() -> None:
    kept = nbformat.read(tutorial.NOTEBOOK, as_version=4)
    numbers = [cell.execution_count for cell in kept.cells if cell.cell_type == "code"]
    assert numbers == list(range(1, len(numbers) + 1))
    said = [output for of_cell in outputs(kept).values() for output in of_cell]
    assert not [output for output in said if output.output_type == "error" or output.get("name") == "stderr"]
    assert not re.search(
        r"/(tmp|home|root|work|Users)/", str([o for o in said if "image/png" not in o.get("data", {})])
    )
    pictures = {
        name for name, of_cell in outputs(kept).items() if any("image/png" in o.get("data", {}) for o in of_cell)
    }
    assert pictures >= {"softmax_confusion", "lenet_curves", "lenet_mistakes", "kernels", "features", "saliency"}


def test_all_text_of_the_page_is_in_it() -> None:
    page, cells = tutorial.PAGE.read_text(encoding="utf-8"), tutorial.made().cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert re.findall("^## .*$", text, re.MULTILINE) == re.findall("^## .*$", page, re.MULTILINE)
    for spec in (ROOT / "docs" / "tutorial").glob("*.net"):
        assert f"%%netspec {spec.stem}\n{spec.read_text(encoding='utf-8').rstrip()}" in code
    assert "<!--" not in text
    assert "```console" not in text


def test_changed_text_is_written_and_changed_code_must_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = nbformat.read(tutorial.NOTEBOOK, as_version=4)
    monkeypatch.setattr(tutorial, "NOTEBOOK", tmp_path / "tutorial.ipynb")
    next(cell for cell in kept.cells if cell.cell_type == "markdown").source = "old"
    nbformat.write(kept, tutorial.NOTEBOOK)
    assert tutorial.main(["--check"]) == 1
    assert "another text" in capsys.readouterr().out
    assert tutorial.main(["--text"]) == 0
    assert tutorial.main(["--check"]) == 0
    assert outputs(nbformat.read(tutorial.NOTEBOOK, as_version=4)) == outputs(kept)
    next(cell for cell in kept.cells if cell.cell_type == "code").source = "old"
    nbformat.write(kept, tutorial.NOTEBOOK)
    for asked in ("--check", "--text"):
        assert tutorial.main([asked]) == 1
        assert "other cells" in capsys.readouterr().out


def ran(folder: Path, monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> dict[str, list[Any]]:
    """Return what the cells give, run with other parameters."""
    (folder / "run").mkdir()
    monkeypatch.setenv("NETSPEC_REPORT", "off")  # which nobody reads
    # JAX says so where another's cache is gone: whatever stands on stderr is to be netspec's.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder / "programs"))
    found = outputs(tutorial.executed(tutorial.made(), folder / "run", parameters))
    assert not [o for of_cell in found.values() for o in of_cell if o.get("name") == "stderr"]
    assert found["lenet_mistakes"][0].data["image/png"]
    assert "did you mean `relu`?" in found["refused"][0].data["text/plain"]
    runs = folder / "run" / "runs"
    assert {path.name for path in runs.iterdir()} == {"softmax", "perceptron", "lenet", "better", "circle", "wrong"}
    run = ns.open(runs / "better")
    image = run.read(folder / "run" / "tutorial" / "own.png")
    assert found["saving"][0].data["text/plain"] == repr(run.predict(image)[0].label)
    return found


@pytest.mark.slow
def test_its_cells_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = load(["digits"], shape=(1, 28, 28))
    arrays = {
        f"{what}_{name}": np.asarray(values)[:count]
        for name, part, count in (("train", digits.train, 200), ("test", digits.test, 100))
        for what, values in (("x", part.images), ("y", part.labels))
    }
    np.savez(tmp_path / "few.npz", **arrays)
    ran(tmp_path, monkeypatch, DATA=str(tmp_path / "few.npz"), EPOCHS=1)


@pytest.mark.slow
@pytest.mark.mnist
def test_it_learns_mnist(tmp_path: Path, mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mnist
    said = ran(tmp_path, monkeypatch, EPOCHS=1)["compared"][0].text
    found = dict(line.split()[:2] for line in said.splitlines())
    assert float(found["softmax"]) > 90
    assert float(found["perceptron"]) > 95
    assert float(found["lenet"]) > 98
    assert float(found["better"]) > 97
    assert os.environ.get("NETSPEC_DATA")
