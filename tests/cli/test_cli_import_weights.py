"""`netspec import SPEC.net WEIGHTS.pth` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from netspec.runs import model_file
from tests.cli.command_line import cli
from tests.formats.torch_files import saved

SPEC = "# Mine.\ninput 3x8x8\nconv 4 3x3 nobias; batchnorm relu\nglobalpool; fc 3 softmax\n"
RNG = np.random.default_rng(0)
ARRAYS = {
    name: RNG.random(shape).astype("<f4")
    for name, shape in {
        "0.weight": (4, 3, 3, 3),
        "1.weight": (4,),
        "1.bias": (4,),
        "1.running_mean": (4,),
        "1.running_var": (4,),
        "5.weight": (3, 4),
        "5.bias": (3,),
    }.items()
}
TABLE = """\
name          layer            output  parameters  from
───────────────────────────────────────────────────────
conv_1        conv 4 3 nobias  4x6x6          108  0
batchnorm_1   batchnorm relu   4x6x6            8  1
globalpool_1  globalpool       4
fc_1          fc 3 softmax     3               15  5
note: net.net does not say how pixels become numbers: they are 0..1; where the network learned from ImageNet: \
--normalize imagenet
131 parameters
wrote w.safetensors; next: netspec eval w.safetensors --data NAME
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "net.net").write_text(SPEC)
    (tmp_path / "w.pth").write_bytes(saved({**ARRAYS, "1.num_batches_tracked": np.array(7, "<i8")}))
    (tmp_path / "names.txt").write_text("cat\ndog\nbird\n")
    return tmp_path


def test_weights_go_into_a_spec_that_stays(here: Path) -> None:
    done = cli(here, "import", "net.net", "w.pth", "--labels", "names.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.rstrip() for line in done.stdout.splitlines()] == TABLE.splitlines()
    assert (here / "net.net").read_text() == SPEC
    assert sorted(path.name for path in here.iterdir()) == ["names.txt", "net.net", "w.pth", "w.safetensors"]
    np.save(here / "x.npy", np.zeros((3, 8, 8), np.uint8))
    assert any(name in cli(here, "predict", "w.safetensors", "x.npy").stdout for name in ("cat", "dog", "bird"))

    again = cli(here, "import", "net.net", "--weights", "w.pth")
    assert again.stderr.startswith("error: w.safetensors exists already\n  fix: choose another name with -o")
    assert cli(here, "import", "w.pth", "net.net", "--force").returncode == 0


def test_where_the_result_goes(here: Path) -> None:
    assert "wrote mine.safetensors; " in cli(here, "import", "net.net", "w.pth", "-o", "mine.safetensors").stdout
    assert not (here / "mine.net").exists()
    said = cli(here, "import", "net.net", "w.pth", "-o", "copy.net").stdout
    assert "wrote copy.net and copy.safetensors; " in said
    assert (here / "copy.net").read_text() == SPEC
    assert cli(here, "diff", "copy.net", "copy.safetensors").returncode == 0
    assert "copy.net exists already" in cli(here, "import", "net.net", "w.pth", "-o", "copy.net").stderr
    assert "is no name of a model file or a spec" in cli(here, "import", "net.net", "w.pth", "-o", "x.txt").stderr


def test_pixels_as_the_user_says(here: Path) -> None:
    done = cli(here, "import", "net.net", "w.pth", "-o", "copy.net", "--normalize", "imagenet")
    assert (done.returncode, done.stderr) == (0, "")
    assert "note:" not in done.stdout
    assert (here / "copy.net").read_text() == f'{SPEC}\ndata "pictures" {{ normalize imagenet; resize center }}\n'
    data = model_file.read(here / "copy.safetensors").network.data
    assert data is not None
    assert data.scalings()[1] == pytest.approx((-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225))
    for words, said in (
        ("imagenot", "--normalize imagenot cannot be: "),
        ("imagenet }; fc 3", "cannot be read"),
        ('means="1 2" stds="3"', "cannot be: "),
        ("channels", "means those of the data that is trained on"),
    ):
        assert said in cli(here, "import", "net.net", "w.pth", "-o", "x.net", "--normalize", words).stderr
    assert not (here / "x.net").exists()
    again = cli(here, "import", "copy.net", "w.pth", "-o", "x.net", "--normalize", "imagenet").stderr
    assert "copy.net has a `data` of its own" in again


@pytest.mark.parametrize(
    ("spec", "resize"),
    [
        ("input 3x8x8; fc 2", "crop"),
        ('input 3x8x8; fc 2\ndata "photos" { resize fit }', "fit"),
        ('input 1x8x8; fc 2\ndata "photos"', "crop"),
        ("input 1x8x8; fc 2\ndata mnist", None),
        ("input 1x8x8; fc 2", None),
        ("input 8; fc 2", None),
    ],
)
def test_photographs_get_the_size_of_the_input_as_in_a_folder_of_pictures(
    here: Path, spec: str, resize: str | None
) -> None:
    if "mnist" in spec:
        spec = spec.replace("8x8; fc 2", "28x28; fc 10 softmax")
    (here / "net.net").write_text(spec)
    units, values = (10, 784) if "mnist" in spec else (2, 8 if "x" not in spec else 64 * int(spec[6]))
    (here / "w.pth").write_bytes(saved({"a.weight": np.ones((units, values), "<f4"), "a.bias": np.ones(units, "<f4")}))
    assert cli(here, "import", "net.net", "w.pth", "--force").returncode == 0
    preparation = model_file.read(here / "w.safetensors").preparation
    assert (preparation.resize if preparation else None) == resize


def test_as_json(here: Path) -> None:
    made = json.loads(cli(here, "import", "net.net", "w.pth", "--json").stdout)
    assert (made["format"], made["spec"], made["model"]) == ("torch", "net.net", "w.safetensors")
    assert made["layers"][1]["from"] == "1"
    assert made["not_understood"] == []


def test_a_new_head(here: Path) -> None:
    (here / "net.net").write_text(SPEC.replace("fc 3", "fc 5"))
    refused = cli(here, "import", "net.net", "w.pth")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "error: the weights do not fit net.net:\n"
        "  net.net, fc_1: kernel 5x4, bias 5; in its place there is 5: weight 3x4, bias 3\n"
        "  fix: --partial takes what fits; the other layers begin fresh\n"
    )
    done = cli(here, "import", "net.net", "w.pth", "--partial")
    assert "fc_1          fc 5 softmax     5               25  begins fresh" in done.stdout
    assert "note: fc_1: nothing of w.pth fits, it begins fresh\n" in done.stdout
    assert "note: of w.pth is left out: 5\n" in done.stdout
    arrays = model_file.read(here / "w.safetensors").arrays
    np.testing.assert_array_equal(arrays["conv_1/kernel"], ARRAYS["0.weight"])
    assert np.ptp(arrays["fc_1/kernel"]) > 0


