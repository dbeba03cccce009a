"""Paths are shown from where the user is."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.cli.output import print_error
from netspec.diagnostics.diagnostic import DataError, NetspecError
from netspec.terminal.places import from_here


def test_paths_below_the_working_directory_begin_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    assert from_here(f"{here}/pets") == "pets"
    assert from_here(f"120 pictures of {here}/own/pets, drawn; '{here}/a.png'") == (
        "120 pictures of own/pets, drawn; 'a.png'"
    )
    for other in (f"{here}2/pets", str(here), f"/else{here}/pets", "digits", f"{here.parent}/pets"):
        assert from_here(other) == other
    monkeypatch.chdir("/")
    assert from_here("/data/pets") == "/data/pets"


def test_an_error_of_data_names_it_as_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    wrong = DataError(f"{here}/pets/a.png is no picture", "remove it")
    print_error(wrong, ["train", "pets.net"])
    assert capsys.readouterr().err == "error: pets/a.png is no picture\n  fix: remove it\n"
    for words in (["train", f"{here}/pets.net"], ["train", "pets.net", f"--data={here}/pets"]):
        print_error(wrong, words)
        assert f"error: {here}/pets/a.png" in capsys.readouterr().err
    print_error(NetspecError(f"{here}/pets.net exists already"), ["new"])
    assert f"{here}/pets.net" in capsys.readouterr().err
