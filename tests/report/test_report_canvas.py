"""The sheet: atomic writes, refusals, no trace in matplotlib's global state."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import netspec.report
from netspec.diagnostics.diagnostic import RunError
from netspec.report.canvas import fit, heading, note, picture


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nowhere"), picture(tmp_path / "nowhere" / "x.png", 3, 2):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["picture.jpg", "picture.eps"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match=r"name it picture\.png"), picture(tmp_path / name, 3, 2):
        pass


@pytest.mark.parametrize(("name", "begins"), [("x.svg", b"<?xml"), ("x.PDF", b"%PDF"), ("x", b"\x89PNG")])
def test_the_name_says_the_format(tmp_path: Path, name: str, begins: bytes) -> None:
    with picture(tmp_path / name, 3, 2) as figure:
        note(figure, "a word to look for", 1, 1)
    found = (tmp_path / name).read_bytes()
    assert found.startswith(begins)
    assert name != "x.svg" or b"a word to look for" in found


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="folder"), picture(tmp_path, 3, 2):
        pass


def test_an_existing_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_text("old")
    with picture(path, 3, 2):
        pass
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_the_file_has_the_mode_any_new_file_gets(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with picture(tmp_path / "x.png", 3, 2):
        pass
    assert stat.S_IMODE((tmp_path / "x.png").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_failure_while_drawing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), picture(path, 3, 2):
        _ = 1 / 0
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(self: object, file: object, **_: object) -> None:
        raise error

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    expected = RunError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected), picture(tmp_path / "x.png", 3, 2):
        pass
    assert list(tmp_path.iterdir()) == []


def test_global_settings_are_neither_used_nor_changed(tmp_path: Path) -> None:
    def draw() -> bytes:
        with picture(tmp_path / "x.png", 3, 2) as figure:
            figure.text(0.1, 0.5, "text")
        return (tmp_path / "x.png").read_bytes()

    plain = draw()
    with matplotlib.rc_context({"font.size": 30, "figure.facecolor": "red", "savefig.dpi": 40}):
        before = dict(matplotlib.rcParams)
        assert draw() == plain
        assert dict(matplotlib.rcParams) == before


def test_names_are_not_formulas_and_need_no_glyphs(tmp_path: Path) -> None:
    with picture(tmp_path / "x.png", 3, 2) as figure:
        figure.text(0.1, 0.5, "$5_{ 日本 \\frac")


def test_texts_are_cut_to_their_room() -> None:
    assert fit("short", 2, 9) == "short"
    assert fit("two\nlines\tand\x00more", 4, 9) == "two lines and more"
    cut = fit("a name that is far too long", 1, 9)
    assert cut.endswith("…")
    assert len(cut) < 20
    assert fit("x", 0.001, 9) == "x"


def _run_python(code: str) -> str:
    root = str(Path(netspec.report.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_package_does_not_import_matplotlib() -> None:
    assert _run_python("import sys, netspec.report; print('matplotlib' in sys.modules)") == "False"


def test_drawing_never_imports_pyplot(tmp_path: Path) -> None:
    code = f"""
import sys, numpy as np, netspec.report as report
draw = [getattr(report, name) for name in report.__all__]
report.draw_kernels(np.ones((2, 1, 3, 3)), {str(tmp_path / "x.png")!r}, title="kernels")
print("matplotlib.pyplot" in sys.modules, len(draw))
"""
    assert _run_python(code) == f"False {len(netspec.report.__all__)}"


def test_public_names_are_there_and_no_others() -> None:
    assert set(netspec.report.__all__) <= set(dir(netspec.report))
    for name in netspec.report.__all__:
        assert getattr(netspec.report, name).__name__ == name
    with pytest.raises(AttributeError, match="draw_nothing"):
        _ = netspec.report.draw_nothing


def test_every_picture_refuses_a_missing_folder(real_curves: None, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "x.png"
    images, labels = np.zeros((2, 1, 4, 4), np.uint8), np.array([0, 1])
    names = ["a", "b"]
    report = netspec.report
    with pytest.raises(RunError, match="nowhere"):
        report.draw_grid(images, names, path, title="t")
    with pytest.raises(RunError, match="nowhere"):
        report.draw_dataset("d", images, labels, names, labels, path)
    with pytest.raises(RunError, match="nowhere"):
        report.draw_curves([{"kind": "step", "epoch": 1, "step": 1, "loss": 1.0}], path, title="t")
    with pytest.raises(RunError, match="nowhere"):
        report.draw_kernels(np.ones((2, 1, 3, 3)), path, title="t")
    with pytest.raises(RunError, match="nowhere"):
        report.draw_features(images[0], {"a": np.ones(3)}, path, title="t")
    with pytest.raises(RunError, match="nowhere"):
        report.draw_confusion(np.eye(2), names, path, title="t")
    with pytest.raises(RunError, match="nowhere"):
        report.draw_mistakes(images, labels, labels[::-1], np.ones(2), names, path, title="t")
    with pytest.raises(RunError, match="nowhere"):
        report.draw_mistakes(images, labels, labels, np.ones(2), names, path, title="t")


def test_a_long_title_gets_smaller_before_it_is_cut(tmp_path: Path) -> None:
    def title(text: str) -> tuple[str, float]:
        with picture(tmp_path / "x.png", 5, 2) as figure:
            heading(figure, text)
            shown = figure.texts[0]
        return shown.get_text(), shown.get_size()

    assert title("lenet on digits") == ("lenet on digits", 13)
    whole = "a network with a rather long name on some digits"
    text, size = title(whole)
    assert text == whole
    assert 9 <= size < 13
    text, size = title(2 * whole)
    assert (text[-1], size) == ("…", 9)