def test_what_is_read_is_never_replaced(here: Path) -> None:
    weights = safetensors.numpy.save(dict(ARRAYS))
    (here / "w.safetensors").write_bytes(weights)
    for words in (["w.safetensors"], ["w.pth", "-o", "net.net"], ["w.safetensors", "-o", "./w.safetensors"]):
        done = cli(here, "import", "net.net", *words, "--force")
        assert (done.returncode, done.stdout) == (1, "")
        assert "would replace what is read\n  fix: choose another name: -o w_imported." in done.stderr
    assert ((here / "net.net").read_text(), (here / "w.safetensors").read_bytes()) == (SPEC, weights)
    assert cli(here, "import", "net.net", "w.safetensors", "-o", "w_imported.safetensors").returncode == 0


def test_wrong_usage(here: Path) -> None:
    (here / "other.net").write_text(SPEC)
    (here / "part.net").write_text("block b { relu }\n")
    (here / "with.net").write_text('include "part.net"\n' + SPEC.replace("fc 3", "b; fc 3"))
    (here / "deep").mkdir()
    (here / "other").mkdir()
    (here / "other" / "part.net").write_text("block b { tanh }\n")
    for words, said in (
        (["w.pth"], "fix: give the spec of the network first: netspec import SPEC.net w.pth"),
        (["net.net"], "1 specs and 0 files of weights were given"),
        (["net.net", "other.net", "w.pth"], "2 specs and 1 files of weights were given"),
        (["net.net", "names.txt"], "names.txt holds no weights for a spec"),
        (["net.net", "none.pth"], "none.pth cannot be read: "),
        (["none.net", "w.pth"], "none.net: there is no such file"),
        (["net.net", "w.pth", "--shape", "3x8x8"], "net.net says the shape of its input"),
        (["w.cfg", "--normalize", "imagenet"], "--normalize is for a given spec"),
        (["with.net", "w.pth", "-o", "deep/with.net"], "the spec cannot be copied to deep/with.net: "),
        (["with.net", "w.pth", "-o", "other/with.net"], "the spec would be another network at other/with.net"),
    ):
        done = cli(here, "import", *words)
        assert (done.returncode, done.stdout) == (1, ""), words
        assert said in done.stderr, words
    assert cli(here, "import", "with.net", "w.pth", "-o", "deep/with.safetensors").returncode == 0
