"""`netspec eval`, `predict` and `plot` on one small trained run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import cli, lines
from PIL import Image

import netspec as ns
from netspec.cli.output import print_json
from netspec.runs import model_file
from netspec.workflows import train as session

SPEC = "input 1x8x8; conv 6 3x3 relu; fc 10 softmax; data digits; train { optimizer adam lr=0.01; epochs 3; batch 100 }"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    list(ns.train(ns.parse(SPEC, name="small"), out=folder / "run"))
    return folder


@pytest.fixture(scope="module")
def digits() -> ns.Dataset:
    return session.load_data(ns.parse(SPEC))


@pytest.fixture(scope="module")
def shown(here: Path, digits: ns.Dataset) -> tuple[np.ndarray, str]:
    """A digit the model is sure of, and its class."""
    found = ns.open(here / "run").predict(digits.test.images)
    right = [(p.probability, i) for i, p in enumerate(found) if p.label == str(digits.test.labels[i])]
    index = max(right)[1]
    return digits.test.images[index, 0], found[index].label


def test_numbers_that_are_not_finite_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    """A model with huge weights gives such; JSON has no word for them."""
    print_json({"loss": float("inf"), "top": [{"p": float("nan"), "n": 1}, {"p": np.float64("nan"), "n": 0.5}]})
    assert capsys.readouterr().out == '{"loss": null, "top": [{"p": null, "n": 1}, {"p": null, "n": 0.5}]}\n'


# --- eval ---------------------------------------------------------------------------------------------------------


def test_eval_for_people(here: Path) -> None:
    done = cli(here, "eval", "run")
    assert (done.returncode, done.stderr) == (0, "")
    head, figures = done.stdout.splitlines()[:2]
    assert head == "run/best.safetensors on digits: 360 test examples"
    assert figures.startswith("loss 0.")
    assert " % " not in figures.strip()[-1:]
    assert len(done.stdout.splitlines()) == 5 + 10


def test_eval_for_programs(here: Path) -> None:
    (found,) = lines(cli(here, "eval", "run/best.safetensors", "--json").stdout)
    assert found["examples"] == 360
    assert np.sum(found["confusion"]) == 360
    assert found["accuracy"] == pytest.approx(np.trace(found["confusion"]) / 360)
    assert found["accuracy"] > 0.6
    assert [c["label"] for c in found["classes"]] == list("0123456789")
    assert sum(c["examples"] for c in found["classes"]) == 360


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["eval", "none"], 1, "none: there is no such run or model"),
        (["eval", "a" * 300], 1, ""),
        (["eval", "."], 1, "no model in it"),
        (["eval", "run/spec.net"], 1, "run/spec.net"),
        (["eval", "run", "--data", "nosuch"], 1, "nosuch"),
        (["eval", "run", "--device", "abacus"], 1, "abacus"),
        (["eval"], 2, "RUN"),
        (["predict", "run"], 2, "FILE"),
        (["predict", "none", "x.png"], 1, "none: there is no such run or model"),
        (["predict", "run", "x.png", "--top", "0"], 2, "--top"),
        (["plot", "run", "curvs"], 1, "did you mean curves?"),
        (["plot", "run", "xyzzy"], 1, "curves, confusion"),
        (["plot", "run", "features"], 1, "needs an image"),
        (["plot", "run", "features", "none.png"], 1, "none.png does not exist"),
        (["plot", "none", "curves"], 1, "none"),
        (["plot", "c" * 300], 1, "cannot be opened: File name too long"),
        (["plot", "run", "-o", "c" * 300 + "/x.png"], 1, "cannot be opened: File name too long"),
        (["plot", "run/best.safetensors", "curves"], 1, "metrics.jsonl"),
        (["plot", "run", "kernels", "-o", "none/x.png"], 1, "none"),
    ],
    ids=lambda words: " ".join(words)[:40] if isinstance(words, list) else "",
)
def test_one_clear_error(here: Path, words: list[str], code: int, said: str) -> None:
    done = cli(here, *words)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""


def test_a_damaged_model_is_refused(here: Path) -> None:
    data = bytearray((here / "run" / "best.safetensors").read_bytes())
    data[-1] ^= 1
    (here / "damaged.safetensors").write_bytes(data)
    done = cli(here, "eval", "damaged.safetensors")
    assert done.returncode == 1
    assert "damaged.safetensors is damaged" in done.stderr


def test_a_table_in_place_of_a_model_is_no_damaged_one(here: Path) -> None:
    (here / "run.csv").write_text("a,b\n" + "1,2\n" * 9)
    done = cli(here, "eval", "run.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("error: run.csv is no model file")
    assert "train again" not in done.stderr


# --- predict ------------------------------------------------------------------------------------------------------


def test_pictures_of_all_kinds_are_answered_alike(here: Path, shown: tuple[np.ndarray, str]) -> None:
    pixels, label = shown
    grey = Image.fromarray(pixels)
    large = grey.resize((96, 96), Image.Resampling.BICUBIC)
    clear = np.zeros((96, 96, 4), np.uint8)
    clear[..., 3] = np.asarray(large)  # black ink on nothing
    made = {
        "grey.png": grey,
        "color.png": grey.convert("RGB"),
        "light.png": Image.fromarray(255 - pixels),
        "clear.png": Image.fromarray(clear),
        "large.png": large,
        "photo.jpg": large.convert("RGB"),
        "two words – ä.png": grey,
    }
    for name, image in made.items():
        image.save(here / name)
    done = cli(here, "predict", "run", *made, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = lines(done.stdout)
    assert [p["file"] for p in found] == list(made)
    assert [p["label"] for p in found] == [label] * len(made)
    assert all(len(p["top"]) == 3 and p["top"][0]["label"] == label for p in found)
    people = cli(here, "predict", "run/last.safetensors", "grey.png", "--top", "2")
    assert people.stdout.startswith(f"grey.png: {label} (")
    assert people.stdout.count("%") == 2
    wrong = cli(here, "predict", "run", "light.png", "--no-invert", "--top", "99", "--json")
    assert len(lines(wrong.stdout)[0]["top"]) == 10
    assert lines(wrong.stdout)[0]["probability"] != found[2]["probability"]


def test_an_npy_of_examples(here: Path, digits: ns.Dataset) -> None:
    np.save(here / "x.npy", digits.test.images[:4])
    np.save(here / "one.npy", digits.test.images[0, 0])
    found = lines(cli(here, "predict", "run", "x.npy", "one.npy", "--json").stdout)
    assert [p["file"] for p in found] == ["x.npy[0]", "x.npy[1]", "x.npy[2]", "x.npy[3]", "one.npy[0]"]
    assert found[0]["probability"] == pytest.approx(found[4]["probability"], abs=1e-6)
    expected = [p.label for p in ns.open(here / "run").predict(digits.test.images[:4])]
    assert [p["label"] for p in found[:4]] == expected


def test_bad_files_are_named_and_the_others_answered(here: Path, shown: tuple[np.ndarray, str]) -> None:
    Image.fromarray(shown[0]).resize((64, 64)).save(here / "good.png")
    whole = (here / "good.png").read_bytes()
    (here / "cut.png").write_bytes(whole[: len(whole) // 2])
    (here / "text.png").write_text("no picture")
    (here / "empty.png").write_bytes(b"")
    (here / "cut.npy").write_bytes(b"\x93NUMPY")
    np.save(here / "shape.npy", np.zeros((3, 9, 9), np.float32))
    np.save(here / "nan.npy", np.full((1, 8, 8), np.nan, np.float32))
    (here / "folder.png").mkdir()
    bad = ["none.png", "cut.png", "text.png", "empty.png", "cut.npy", "shape.npy", "nan.npy", "folder.png", "a" * 300]
    done = cli(here, "predict", "run", *bad, "good.png", "--json")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == len(bad)
    assert all(name in error for name, error in zip(bad, errors, strict=True))
    assert [p["file"] for p in lines(done.stdout)] == ["good.png"]


# --- plot ---------------------------------------------------------------------------------------------------------


def is_png(path: Path) -> bool:
    with Image.open(path) as image:
        image.load()
        return image.format == "PNG" and min(image.size) > 50


@pytest.mark.parametrize("picture", ["curves", "confusion", "kernels", "mistakes"])
def test_every_picture(here: Path, picture: str) -> None:
    done = cli(here, "plot", "run", picture)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"run/{picture}.png"
    assert is_png(here / "run" / f"{picture}.png")


def test_features_of_an_image(here: Path, shown: tuple[np.ndarray, str]) -> None:
    Image.fromarray(shown[0]).save(here / "digit.png")
    assert cli(here, "plot", "run", "features", "digit.png", "-o", "f.png").stdout.strip() == "f.png"
    assert is_png(here / "f.png")
    done = cli(here, "plot", "run", "features", "digit.png", "-o", "g.png", "--layer", "conv1")
    assert done.returncode == 1
    assert "did you mean conv_1?" in done.stderr
    assert not (here / "g.png").exists()


def test_what_a_model_file_made_up_does_not_steer_the_terminal(here: Path, shown: tuple[np.ndarray, str]) -> None:
    whole = model_file.read(here / "run" / "best.safetensors")
    labels = ("\x1b]0;owned\x07", *(f"\x1b[{i}A" for i in range(9)))
    model_file.write(here / "odd.safetensors", replace(whole, labels=labels))
    np.save(here / "one.npy", shown[0][None])
    done = cli(here, "predict", "odd.safetensors", "one.npy")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.count("\n") == 1
    done = cli(here, "predict", "a\x1b[31mb.safetensors", "one.npy")
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
