"""A path that leads nowhere is answered with one that leads to what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.compiler import load_source
from netspec.diagnostics.diagnostic import NetspecError
from netspec.runs.model_file import read
from netspec.system.nearby import nearby
from netspec.workflows.read_network import read_network


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("s.net", "lenet.net", "model.safetensors", "runs/s/011/best.safetensors", "notes.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    for run in ("runs/s/002", "runs/s/011", "mine"):
        Path(run).mkdir(parents=True, exist_ok=True)
        Path(run, "lock.json").touch()
        Path(run, "network.json").touch()
    Path("runs/s/012").mkdir()
    Path("lenet").mkdir()
    return tmp_path


SPEC, MODEL = (".net",), (".safetensors",)


@pytest.mark.parametrize(
    ("given", "endings", "runs", "found"),
    [
        ("s", SPEC, False, "s.net"),
        ("./s", SPEC, False, "s.net"),
        ("lenet", SPEC, False, "lenet.net"),
        ("lent", SPEC, False, "lenet.net"),
        ("lent.net", SPEC, False, "lenet.net"),
        ("notes", SPEC, False, None),
        ("far/away", SPEC, False, None),
        ("model", MODEL, True, "model.safetensors"),
        ("modle.safetensors", MODEL, True, "model.safetensors"),
        ("runs/s/011/best", MODEL, True, "runs/s/011/best.safetensors"),
        ("runs/s", MODEL, True, "runs/s/011"),
        ("runs/s/2", MODEL, True, "runs/s/002"),
        ("runs/s/02", (), True, "runs/s/002"),
        ("runs/s/012", (), True, None),
        ("s", MODEL, True, "runs/s/011"),
        ("s.net", (), True, "runs/s/011"),
        ("min", (), True, "mine"),
        ("s" * 5000, SPEC, True, None),
        ("", SPEC, True, None),
        ("..", SPEC, True, None),
    ],
)
def test_what_is_near(here: Path, given: str, endings: tuple[str, ...], runs: bool, found: str | None) -> None:
    assert here
    assert nearby(Path(given), *endings, runs=runs) == (Path(found) if found else None)


@pytest.mark.parametrize(
    ("reader", "given", "fix"),
    [
        (load_source, "s", "did you mean s.net?"),
        (load_source, "lenet", "did you mean lenet.net?"),
        (read_network, "model", "did you mean model.safetensors?"),
        (read_network, "lent", "did you mean lenet.net?"),
        (read, "s.net", "did you mean runs/s/011?"),
        (read, "lenet.net", "train it first: netspec train lenet.net"),
    ],
)
def test_what_reads_a_path_says_so(here: Path, reader: object, given: str, fix: str) -> None:
    assert here
    with pytest.raises(NetspecError) as caught:
        reader(Path(given))  # type: ignore[operator]
    assert caught.value.fix == fix
