"""Token numbers and sequences through the real command line: train, eval, predict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import cli, lines

TOKENS = """
input 10 tokens=7
embedding 8
classtoken
position
attention 2 dropout=0.1
take first
fc 2 softmax
data "text.npz"
train { optimizer adam lr=0.02; epochs 6; batch 20 }
"""

WAVES = """
input 2x12
gru 8 last
fc 2 softmax
data "waves.npz"
train { optimizer adam lr=0.02; epochs 6; batch 20 }
"""


def text(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of token numbers, and whether a 6 is among them."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 6, (count, 10))
    y = rng.integers(0, 2, count)
    x[np.arange(count), rng.integers(0, 10, count)] = np.where(y == 1, 6, 5)
    return x, y


def waves(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two waves of 12 steps, and which one is the faster."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, count)
    speed = np.stack([np.where(y == 0, 2.0, 0.5), np.where(y == 1, 2.0, 0.5)], axis=1)
    return np.sin(speed[..., None] * np.arange(12) + rng.uniform(0, 6, (count, 2, 1))).astype(np.float32), y


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sequences")
    for name, spec, make in (("text", TOKENS, text), ("waves", WAVES, waves)):
        (folder / f"{name}.net").write_text(spec)
        (x, y), (x_test, y_test) = make(400, 0), make(100, 1)
        np.savez(folder / f"{name}.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
        np.save(folder / f"{name}.npy", x_test[:3])
        done = cli(folder, "train", f"{name}.net", "--out", name)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", ["text", "waves"])
def test_a_sequence_model_learns_and_is_used(here: Path, name: str) -> None:
    (found,) = lines(cli(here, "eval", name, "--data", f"{name}.npz", "--json").stdout)
    assert found["examples"] == 100
    assert found["accuracy"] > 0.9
    done = cli(here, "predict", f"{name}/best.safetensors", f"{name}.npy", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [p["file"] for p in lines(done.stdout)] == [f"{name}.npy[{i}]" for i in range(3)]


def test_bad_token_files_are_named_with_their_place(here: Path) -> None:
    x, y = text(20, 2)
    x[3, 4] = 7
    np.savez(here / "bad.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    np.save(here / "bad.npy", x)
    for done in (
        cli(here, "train", "text.net", "--data", "bad.npz"),
        cli(here, "eval", "text", "--data", "bad.npz"),
        cli(here, "predict", "text", "bad.npy"),
    ):
        assert done.returncode != 0
        assert "[3, 4] is 7, but with tokens=7 they go from 0 to 6" in done.stderr


@pytest.mark.parametrize("name", ["text", "waves"])
def test_a_picture_is_no_sequence(here: Path, name: str) -> None:
    from PIL import Image  # noqa: PLC0415

    Image.new("L", (8, 8)).save(here / "x.png")
    done = cli(here, "predict", name, "x.png")
    assert done.returncode == 1
    assert "x.png" in done.stderr


@pytest.mark.parametrize("picture", ["kernels", "mistakes", "features", "confusion", "curves"])
@pytest.mark.parametrize("name", ["text", "waves"])
def test_pictures_are_drawn_or_refused_in_words(here: Path, name: str, picture: str) -> None:
    extra = [f"{name}.npy"] if picture == "features" else []
    done = cli(here, "plot", name, picture, *extra, "--out", f"{name}_{picture}.png")
    assert done.returncode == 0 or done.stderr.startswith("error")
    assert done.returncode == 0 or picture in {"mistakes", "features", "confusion"}


COLUMNS = """
input 8x8
fc 8 relu pointwise
lstm 16 last
fc 10 softmax
data digits
train { optimizer adam lr=0.02; epochs 2 }
"""


@pytest.fixture(scope="module")
def columns(here: Path) -> Path:
    from PIL import Image  # noqa: PLC0415

    (here / "columns.net").write_text(COLUMNS)
    assert cli(here, "train", "columns.net", "--out", "columns").returncode == 0
    Image.new("L", (8, 8)).save(here / "digit.png")
    return here


def test_images_are_read_as_sequences_of_their_columns(columns: Path) -> None:
    (found,) = lines(cli(columns, "eval", "columns", "--json").stdout)
    assert found["accuracy"] > 0.5
    (said,) = lines(cli(columns, "predict", "columns", "digit.png", "--json").stdout)
    assert said["label"] in "0123456789"


# The pictures of the others are drawn above: one of them is enough for every day.
@pytest.mark.parametrize(
    "picture",
    [
        ["features", "digit.png"],
        *(pytest.param([name], marks=pytest.mark.slow) for name in ("kernels", "mistakes", "confusion")),
    ],
)
def test_pictures_of_columns_are_drawn(columns: Path, picture: list[str]) -> None:
    done = cli(columns, "plot", "columns", *picture)
    assert (done.returncode, done.stderr) == (0, "")
