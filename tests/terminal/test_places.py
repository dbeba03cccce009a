"""Paths are shown from where the user is."""

from __future__ import annotations

from pathlib import Path

import pytest

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
