"""Arrays on the command line, from a look at a file to what is predicted: `.npz`, `.npy`, and folders of these."""

from __future__ import annotations

import csv
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from command_line import cli

from netspec.cli.array_table import related_arrays
from netspec.cli.starter_arrays import spec_for_arrays
from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.data_headers import IDX_NAMES, all_arrays

N = 60
RNG = np.random.default_rng(0)
KINDS = np.array(["cat", "dog", "eel"])[np.arange(N) % 3]
PICTURES = (RNG.integers(0, 60, (N, 6, 8, 3)) + 90 * (np.arange(N) % 3)[:, None, None, None]).astype(np.uint8)
STEPS = RNG.normal(size=(N, 7, 2))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with arrays of pictures of which the channels stand last, of steps, and of other names."""
    folder = tmp_path_factory.mktemp("arrays")
    np.savez(folder / "pictures.npz", Images=PICTURES, labels=KINDS)
    np.savez(folder / "steps.npz", X=STEPS, y=STEPS.sum((1, 2)))
    np.savez(folder / "odd.npz", spectra=STEPS[:, 0], species=KINDS, note=np.array([{}], object))
    (folder / "parts").mkdir()
    np.save(folder / "parts" / "X.npy", STEPS[:, 0])
    np.save(folder / "parts" / "y.npy", np.eye(3)[np.arange(N) % 3])
    np.save(folder / "new.npy", PICTURES[:4].astype(np.int64))
    np.savez(folder / "new.npz", STEPS[:3])
    text = 'data "pictures.npz" { test 20% }\nconv 2 3x3 relu; globalpool; fc classes softmax\ntrain { epochs 1 }'
    (folder / "pictures.net").write_text(text)
    (folder / "steps.net").write_text('data "steps.npz"\ninput 2x7\ngru 3 last; fc 1\ntrain { loss mse; epochs 1 }')
    for name in ("pictures", "steps"):
        done = cli(folder, "train", f"{name}.net", "-o", name, "--quiet")
        assert done.returncode == 0, done.stderr
    return folder


def test_a_look_at_arrays(here: Path) -> None:
    done = cli(here, "data", "show", "pictures.npz")
    assert done.returncode == 0, done.stderr
    for said in ("pictures.npz: 2 arrays", "60x6x8x3  uint8", "examples, train", "targets, train", "dog          20"):
        assert said in done.stdout
    assert (here / "pictures.png").is_file()
    rows = [json.loads(line) for line in cli(here, "data", "show", "odd.npz", "--json").stdout.splitlines()]
    values = {row["array"]: row["values"] for row in rows}
    assert values["species"] == "cat, dog, eel"
    assert values["note"] == "Python objects, which are not read: .astype(str)"
    assert "read as" in cli(here, "data", "show", "parts").stdout


@pytest.mark.parametrize(
    ("data", "has"),
    [
        ("pictures.npz", "input 3x6x8\n"),
        ("steps.npz", "fc 1  "),
        ("odd.npz", "  columns spectra\n  target species\n"),
        ("parts", "input 2\n"),
        ("parts/X.npy", "input 2\n"),
    ],
)
def test_a_spec_for_arrays(here: Path, data: str, has: str) -> None:
    done = cli(here, "new", "--data", data, "-o", f"made_of_{data.replace('/', '_')}.net")
    assert done.returncode == 0, done.stderr
    assert ("which is a guess" in done.stderr) == (data == "odd.npz")
    spec = here / f"made_of_{data.replace('/', '_')}.net"
    assert has in spec.read_text()
    checked = cli(here, "check", spec.name)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    spec.unlink()


def test_a_spec_for_a_folder_of_idx_files(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    for name, count in zip(IDX_NAMES, (60, 60, 20, 20), strict=True):
        shape = (count, 12, 10) if "images" in name else (count,)
        content = RNG.integers(0, 256, shape) if "images" in name else np.arange(count) % 3
        head = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
        (tmp_path / "own" / name).write_bytes(head + content.astype(np.uint8).tobytes())
    done = cli(tmp_path, "new", "--data", "own")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "own.net").read_text()
    for said in ("# 60 pictures of 3 classes, and 20 for the test.", 'data "own"', "input 1x12x10", "fc 3 softmax"):
        assert said in text
    done = cli(tmp_path, "check", "own.net")
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "own" / IDX_NAMES[1]).unlink()
    done = cli(tmp_path, "new", "--data", "own", "-o", "-")
    assert (done.returncode, IDX_NAMES[1] in done.stderr) == (1, True)


def test_arrays_that_have_nothing_to_do_with_the_named_one_are_not_listed(tmp_path: Path) -> None:
    rows = {
        "X": STEPS[:, 0],
        "y": KINDS,
        "answers": np.zeros((N, 3)),
        **{f"other{i}": np.zeros(i + 1) for i in range(60)},
    }
    for name, array in rows.items():
        np.save(tmp_path / f"{name}.npy", array)
    facts = all_arrays(tmp_path / "X.npy", "X.npy")
    assert len(facts) == len(rows)
    assert set(related_arrays(tmp_path / "X.npy", facts)) == {"X", "y"}
    assert set(related_arrays(tmp_path, facts)) == set(rows)
    # Without one that is called as targets are, any with as many rows may be meant.
    del facts["y"]
    assert set(related_arrays(tmp_path / "X.npy", facts)) == {"X", "answers", "other59"}
    with pytest.raises(DataError) as caught:
        spec_for_arrays(tmp_path / "X.npy", "X.npy", "nothing_like_it")
    assert caught.value.fix == "it holds X and y"
    text, guess = spec_for_arrays(tmp_path / "X.npy", "X.npy")
    assert ("fc classes softmax" in text, guess) == (True, "")


def test_a_spec_for_an_array_that_is_not_there(here: Path) -> None:
    done = cli(here, "new", "--data", "odd.npz", "--target", "specie", "-o", "-")
    assert done.returncode == 1
    assert "odd.npz has no array specie, which --target names\n  fix: did you mean species?" in done.stderr


def test_predictions_of_arrays_have_the_names_of_the_classes(here: Path) -> None:
    done = cli(here, "predict", "pictures", "new.npy", "pictures.npz", "-o", "out.csv")
    assert done.returncode == 0, done.stderr
    assert "new.npy is whole numbers (int64) of" in done.stderr
    rows = list(csv.DictReader(io.StringIO((here / "out.csv").read_text())))
    assert [row["file"] for row in rows[:5]] == [*(f"new.npy[{i}]" for i in range(4)), "pictures.npz[0]"]
    assert {row["predicted"] for row in rows} <= {"cat", "dog", "eel"}
    assert [row["cat"] for row in rows[:4]] == [row["cat"] for row in rows[4:8]]
    done = cli(here, "predict", "steps", "new.npz", "-o", "numbers.npy")
    assert done.returncode == 0, done.stderr
    assert np.load(here / "numbers.npy").shape == (3, 1)


def test_the_part_that_was_drawn_is_evaluated(here: Path) -> None:
    done = cli(here, "eval", "pictures", "--json")
    again = cli(here, "eval", "pictures", "--data", "pictures.npz", "--json")
    assert done.returncode == again.returncode == 0, done.stderr + again.stderr
    one, other = (json.loads(each.stdout) for each in (done, again))
    assert 0 < one["examples"] < N / 2
    assert (one["examples"], one["loss"]) == (other["examples"], other["loss"])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": STEPS, "b": STEPS}, "has no array that is called as examples are; it holds a and b"),
        ({"x": STEPS[:, :3]}, "x holds an array of 60x3x2, but the network takes 2x7"),
        ({"x": np.array([{}], object)}, "x.npy holds Python objects, which would run code when read"),
    ],
)
def test_arrays_that_cannot_be_predicted(here: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    np.savez(here / "bad.npz", **arrays)
    done = cli(here, "predict", "steps", "bad.npz")
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
