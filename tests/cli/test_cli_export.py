"""`netspec export`: a network trained on digits, in every format; what is said, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from command_line import cli

from netspec.formats import FORMATS

LENET = """\
input 1x8x8
conv 6 3x3 pad=same; batchnorm relu; pool 2
conv 12 3x3 relu; dropout 0.2
fc 24 relu; fc 10 softmax
data digits
train { epochs 1; batch 100 }
"""
"""LeNet for digits of 8x8 pixels."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    (folder / "good.net").write_text(LENET)
    assert cli(folder, "train", "good.net", "-o", "run", "--quiet").returncode == 0
    return folder


@pytest.mark.parametrize("to", FORMATS)
def test_a_run_in_another_format(run: Path, to: str) -> None:
    done = cli(run, "export", "run", "--to", to)
    format_ = FORMATS[to]
    if format_.extra and "pip install" in done.stderr:
        pytest.skip(done.stderr)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for file in format_.files(Path("run") / format_.file):
        assert (run / file).stat().st_mode & 0o044, "as readable as any other file"
        assert lines.pop(0).startswith(f"{file}: ")
    if format_.computes:
        assert lines.pop(0) == "input: uint8 N x 1 x 8 x 8 → probabilities: float32 N x 10"
    (last,) = lines
    on = " on 32 test examples of digits" if format_.computes else ""
    assert last.startswith(("checked by ", "not checked: pip install "))
    assert last.startswith("not") or f"{on}: the largest difference is " in last
    if to not in {"onnx", "npz"}:
        return
    # An export is replaced.
    again = cli(run, "export", "run/best.safetensors", "--to", to, "--json")
    found = json.loads(again.stdout)
    assert found["files"] == [str(file) for file in format_.files(Path("run") / format_.file)]
    assert found["relative_difference"] is None or found["relative_difference"] < 1e-5


def test_what_is_refused(run: Path) -> None:
    def last_line(*words: str) -> tuple[int, str]:
        done = cli(run, "export", "run", *words)
        return done.returncode, done.stderr

    code, said = last_line("--to", "onxx")
    assert code == 2
    assert "there is no format 'onxx': did you mean onnx?" in said
    code, said = last_line("--to", "npz", "--raw")
    assert code == 2
    assert "weights alone have no inputs and outputs" in said
    code, said = last_line("--to", "stablehlo", "--torch-names")
    assert code == 2
    assert "it is for safetensors and npz" in said
    before = (run / "run" / "last.safetensors").read_bytes()
    assert last_line("--to", "npz", "-o", "run/last.safetensors") == (
        1,
        "error: run/last.safetensors is a file of a run, which an export does not replace\n"
        "  fix: name another file: -o exported.safetensors\n",
    )
    assert (run / "run" / "last.safetensors").read_bytes() == before
    assert cli(run, "export", "good.net", "--to", "npz").returncode == 1


def test_without_the_other_program_the_file_is_kept_and_said_to_be_unchecked(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netspec.formats import NotInstalledError  # noqa: PLC0415
    from netspec.formats.stablehlo import StableHlo  # noqa: PLC0415

    def missing(*_: object) -> None:
        raise NotInstalledError

    monkeypatch.setattr(StableHlo, "run", missing)
    done = cli(run, "export", "run", "--to", "stablehlo", "-o", "unchecked.stablehlo")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "not checked: pip install jax"
    assert (run / "unchecked.stablehlo").is_file()


@pytest.mark.parametrize(("to", "package"), [("onnx", "onnx"), ("stablehlo", "flatbuffers")])
def test_a_package_that_is_missing_is_named(run: Path, monkeypatch: pytest.MonkeyPatch, to: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = cli(run, "export", "run", "--to", to, "-o", f"none.{to}")
    said = f"error: writing {to} needs {package}\n  fix: pip install {package}\n"
    assert (done.returncode, done.stderr) == (1, said)
    assert not (run / f"none.{to}").exists()
