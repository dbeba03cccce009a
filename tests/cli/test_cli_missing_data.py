"""Data that is not there is one error, which names what is nearly called so beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import cli

ROWS = "a,b,kind\n" + "".join(f"{i},{i * i % 7},{'yes' if i % 2 else 'no'}\n" for i in range(20))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("homes.csv", "story.txt", "waves.npz", "cells.zip", "homes.net", "homes.png"):
        (tmp_path / name).write_text(ROWS if name.endswith(".csv") else "words")
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("data", "layers", "meant"),
    [
        ('"hoems.csv" { target kind }', "fc classes softmax", "homes.csv"),
        ('"homes.cvs" { target kind }', "input 2\nfc 2 softmax", "homes.csv"),
        ('"home.parquet" { target kind }', "fc classes softmax", "homes.csv"),
        ('"stories.txt" { text chars length=4; target next }', "embedding 2; fc tokens softmax pointwise", "story.txt"),
        ('"fotos" { text words }', "embedding 2; globalpool; fc classes softmax", "photos"),
        ('"wave.npz"', "fc classes softmax", "waves.npz"),
        ('"wave.npz"', "input 2\nfc 2 softmax", "waves.npz"),
        ('"fotos"', "input 3x8x8\nfc classes softmax", "photos"),
        ('"photos/cats"', "input 3x8x8\nfc 2 softmax", "photos/cat"),
        ('"celles.zip"', "input 3x8x8\nfc classes softmax", "cells.zip"),
    ],
)
def test_a_check_names_the_data_that_was_meant(here: Path, data: str, layers: str, meant: str) -> None:
    (here / "s.net").write_text(f"data {data}\n{layers}\n")
    said = cli(here, "check", "s.net")
    assert said.returncode == 1
    assert "does not exist" in said.stdout
    assert said.stdout.splitlines()[-2:] == [f"  fix: did you mean {meant}?", "1 error"]


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        (["new", "--data", "hoems.csv", "--target", "kind"], "homes.csv"),
        (["new", "--data", "homes.cvs", "--target", "kind"], "homes.csv"),
        (["new", "--data", "fotos"], "photos"),
        (["data", "show", "homes.cvs"], "homes.csv"),
        (["data", "show", "hoems.csv"], "homes.csv"),
        (["data", "show", "./fotos"], "photos"),
        (["data", "show", "wave.npz"], "waves.npz"),
        (["data", "show", "fotos", "--split"], "photos"),
    ],
)
def test_a_command_names_the_data_that_was_meant(here: Path, command: list[str], meant: str) -> None:
    said = cli(here, *command)
    assert (said.returncode, said.stderr.splitlines()[-1]) == (1, f"  fix: did you mean {meant}?")
    assert "does not exist" in said.stderr or "there is no dataset called" in said.stderr


def test_what_resembles_nothing_is_told_what_would_do(here: Path) -> None:
    assert "the path of a table, a text, an .npz file" in cli(here, "data", "show", "quartz").stderr
    assert "name a table that is there" in cli(here, "data", "show", "quartz.csv").stderr
