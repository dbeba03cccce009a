"""`netspec diff`: the whole look of it, its exit codes, and that runs and models are read without JAX."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import ROOT, cli, lines

import netspec
from netspec.runs import model_file
from netspec.runs.model_file import ModelFile

ONE = "input 1x8x8\nconv 4 3x3 relu; pool 2\nfc 10 softmax\ndata digits\ntrain { batch 32; epochs 3 }\n"
OTHER = (
    "input 1x8x8\nconv 4 3x3 relu; batchnorm; pool 2\nfc 20 relu; fc 10 softmax\ndata digits\n"
    "train { optimizer sgd momentum=0.9; batch 32; epochs 3 }\nassert params < 2k\n"
)

EXPECTED = """\
- one.net
+ other.net

layers
  … 1 layer the same
+ batchnorm_1  batchnorm  (4x6x6, 8 parameters)
  … 1 layer the same
+ fc_1         fc 20 relu  (20, 740 parameters)
· fc_2         fc 10 softmax
                 named fc_1 before
                 parameters 370 → 210; FLOPs 740 → 420; activations 264 B → 120 B

settings
~ train.optimizer           adam → sgd
~ train.optimizer.beta1     0.9 → –
~ train.optimizer.beta2     0.999 → –
~ train.optimizer.epsilon   1e-08 → –
~ train.optimizer.lr        0.001 → 0.01
~ train.optimizer.momentum  – → 0.9
~ train.optimizer.nesterov  – → false
~ assert params <           – → 2000

totals                            A        B         difference
───────────────────────────────────────────────────────────────
layers                            3        5       +2 (+66.7 %)
parameters                      410      998    +588 (+143.4 %)
FLOPs of an example          3.76 k    5.5 k  +1.74 k (+46.1 %)
training memory, batch 32    100 kB   129 kB   +29 kB (+28.9 %)
inference memory, batch 32  38.5 kB  40.9 kB  +2.38 kB (+6.2 %)

weights: 40 of 998 parameters (4 %) carry over
~ fc_1/kernel  10x36 → 20x36
~ fc_1/bias  10 → 20
+ batchnorm_1/scale  only in B
+ batchnorm_1/offset  only in B
+ batchnorm_1/mean  only in B
+ batchnorm_1/variance  only in B
+ fc_2/kernel  only in B
+ fc_2/bias  only in B
> fc_1/bias would fit fc_2/bias
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "one.net").write_text(ONE)
    (tmp_path / "other.net").write_text(OTHER)
    (tmp_path / "bad.net").write_text("input 1x8x8\ncov 3 3x3\nfc 7 softmx\n")
    (tmp_path / "run").mkdir()
    network = netspec.parse(ONE, name="one")
    (tmp_path / "run" / "network.json").write_text(network.model_dump_json(indent=2))
    graph = network.graph()
    arrays = {p.path: np.zeros(p.shape, np.float32) for p in graph.parameters.values()}
    model_file.write(tmp_path / "one.safetensors", ModelFile(network, graph, arrays, tuple("0123456789"), {}))
    return tmp_path


def test_the_look_of_it(here: Path) -> None:
    done = cli(here, "diff", "one.net", "other.net")
    assert (done.returncode, done.stderr) == (1, "")
    assert [line.rstrip() for line in done.stdout.splitlines()] == EXPECTED.splitlines()


@pytest.mark.parametrize("side", ["one.net", "run", "one.safetensors"])
def test_a_spec_its_run_and_its_model_are_the_same(here: Path, side: str) -> None:
    done = cli(here, "diff", "one.net", side)
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing differs\n", "")
    assert cli(here, "diff", side, "other.net").returncode == 1


@pytest.mark.parametrize("name", ["residual.cfg", "inception.prototxt"])
def test_a_file_of_another_program_is_compared_as_it_would_be_imported(here: Path, name: str) -> None:
    foreign = Path(ROOT) / "tests" / "formats" / "foreign" / name
    spec = foreign.with_suffix(".net")
    assert cli(here, "diff", spec, foreign).stdout == "nothing differs\n"
    (here / "mine.net").write_text(spec.read_text().replace("fc 10", "fc 7").replace("fc 5", "fc 7"))
    done = cli(here, "diff", foreign, "mine.net")
    assert (done.returncode, done.stderr) == (1, "")
    assert "fc 7" in done.stdout


