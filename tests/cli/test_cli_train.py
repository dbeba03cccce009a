"""`netspec train`: what it prints in a pipe, where the run goes, which flags it takes, and how it fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from command_line import BAD, GOOD, cli, lines

import netspec


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "good.net").write_text(GOOD)
    (tmp_path / "bad.net").write_text(BAD)
    return tmp_path


def test_json_and_every_flag(here: Path) -> None:
    words = "--epochs 2 --batch 300 --lr 0.25 --seed 9 --data digits_by_writer --device cpu --let width=5 --json -o out"
    sets = ["--set", "train.optimizer=sgd lr=0.01", "--set", "data.validation=137"]
    done = cli(here, "train", "good.net", *words.split(), *sets)
    assert (done.returncode, done.stderr) == (0, "")
    events = lines(done.stdout)
    started = events[0]
    assert started["event"] == "started"
    assert (started["epochs"], started["batch"], started["seed"]) == (2, 300, 9)
    assert (started["dataset"], started["validation"], started["train"]) == ("digits_by_writer", 137, 1300)
    assert started["parameters"] == 65 * 5 + 60
    assert {e["learning_rate"] for e in events if e["event"] == "step"} == {0.25}
    assert [e["event"] for e in events if e["event"] not in {"step", "saved"}] == [
        "started",
        "epoch",
        "epoch",
        "finished",
    ]
    assert events[-1]["result"] == json.loads((here / "out" / "result.json").read_text())
    assert not (here / "runs").exists()
    lock = json.loads((here / "out" / "lock.json").read_text())
    assert lock["dataset"] == "digits_by_writer"
    assert lock["seed"] == 9
    network = json.loads((here / "out" / "network.json").read_text())
    assert network["recipe"]["optimizer"]["kind"] == "sgd"


def test_data_of_ones_own_trains_and_the_model_can_be_used(here: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8), np.arange(40) % 10
    np.savez(here / "mine.npz", x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    (here / "own.net").write_text('input 1x8x8\nfc 10 softmax\ndata "mine.npz"\ntrain { epochs 1 }\n')
    np.save(here / "x.npy", x[:2])
    for name, words in (("a", ["own.net"]), ("b", ["good.net", "--data", "mine.npz"])):
        done = cli(here, "train", *words, "-o", name)
        assert done.returncode == 0, done.stderr
        done = cli(here, "predict", name, "x.npy", "--json")
        assert done.returncode == 0, done.stderr
        assert [p["file"] for p in lines(done.stdout)] == ["x.npy[0]", "x.npy[1]"]


def test_a_text_that_is_given_is_the_one_that_is_read(here: Path) -> None:
    (here / "text.net").write_text('data "none.txt"\nembedding 4; lstm 4; fc tokens softmax pointwise\n')
    done = cli(here, "train", "text.net")
    assert (done.returncode, "text.net:1:1: error[E0314]: none.txt does not exist" in done.stderr) == (1, True)
    assert "--data PATH" in done.stderr
    done = cli(here, "train", "text.net", "--data", "nix.txt")
    assert (done.returncode, "error: nix.txt does not exist" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["bad.net"], 1, "E0201"),
        (["none.net"], 1, "none.net: there is no such file"),
        (["good.net", "--epochs", "0"], 1, "epochs"),
        (["good.net", "--epochs", "-3"], 1, "epochs"),
        (["good.net", "--epochs", "many"], 2, "--epochs"),
        (["good.net", "--epochs", "9" * 30], 1, "epochs"),
        (["good.net", "--batch", "0"], 1, "batch"),
        (["good.net", "--batch", "1.5"], 2, "--batch"),
        (["good.net", "--lr", "0"], 1, "lr"),
        (["good.net", "--lr", "nan"], 1, "lr"),
        (["good.net", "--lr", "inf"], 1, "lr"),
        (["good.net", "--lr", "fast"], 2, "--lr"),
        (["good.net", "--seed", "-1"], 1, "seed"),
        (["good.net", "--device", "gpuu"], 1, "did you mean `gpu`?"),
        (["good.net", "--data", "nosuch"], 1, "nosuch"),
        (["good.net", "--data", "./none.npz"], 1, "none.npz"),
        (["good.net", "--let", "width=0"], 1, "units"),
        (["good.net", "--let", "height=1"], 1, "no `let height`"),
        (["good.net", "--set", "train.batch"], 2, "NAME=VALUE"),
        (["good.net", "--set", "data.validation=1437"], 1, "leaves nothing to train on"),
        (["good.net", "--set", "data.name=none.npz"], 1, "none.npz"),
        (["good.net", "-o", "good.net"], 1, "good.net is a file, not a folder"),
        (["good.net", "-o", "."], 1, "holds something already"),
        (["good.net", "--nosuch"], 2, "--nosuch"),
    ],
    ids=lambda words: " ".join(words)[:40] if isinstance(words, list) else "",
)
def test_one_clear_error_and_nothing_written(here: Path, words: list[str], code: int, said: str) -> None:
    before = sorted(here.rglob("*"))
    done = cli(here, "train", *words)
    assert done.returncode == code
    assert said in done.stderr
    assert "[type=" not in done.stderr
    assert done.stdout == ""
    assert sorted(here.rglob("*")) == before


def test_a_spec_of_a_long_name_trains_or_is_refused(here: Path) -> None:
    name = "a" * 210 + ".net"
    (here / name).write_text(GOOD)
    assert cli(here, "train", name).returncode in (0, 1)


@pytest.mark.parametrize("batch", ["500", "1500"])
def test_a_loss_that_is_no_number_is_exit_code_3(here: Path, batch: str) -> None:
    # With a batch of 1500 the only step's loss is still a number: its weights are not.
    words = ["--set", "train.optimizer=sgd lr=1e38", "--batch", batch, "--json", "-o", "out"]
    done = cli(here, "train", "good.net", *words)
    assert done.returncode == 3
    assert re.search(r"no longer a number (at|after) step", done.stderr)
    lines(done.stdout)
    assert not list((here / "out").glob("*.safetensors"))
    assert netspec.load(here / "out" / "spec.net").nodes


def test_the_spec_of_the_run_has_its_includes_put_in(here: Path) -> None:
    head, _, tail = GOOD.partition("\n")
    (here / "parts").mkdir()
    (here / "parts" / "tail.net").write_text(tail)
    (here / "split.net").write_text(f'{head} # the head\ninclude "parts/tail.net" # and the rest\n')
    assert cli(here, "train", "split.net", "-o", "out", "--epochs", "1", "--quiet").returncode == 0
    (here / "parts" / "tail.net").unlink()
    text = (here / "out" / "spec.net").read_text()
    assert '# include "parts/tail.net"\n' in text
    assert netspec.load(here / "out" / "spec.net").nodes == netspec.load(here / "good.net").nodes


def test_a_note_on_the_spec_is_said_once(here: Path) -> None:
    (here / "good.net").write_text(GOOD.replace("fc width relu", "fc width LeakyReLU"))
    done = cli(here, "train", "good.net", "-o", "out", "--quiet")
    assert done.returncode == 0
    assert [x for x in done.stdout.splitlines() if x.startswith("note: ")] == [
        "note: good.net:3:10: `LeakyReLU`: as in PyTorch its slope is 0.01; Keras's is 0.3"
    ]


def test_trained_weights_to_start_from(here: Path) -> None:
    assert cli(here, "train", "good.net", "--epochs", "1").returncode == 0
    narrow = cli(here, "train", "good.net", "--weights", "runs/good", "--let", "width=5", "-o", "narrow")
    assert "note: no kernel fits, only what is as long by chance" in narrow.stdout
    (here / "other.net").write_text(GOOD.replace("fc width relu\nfc 10", "fc 5 relu\nfc 10 nobias"))
    done = cli(here, "train", "other.net", "--weights", "runs/good", "-o", "other")
    assert done.returncode == 1
    assert "no array of runs/good has the name and the shape of a weight of this network" in done.stderr
    assert "`fc_1/kernel` is 5x64 here and 8x64 there" in done.stderr
    assert not (here / "other").exists()
    text = GOOD.replace("fc 10", "fc 12 relu as more; fc 10").replace("fc width relu", "fc width relu as fc_1")
    (here / "fine.net").write_text(f'{text}weights "runs/good"\nfreeze fc_1\n')
    done = cli(here, "train", "fine.net")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:5] == [
        "weights of runs/good: 3 of 6 arrays taken",
        "  fc_2/kernel  10x12  begins fresh: 10x8 there",
        "  more/kernel  begins fresh: not there",
        "  more/bias    begins fresh: not there",
        "fine: 758 parameters, 520 of them frozen; digits: 1,437 training and 360 test images; batch 500, 1 epoch, "
        "seed 0, on cpu",
    ]
    events = lines(cli(here, "train", "fine.net", "--json", "-o", "again", "--weights", "runs/fine").stdout)
    assert events[0]["event"] == "weights"
    assert events[0]["source"] == "runs/fine"
    assert len(events[0]["taken"]) == 6
    assert (events[0]["fresh"], events[0]["missing"], events[0]["unused"]) == ({}, [], [])
    assert events[1]["frozen"] == 520
    totals = json.loads(cli(here, "show", "fine.net", "--as", "json").stdout)["totals"]
    assert (totals["parameters"], totals["trainable"], totals["frozen"]) == (758, 238, 520)
    assert "trained 238 parameters, frozen 520" in cli(here, "show", "fine.net").stdout
    assert cli(here, "fmt", "--check", "fine.net").returncode == 0
