"""`netspec bench`, `show --as ops`, `--autotune`: real runs of a tiny network, from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import cli, lines

TINY = (
    "input 1x8x8\nconv 4 3x3 relu; pool 2\nfc 10 softmax\ndata digits\n"
    "train { epochs 1; batch 250; evaluate batch=250 }\n"
)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "tiny.net").write_text(TINY)
    return tmp_path


def test_a_table_of_times_and_one_of_operations(here: Path) -> None:
    done = cli(here, "bench", "tiny.net", "--steps", "1", "--batch", "8", "--device", "cpu")
    assert (done.returncode, done.stderr) == (0, "")
    said = ("tiny on cpu", "GFLOP/s here", "training step", "loss and gradients", "inference", "training, batch 8")
    for words in (*said, "first call", "conv_1", "MaxPool", "expected"):
        assert words in done.stdout
    assert not (here / ".cache" / "autotune").exists()


def test_json(here: Path) -> None:
    done = cli(here, "bench", "tiny.net", "--steps", "1", "--json", "--set", "compile.conv=direct")
    assert (done.returncode, done.stderr) == (0, "")
    machine, *others = lines(done.stdout)
    assert (machine["kind"], machine["name"]) == ("machine", "tiny")
    assert machine["product_gflops"] > 0
    measured = [x for x in others if x["kind"] == "measurement"]
    assert [(m["what"], m["batch"]) for m in measured] == [
        ("training step", 250),
        ("loss and gradients", 250),
        ("inference", 1),
        ("inference", 250),
        ("inference", 1024),
    ]
    for m in measured:
        assert len(m["rounds"]) == 7
        assert 0 < min(m["rounds"]) <= m["seconds"] == sorted(m["rounds"])[3]
        assert m["examples_per_second"] == pytest.approx(m["batch"] / m["seconds"])
        assert m["share"] == pytest.approx(m["gflops"] / machine["product_gflops"])
    operations = [x for x in others if x["kind"] == "operation"]
    assert {(x["mode"], x["batch"]) for x in operations} == {
        ("training", 250),
        *(("inference", n) for n in (1, 250, 1024)),
    }
    assert {(x["strategy"], x["why"]) for x in operations if x["operation"] == "Conv"} == {("direct", "asked for")}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["bench", "none.net"], 1),
        (["bench", "tiny.net", "--batch", "0"], 2),
        (["bench", "tiny.net", "--steps", "0"], 2),
        (["bench", "tiny.net", "--device", "gpuu"], 1),
        (["bench", "tiny.net", "--set", "compile.conv=im2coll"], 1),
        (["show", "tiny.net", "--as", "ops", "--device", "gpuu"], 2),
        (["train", "tiny.net", "--set", "compile.autotune=true"], 1),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else str(words),
)
def test_one_clear_error(here: Path, words: list[str], code: int) -> None:
    done = cli(here, *words)
    assert done.returncode == code
    assert done.stderr.strip()
    assert "[type=" not in done.stderr


def test_operations_are_explained_without_a_device(here: Path) -> None:
    training = cli(here, "show", "tiny.net", "--as", "ops").stdout
    assert "training, batch 250, on cpu, after the passes:" in training
    assert "expected" in training
    inference = cli(here, "show", "tiny.net", "--as", "ops", "--batch", "7", "--device", "gpu").stdout
    assert "inference, batch 7, on gpu, after the passes:" in inference
    asked = cli(here, "show", "tiny.net", "--as", "ops", "--set", "compile.conv=taps", "--set", "compile.pool=slices")
    assert "not taps: it is not depthwise" in asked.stdout
    assert "asked for" in asked.stdout


# In one process, tests/backends/jax/test_autotune.py says the same.
@pytest.mark.slow
def test_autotuning_measures_once_and_the_run_records_the_choices(here: Path) -> None:
    first = cli(here, "train", "tiny.net", "--autotune", "-o", "first")
    assert (first.returncode, first.stderr) == (0, "")
    assert "autotune: measuring 3 operations" in first.stdout
    assert "autotune: 3 operations measured in " in first.stdout
    choices = json.loads((here / "first" / "lock.json").read_text())["choices"]
    assert [(mode, own["batch"]) for mode, own in choices.items()] == [("training", 250), ("evaluation", 250)]
    for own in choices.values():
        assert own["operations"][0].startswith("conv_1 Conv: ")
        assert own["operations"][0].endswith(", measured")
        assert any(line.endswith(", expected") for line in own["operations"])

    # Training and evaluation at one batch are six problems: they are known now.
    second = cli(here, "train", "tiny.net", "--set", "compile.autotune=on", "-o", "second")
    assert second.returncode == 0
    assert "autotune" not in second.stdout
    assert json.loads((here / "second" / "lock.json").read_text())["choices"] == choices
    shown = cli(here, "show", "tiny.net", "--as", "ops", "--set", "compile.autotune=on").stdout
    assert "measured" in shown
    assert "measured" not in cli(here, "show", "tiny.net", "--as", "ops").stdout

    # What was measured is used only where that is asked for.
    plain = cli(here, "train", "tiny.net", "-o", "plain")
    assert plain.returncode == 0
    assert "measured" not in (here / "plain" / "lock.json").read_text()
    off = cli(here, "train", "tiny.net", "--set", "compile.autotune=on", "--no-autotune", "-o", "off")
    assert off.returncode == 0
    assert "measured" not in (here / "off" / "lock.json").read_text()

    doctor = cli(here, "doctor").stdout
    assert f"timings:   {here / '.cache' / 'autotune'} (6 operations" in doctor
    forgotten = cli(here, "doctor", "--forget-timings")
    assert forgotten.stdout.startswith("the times of 6 operations are forgotten: ")
    assert not list((here / ".cache" / "autotune").iterdir())


@pytest.mark.slow
def test_progress_of_autotuning_for_programs(here: Path) -> None:
    done = cli(here, "train", "tiny.net", "--autotune", "--json", "-o", "out")
    tunings = [x for x in lines(done.stdout) if x["event"] == "tuning"]
    assert [x["done"] for x in tunings] == [0, 1, 2, 3, 0, 1, 2, 3]
    assert {x["total"] for x in tunings} == {3}
