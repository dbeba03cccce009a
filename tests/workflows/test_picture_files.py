"""Networks trained on folders of pictures: resumed, replayed, evaluated, asked; and what is seen of the data."""

from __future__ import annotations

import csv
import os
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec as ns
from netspec.backends.jax.inputs.augment import augmented, moved_targets
from netspec.cli.app import build
from netspec.diagnostics.diagnostic import DataError, RunError
from netspec.recipe.image_settings import Augment

SPEC = """data "photos" { augment flip rotate=10; validation 15%; test 20% }
input 3x8x8
conv 4 3x3 relu; globalpool
fc classes softmax
train { epochs 2; batch 16 }
"""
MASKS = """data "cells" { test 3; augment flip fill=edge }
input 1x8x8
conv 4 3x3 pad=1 relu; conv 1 1x1 sigmoid
train { epochs 2; batch 4 }
"""
COLORS = {"blue": (20, 30, 200), "red": (200, 30, 20), "white": (240, 240, 240)}


def fill(folder: Path) -> None:
    draw = np.random.default_rng(0)
    for name, color in COLORS.items():
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(30):
            pixels = np.clip(np.asarray(color) + draw.integers(-40, 40, (12, 10, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{i}.png")
    for kind in ("images", "masks"):
        (folder / "cells" / kind).mkdir(parents=True)
    for i in range(9):
        mask = draw.integers(0, 2, (4, 4)).repeat(4, 0).repeat(4, 1).astype(np.uint8) * 255
        Image.fromarray(mask).save(folder / "cells/masks" / f"{i}.png")
        Image.fromarray(mask // 2 + 40).save(folder / "cells/images" / f"{i}.png")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("pictures")
    fill(folder)
    for name, text in (("photos", SPEC), ("cells", MASKS)):
        (folder / f"{name}.net").write_text(text, encoding="utf-8")
        *_, last = ns.train(folder / f"{name}.net", out=folder / f"run_{name}")
        assert isinstance(last, ns.Finished)
    return folder


@pytest.fixture
def cli(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command line in this process; an error is raised, what was printed is returned."""
    monkeypatch.chdir(here)
    monkeypatch.setenv("NETSPEC_COMPILE_CACHE", "off")

    def run(*words: str) -> SimpleNamespace:
        code = build(words[0])([*words], standalone_mode=False)
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code or 0, out=out, err=err)

    return run


def test_a_run_knows_its_classes_and_goes_on_exactly(here: Path) -> None:
    run = ns.open(here / "run_photos")
    assert run.labels == ("blue", "red", "white")
    assert run.resize == "crop"
    found = run.evaluate()
    assert found.accuracy == pytest.approx(run.result["test_accuracy"])
    *_, last = ns.resume(here / "run_photos", epochs=3)
    assert isinstance(last, ns.Finished)
    assert ns.replay(here / "run_cells").identical
    extra = here / "photos/red/extra.png"
    extra.write_bytes((here / "photos/red/1.png").read_bytes())
    with pytest.raises(ns.NetspecError, match="SHA-256"):
        ns.open(here / "run_photos").evaluate()
    extra.unlink()


def test_predict_takes_files_folders_and_archives(here: Path, cli: Any) -> None:
    with zipfile.ZipFile(here / "new.zip", "w") as archive:
        for name in ("photos/red/1.png", "photos/blue/2.png"):
            archive.write(here / name, name)
        archive.writestr("bad.png", b"no picture")
    run = ns.open(here / "run_photos")
    (alone,) = run.predict(run.read(here / "photos/red/1.png"))
    assert cli("predict", "run_photos", "new.zip", "-o", "out.csv").code == 1  # one cannot be read
    with (here / "out.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert [row["file"] for row in rows] == ["new.zip/photos/blue/2.png", "new.zip/photos/red/1.png"]
    assert list(rows[0])[:3] == ["file", "predicted", "probability"]
    assert rows[1]["predicted"] == alone.label
    assert float(rows[1]["probability"]) == pytest.approx(alone.probability, rel=1e-5)
    assert cli("predict", "run_photos", "photos", "-o", "all.csv").code == 0
    with (here / "all.csv").open(newline="", encoding="utf-8") as table:
        assert len(list(csv.DictReader(table))) == 90


def test_masks_are_predicted(here: Path, cli: Any) -> None:
    run = ns.open(here / "run_cells")
    assert {"iou", "dice"} <= set(run.evaluate().metrics)
    cli("predict", "run_cells", "cells/images", "-o", "m.npy")
    assert np.load(here / "m.npy").shape == (9, 2, 8, 8)
    cli("predict", "run_cells", "cells/images", "-o", "m.csv")
    with (here / "m.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert list(rows[0]) == ["file", "predicted", "0", "255"]
    cli("predict", "run_cells", "cells", "-o", "whole.csv")  # a mask is no picture to be answered
    with (here / "whole.csv").open(newline="", encoding="utf-8") as table:
        assert [row["file"] for row in csv.DictReader(table)] == [row["file"] for row in rows]
    assert float(rows[0]["0"]) + float(rows[0]["255"]) == pytest.approx(1)
    assert cli("predict", "run_cells", "cells", "-o", "drawn/").code == 0
    for row in rows:
        with (
            Image.open(here / row["file"]) as picture,
            Image.open(here / "drawn" / Path(row["file"]).relative_to("cells")) as mask,
        ):
            assert mask.size == picture.size
            assert set(np.unique(np.asarray(mask)).tolist()) <= {0, 255}
    assert cli("predict", "run_cells", "cells/images", "-o", "all/", "--threshold", "0").code == 0
    with Image.open(here / "all" / Path(rows[0]["file"]).name) as mask:
        assert np.unique(np.asarray(mask)).tolist() == [255]
    assert cli("predict", "run_cells", "cells/images", "-o", "cells/images").code == 1  # no picture is written over
    with pytest.raises(RunError, match="the model says nothing of each pixel"):
        cli("predict", "run_photos", "photos", "-o", "drawn/")
    for what in ("examples", "confusion", "curves"):
        assert cli("plot", "run_cells", what).code == 0, what


def test_data_of_another_kind_is_named_as_such(here: Path, cli: Any) -> None:
    (here / "rows.csv").write_text("a,label\n1,0\n2,1\n", encoding="utf-8")
    for run, data, message in (
        ("run_photos", "cells", "cells has a mask for each picture, but the network gives one answer for a picture"),
        ("run_cells", "photos", "photos has no masks, but the network says something of each pixel"),
        ("run_photos", "rows.csv", "rows.csv is a table, but the model has not learned from one"),
    ):
        with pytest.raises(DataError, match=message):
            cli("eval", run, "--data", data)


def test_a_model_is_evaluated_with_a_test_part_of_its_own(here: Path) -> None:
    for part in ("train", "test"):
        for name in COLORS:
            (here / "parted" / part / name).mkdir(parents=True)
            for i in range(3):
                picture = (here / "photos" / name / f"{i}.png").read_bytes()
                (here / "parted" / part / name / f"{i}.png").write_bytes(picture)
    assert ns.open(here / "run_photos").evaluate(here / "parted").examples == 9


def test_classes_are_those_of_the_data_that_is_given(here: Path, cli: Any) -> None:
    spec = SPEC.split("\n", 1)[1]
    (here / "open.net").write_text(spec, encoding="utf-8")
    (here / "other.net").write_text(f'data "elsewhere"\n{spec}', encoding="utf-8")
    for name in ("open", "other"):
        assert (
            cli("train", f"{name}.net", "--data", "photos", "-o", f"run_{name}", "--epochs", "1", "--quiet").code == 0
        )
        assert ns.open(here / f"run_{name}").labels == ("blue", "red", "white")
        with pytest.raises(ns.NetspecError, match="nowhere does not exist"):
            cli("train", f"{name}.net", "--data", "nowhere", "-o", "none")
    assert ns.replay(here / "run_open").identical
    with pytest.raises(ns.NetspecError, match="elsewhere does not exist"):
        cli("train", "other.net", "-o", "none")
    (here / "else.net").write_text(f'data "elsewhere" else "photos"\n{spec}', encoding="utf-8")
    graph = ns.load(here / "else.net").graph()
    assert graph.shape(graph.output) == (3,)


@pytest.mark.parametrize("name", ["photos", "cells"])
def test_a_spec_is_written_for_pictures(name: str, here: Path, cli: Any, tmp_path: Path) -> None:
    assert cli("new", "--data", name, "-o", f"new_{name}.net").code == 0
    assert cli("check", f"new_{name}.net").code == 0
    assert cli("fmt", "--check", f"new_{name}.net").code == 0
    (here / "below").mkdir(exist_ok=True)
    with pytest.raises(DataError, match="does not lie below") as refused:
        cli("new", "--data", name, "-o", "below/x.net")
    assert "-o" in refused.value.fix
    beside = tmp_path / name
    shutil.copytree(here / name, beside)
    with pytest.raises(DataError, match="does not lie below") as refused:
        cli("new", "--data", str(beside), "-o", "-")
    assert refused.value.fix == f"write it there: -o {tmp_path / name}.net"


def test_data_show_finds_what_is_wrong(here: Path, cli: Any) -> None:
    with zipfile.ZipFile(here / "odd.zip", "w") as archive:
        for at, part in enumerate(("train", "test")):
            for name in COLORS:
                for i in range(3):
                    archive.write(here / f"photos/{name}/{i + 5 * at}.png", f"{part}/{name}/{i}.png")
        archive.write(here / "photos/red/0.png", "test/red/same.png")
        archive.writestr("train/red/bad.png", b"no picture")
    said = cli("data", "show", "odd.zip", "-o", "odd.png").out
    assert "red        4     4  40.00 %" in said
    assert "all 10x12, color" in said
    assert "cannot be read: 1\n  odd.zip/train/red/bad.png is not a picture" in said
    assert "in several parts: 1\n  test/red/same.png = train/red/0.png" in said
    assert (here / "odd.png").is_file()
    said = cli("data", "show", "cells").out
    assert "9 pictures with masks" in said
    assert "values in masks: 0 " in said


@pytest.mark.parametrize(
    "how",
    [Augment(flip=True), Augment(pad=2), Augment(shift=3.0, fill="edge"), Augment(rotate=40), Augment(elastic=2.0)],
)
def test_masks_move_with_their_pictures(how: Augment) -> None:
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    masks = np.kron(np.random.default_rng(1).integers(0, 2, (20, 4, 4)), np.ones((4, 4), int)).astype(np.int32)
    key, places = jax.random.key(3), jnp.arange(20)
    pictures = augmented(jnp.asarray(masks[:, None] * 255, jnp.uint8), how, key, places)[:, 0]
    moved = moved_targets(jnp.asarray(masks), how, key, places, size=(16, 16), outside=None)
    assert moved.dtype == jnp.int32
    sure = np.abs(np.asarray(pictures) - 127.5) > 64
    assert sure.mean() > 0.7
    np.testing.assert_array_equal(np.asarray(moved)[sure], (np.asarray(pictures) > 127)[sure])
    assert (np.asarray(moved) != masks).any()
    if how.fill == "zero" and not how.flip:
        out = moved_targets(jnp.asarray(masks), how, key, places, size=(16, 16), outside=9)
        assert (np.asarray(out) == 9).any()
    rows = moved_targets(jnp.asarray(masks[:, None], jnp.float32), how, key, places, size=(16, 16), outside=None)
    np.testing.assert_array_equal(np.asarray(rows)[:, 0], np.asarray(moved))


def test_channels_are_normalized_each_by_its_own(here: Path) -> None:
    text = SPEC.replace("validation 15%", "normalize channels; validation 15%")
    (here / "channels.net").write_text(text.replace("augment flip rotate=10; ", ""), encoding="utf-8")
    *_, last = ns.train(here / "channels.net", out=here / "run_channels")
    assert isinstance(last, ns.Finished)
    run = ns.open(here / "run_channels")
    train = run.part(run.dataset(), "train").images / np.float32(255)
    assert run.network.data is not None
    assert run.network.data.normalize is not None
    found = run.network.data.normalize.by_channel
    assert found is not None
    np.testing.assert_allclose(found, [train.mean(axis=(0, 2, 3)), train.std(axis=(0, 2, 3))], atol=1e-5)
    assert ns.replay(here / "run_channels").identical
    assert run.evaluate().loss == pytest.approx(run.result["test_loss"])


@pytest.mark.parametrize("views", ["", "; views shift=1"])
def test_imagenet_is_a_mean_and_a_deviation_for_each_channel(views: str) -> None:
    head = 'input 3x4x4\nconv 2 3x3; globalpool; fc 2 softmax\ndata "x.npz" { '
    own = ns.compile(ns.parse(f"{head}normalize imagenet{views} }}"))
    plain = ns.compile(ns.parse(f"{head}scale 0..1{views} }}"))
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 4), dtype=np.uint8)
    variables = own.init(seed=0)
    means, stds = (np.float32(v).reshape(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    if views:
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        shifted = np.stack([padded[:, :, i : i + 4, j : j + 4] for i in range(3) for j in range(3)])
        alone = ns.compile(ns.parse(f"{head}scale 0..1 }}"))
        floats = [((v / np.float32(255) - means) / stds).astype(np.float32) for v in shifted]
        each = [np.log(np.asarray(alone.forward(variables, v))) for v in floats]
        expected = np.exp(np.mean(each, axis=0))
        expected /= expected.sum(axis=1, keepdims=True)
    else:
        expected = np.asarray(plain.forward(variables, ((x / np.float32(255) - means) / stds).astype(np.float32)))
    np.testing.assert_allclose(own.forward(variables, x), expected, rtol=2e-5)


GIVEN = Path(os.environ.get("NETSPEC_DATA", "none"))


@pytest.mark.slow
@pytest.mark.skipif(not (GIVEN / "cifar10-images.zip").is_file(), reason="set NETSPEC_DATA for cifar10-images.zip")
def test_real_pictures(tmp_path: Path) -> None:
    with zipfile.ZipFile(GIVEN / "cifar10-images.zip") as source, zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        for part, each in (("train", 60), ("test", 20)):
            for name in ("automobile", "frog"):
                for i in range(each):
                    file = f"{part}/{name}/{i:04d}.jpg"
                    archive.writestr(file, source.read(file))
    text = (
        SPEC.replace("photos", "c.zip")
        .replace("; test 20%", "")
        .replace("8x8", "32x32")
        .replace("epochs 2", "epochs 30; optimizer adam lr=0.02")
    )
    (tmp_path / "c.net").write_text(text, encoding="utf-8")
    *_, last = ns.train(tmp_path / "c.net")
    assert isinstance(last, ns.Finished)
    assert last.result.test_accuracy is not None
    assert last.result.test_accuracy > 0.6


@pytest.mark.slow
@pytest.mark.skipif(not (GIVEN / "membrane").is_dir(), reason="set NETSPEC_DATA for membrane")
def test_real_masks(tmp_path: Path) -> None:
    text = MASKS.replace('"cells" { test 3', '"m" { test 6').replace("8x8", "64x64").replace("epochs 2", "epochs 4")
    (tmp_path / "m.net").write_text(text, encoding="utf-8")
    *_, last = ns.train(tmp_path / "m.net", data=str(GIVEN / "membrane"))
    assert isinstance(last, ns.Finished)
    assert last.result.metrics["test_dice"] > 0.8
    assert SimpleNamespace(**last.result.metrics).test_iou > 0.7