def test_a_file_of_another_program_that_is_not_understood_is_trouble(here: Path) -> None:
    (here / "net.cfg").write_text("[net]\ninputs=5\n[warp]\n")
    (here / "open.cfg").write_text("[net]\n[connected]\noutput=10\nactivation=linear\n[softmax]\n")
    (here / "w.pth").write_bytes(b"PK")
    for name, said in (("net.cfg", "[warp]: a section that is not known"), ("w.pth", "says nothing of the network")):
        done = cli(here, "diff", "one.net", name)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert not list(here.glob("net.net"))
    assert "say it: --shape CxHxW" in cli(here, "diff", "one.net", "open.cfg").stderr
    assert cli(here, "diff", "one.net", "open.cfg", "--shape", "1x8x8").returncode == 1


def test_for_programs(here: Path) -> None:
    done = cli(here, "diff", "run", "other.net", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    (found,) = lines(done.stdout)
    assert (found["before"], found["after"], found["same"]) == ("run", "other.net", False)
    assert [(c["status"], c["after"]["name"]) for c in found["layers"]] == [
        ("added", "batchnorm_1"),
        ("added", "fc_1"),
        ("affected", "fc_2"),
    ]
    assert found["layers"][0]["before"] is None
    assert found["layers"][2]["before"]["shape"] == [10]
    assert found["settings"][0] == {"path": "train.optimizer", "before": "adam", "after": "sgd"}
    assert found["totals"]["before"]["parameters"] == 410
    assert found["weights"]["parameters"] == 40
    assert found["weights"]["reshaped"][0] == {"path": "fc_1/kernel", "before": [10, 36], "after": [20, 36]}
    (same,) = lines(cli(here, "diff", "one.net", "run", "--json").stdout)
    assert (same["same"], same["layers"], same["settings"]) == (True, [], [])


def test_only_a_setting_differs(here: Path) -> None:
    (here / "third.net").write_text(ONE.replace("epochs 3", "epochs 4"))
    done = cli(here, "diff", "one.net", "third.net")
    assert done.returncode == 1
    assert "layers\n" not in done.stdout.replace("layers  ", "")
    assert "~ train.epochs  3 → 4\n" in done.stdout
    assert "weights: 410 of 410 parameters (100 %) carry over\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["one.net", "bad.net"], "E0201"),
        (["bad.net", "one.net"], "E0203"),
        (["one.net", "none.net"], "there is no such file"),
        (["none.safetensors", "one.net"], "there is no such file"),
        (["one.net", "."], "is not a run folder"),
        (["one.net", "broken"], "is damaged"),
        (["one.net", "unfit"], "unfit/network.json: "),
        (["one.net", "cut.safetensors"], "is damaged"),
        (["one.net", "a" * 3000], "cannot be read"),
        (["one.net"], "Missing argument"),
        (["one.net", "one.net", "--nosuch"], "No such option"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_trouble_is_told_apart_from_a_difference(here: Path, words: list[str], said: str) -> None:
    for folder in ("broken", "unfit"):
        (here / folder).mkdir()
    (here / "broken" / "network.json").write_text('{"nodes": 3}')
    whole = (here / "run" / "network.json").read_text()
    (here / "unfit" / "network.json").write_text(whole.replace("3,\n", "30,\n"))
    (here / "cut.safetensors").write_bytes((here / "one.safetensors").read_bytes()[:-4])
    done = cli(here, "diff", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "[type=" not in done.stderr


def test_a_long_list_of_arrays_is_cut(here: Path) -> None:
    (here / "long.net").write_text("input 4x8x8\n" + "conv 4 3x3 pad=same\n" * 30 + "fc 10 softmax\n")
    (here / "short.net").write_text("input 4x8x8\nfc 10 softmax\n")
    said = cli(here, "diff", "short.net", "long.net").stdout
    assert said.count("  only in B\n") == 40
    assert said.splitlines()[-1] == "+ … 20 more; --json has all"
    (found,) = lines(cli(here, "diff", "short.net", "long.net", "--json").stdout)
    assert len(found["weights"]["only_after"]) == 60


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_colors_at_a_terminal(here: Path) -> None:
    import pty  # noqa: PLC0415

    # Nobody reads before it is done, so it says little: one setting.
    (here / "other.net").write_text(ONE.replace("epochs 3", "epochs 4"))
    leader, follower = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"PYTHONPATH": ROOT, "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "netspec", "diff", "one.net", "other.net"]
    done = subprocess.run(command, cwd=here, env=env, stdout=follower, check=False)
    os.close(follower)
    said = os.read(leader, 1 << 16).decode()
    os.close(leader)
    assert done.returncode == 1
    assert "\x1b[31m- one.net\x1b[0m" in said
    assert "\x1b[33m~ train.epochs  3 → 4\x1b[0m" in said
