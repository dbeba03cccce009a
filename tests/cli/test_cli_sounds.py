"""Sounds on the command line, from a folder of WAV files to the class of another one."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import cli
from sound_helpers import encoded, tone, tones

import netspec as ns
from netspec.diagnostics.diagnostic import DataError

SPEC = """\
data "clips" { sound 4000 seconds=0.2 mel=8; test 25% }
conv 8 3x3 pad=1 relu; avgpool 1x18; flatten; fc classes softmax
train { optimizer adam lr=0.03; epochs 12; batch 8 }
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sounds, and a run that has learned them."""
    path: Path = tmp_path_factory.mktemp("sounds")
    for name, content in tones().items():
        (path / "clips" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "clips" / name).write_bytes(content)
    (path / "clip.net").write_text(SPEC, encoding="utf-8")
    (path / "new.wav").write_bytes(tone(320, rate=22_050, seconds=0.15, seed=99))
    (path / "long.wav").write_bytes(tone(1450, seconds=0.5, seed=98))
    done = cli(path, "train", "clip.net")
    assert done.returncode == 0, done.stderr
    assert "13 training and 3 test sounds" in done.stdout
    assert "next: netspec predict runs/clip/001 sound.wav" in done.stdout
    return path


def test_a_spec_is_written_for_a_folder(here: Path) -> None:
    done = cli(here, "new", "--data", "clips", "-o", "-")
    for said in ("# 16 sounds of 2 classes: high and low.", "sound 4000 seconds=0.25 mel=", "input 1x"):
        assert said in done.stdout
    (here / "made.net").write_text(done.stdout, encoding="utf-8")
    assert cli(here, "check", "made.net").returncode == 0
    assert cli(here, "fmt", "--check", "made.net").returncode == 0


def test_a_spec_is_written_for_a_table(here: Path) -> None:
    rows = [f"clips/{name},{name.split('/')[0]}" for name in tones()]
    (here / "rows.csv").write_text("\n".join(["clip,kind", *rows]) + "\n", encoding="utf-8")
    done = cli(here, "new", "--data", "rows.csv", "--target", "kind", "-o", "-")
    assert "kind is learned from the sounds that clip names." in done.stdout
    (here / "table.net").write_text(done.stdout, encoding="utf-8")
    assert cli(here, "check", "table.net").returncode == 0


def test_a_folder_without_a_word_on_it(here: Path) -> None:
    (here / "plain.net").write_text('data "clips"\nfc classes softmax\n', encoding="utf-8")
    done = cli(here, "check", "plain.net")
    assert "error[E0314]: clips has 16 sounds, and no pictures in it" in done.stdout
    assert '`data "clips" { sound 4000 seconds=0.25 mel=40 }`' in done.stdout


def test_classes_and_sizes_are_checked(here: Path) -> None:
    (here / "wrong.net").write_text(SPEC.replace("fc classes", "fc 5"), encoding="utf-8")
    done = cli(here, "check", "wrong.net")
    assert "error[E0304]: the network has 5 outputs, but clips has 2 classes: high and low" in done.stdout


def test_files_folders_and_standard_input_are_answered(here: Path) -> None:
    done = cli(here, "predict", "runs/clip", "new.wav", "long.wav", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["label"] for each in found] == ["low", "high"]
    assert found[1]["notes"] == ["long.wav is of 0.5 s, of which the first 0.2 s are read"]
    piped = cli(here, "predict", "runs/clip", "-", stdin=(here / "new.wav").read_bytes())
    assert piped.stdout.startswith("<stdin>: low")
    assert cli(here, "predict", "runs/clip", "clips", "-o", "out.csv").returncode == 0
    with (here / "out.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 16
    assert sum(row["predicted"] in row["file"] for row in rows) >= 15
    assert "accuracy" in cli(here, "eval", "runs/clip").stdout
    said = "16 of 16 sounds are read in part: clips/high/0.wav is of 0.25 s, of which the first 0.2 s are read"
    assert cli(here, "predict", "runs/clip", "clips").stderr.count(said) == 1
    (first, *_) = cli(here, "predict", "runs/clip", "clips", "--json").stdout.splitlines()
    assert json.loads(first)["notes"] == ["clips/high/0.wav is of 0.25 s, of which the first 0.2 s are read"]
    assert cli(here, "eval", "runs/clip", "--data", "clips").returncode == 0


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("song.m4a", "make a FLAC file of it: `ffmpeg -i a.m4a a.flac`"),
        ("clip.net", "clip.net is no sound file"),
        ("none.wav", "none.wav does not exist"),
        ("clip.png", "clip.png is no sound file"),
        ("songs", "songs has no sounds in it"),
    ],
)
def test_what_is_no_sound(file: str, said: str, here: Path) -> None:
    (here / "song.m4a").write_bytes(b"ID3")
    (here / "clip.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (here / "songs").mkdir(exist_ok=True)
    (here / "songs" / "a.m4a").write_bytes(b"ID3")
    done = cli(here, "predict", "runs/clip", file)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize("sound", ["sound 4000 seconds=0.2", "sound 4000 seconds=0.2 mel=8"])
def test_augmented_sounds_are_drawn(sound: str, here: Path) -> None:
    text = f'data "clips" {{ {sound}; augment time_shift=0.05 gain=3 }}\nglobalpool; fc classes softmax\n'
    (here / "varied.net").write_text(text, encoding="utf-8")
    done = cli(here, "data", "show", "clips", "--augment", "varied.net", "-o", "varied.png")
    assert done.returncode == 0, done.stderr
    assert (here / "varied.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("picture", ["mistakes", "examples", "saliency", "features"])
def test_pictures_of_a_run_are_drawn(picture: str, here: Path) -> None:
    asked = ["new.wav"] if picture in {"saliency", "features"} else []
    done = cli(here, "plot", "runs/clip", picture, *asked, "-o", f"{picture}.png")
    assert done.returncode == 0, done.stderr


def test_a_spec_says_how_many_sounds_are_longer_and_that_some_cannot_be_read(here: Path) -> None:
    folder = here / "uneven"
    for number, seconds in enumerate([0.2] * 19 + [0.5]):
        (folder / f"{number % 2}").mkdir(parents=True, exist_ok=True)
        (folder / f"{number % 2}" / f"{number}.flac").write_bytes(encoded("FLAC", np.zeros(round(8000 * seconds))))
    (folder / "0" / "bad.mp3").write_bytes(b"ID3")
    done = cli(here, "new", "--data", "uneven", "-o", "-")
    assert "1 of 20 sounds is longer than 0.2 s, and read in part." in done.stdout
    assert "  on_bad skip " in done.stdout
    assert "`augment time_shift=" in done.stdout


def test_sounds_are_shown_and_drawn(here: Path) -> None:
    done = cli(here, "data", "show", "clips", "-o", "look.png")
    assert "clips: 16 sounds" in done.stdout
    assert "length: all 0.25 s" in done.stdout
    assert "samples a second: 4,000; mono; 16 bit" in done.stdout
    assert (here / "look.png").read_bytes().startswith(b"\x89PNG")
    for name in ("clip.net", "clips"):
        split = cli(here, "data", "show", name, "--split")
        assert f"{name}: 16 examples" in split.stdout


def test_samples_in_memory(here: Path) -> None:
    run = ns.open(here / "runs" / "clip")
    from_file = run.read(here / "new.wav")
    time = np.arange(round(22_050 * 0.15)) / 22_050
    noise = np.random.default_rng(99).normal(size=len(time))
    samples = (8000 * np.sin(2 * np.pi * 320 * time) + 300 * noise).astype(np.int16)
    np.testing.assert_array_equal(run.sound(samples, 22_050), from_file)
    np.testing.assert_allclose(run.sound(np.stack([samples / 32_768] * 2, axis=1), 22_050), from_file, atol=1e-6)
    assert run.predict(run.sound(samples, 22_050))[0].label == "low"
    for wrong in ([], [[[1.0]]], ["a"], [np.nan, 1.0]):
        with pytest.raises(DataError):
            run.sound(wrong, 22_050)
