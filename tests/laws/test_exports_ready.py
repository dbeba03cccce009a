"""Ready-made specs in every format: the same answers, and programs in blocks that a linter and a formatter accept."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from export_cases import case_of
from small_models import SPECS, small
from test_exports import MARKS, disagreeing, in_this_process

import netspec as ns
from netspec.formats import FORMATS, Options, Trained, program_of

__all__ = ["in_this_process"]

QUICK = {"encoder_decoder", "resnet20", "siamese", "wavenet"}
"""Of each kind of structure one: memories, blocks in a row, shared weights, repetitions."""

computing = [pytest.param(name, marks=MARKS.get(name, [])) for name, each in FORMATS.items() if each.computes]


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in SPECS])
@pytest.mark.parametrize("to", computing)
def test_a_ready_made_spec_is_the_same(to: str, name: str, tmp_path: Path) -> None:
    assert disagreeing(to, case_of(small(name), deep=True), tmp_path, alone=False) == []


def written(to: str, network: ns.Network, folder: Path) -> str:
    """Return the text of a program, whose arrays are drawn, without the comments that say shapes."""
    program = program_of(Trained(network, network.graph(), case_of(network).trained.arrays))
    FORMATS[to].write(program, folder / FORMATS[to].file, Options())
    text = (folder / FORMATS[to].file).read_text(encoding="utf-8")
    return re.sub(r"  # \(N, .*\)$", "", text, flags=re.MULTILINE)


RULES = "E,F,W,I,B,C4,UP,SIM,RET,PIE,PERF"


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in SPECS])
def test_a_linter_and_a_formatter_accept_programs(name: str, tmp_path: Path) -> None:
    if find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    network = small(name)
    arrays = case_of(network).trained.arrays
    for to in ("torch", "jax"):
        program = program_of(Trained(network, network.graph(), arrays, bytes=frozenset()))
        FORMATS[to].write(program, tmp_path / FORMATS[to].file, Options())
    for words in (["check", "--select", RULES, "--ignore", "B905"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--isolated", "--no-cache", "--target-version", "py310", tmp_path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_blocks_are_classes_and_functions_and_repetitions_are_loops(tmp_path: Path) -> None:
    network = ns.load(SPECS["resnet20"])
    text = written("torch", network, tmp_path)
    assert "class Plain(nn.Module):" in text
    assert "def __init__(self, channels: int) -> None:" in text
    assert "self.plain_1 = nn.Sequential(*(Plain(16) for _ in range(3)))" in text
    assert "self.down_1 = Down(32)" in text
    assert "        x = self.plain_1(x)\n        x = self.down_1(x)\n" in text
    text = written("jax", network, tmp_path)
    assert "def plain(params: dict, x: Array) -> Array:" in text
    assert '    for i in range(1, 4):\n        x = plain(params[f"plain_{i}"], x)\n' in text


def test_what_is_repeated_without_a_name_is_a_block(tmp_path: Path) -> None:
    text = written("torch", small("gpt2"), tmp_path)
    assert "self.block = nn.Sequential(*(Block() for _ in range(2)))" in text
    # Sequences lie as PyTorch has them; only the answer is turned.
    assert text.count(".mT") == 1


def test_blocks_with_the_same_weights_are_one_module(tmp_path: Path) -> None:
    text = written("torch", small("siamese"), tmp_path)
    assert "a = self.a(left)\n        x = self.a(right)\n" in text
    text = written("jax", small("siamese"), tmp_path)
    assert text.count('block(params["a"], ') == 2


AWKWARD = {
    "weights that others read": """
input 6
fc 6 relu as a
block part(w) { fc 6 share=w; tanh; fc 6 as b; fc 6 share=b }
part a
part a
fc 2""",
    "blocks that differ in more than numbers": """
input 3x8x8
block unit(c, wide) { conv c 3 pad=1; batchnorm relu; if wide { conv c 1x3 pad=0x1 } else { conv c 3 pad=1 } }
unit 4 true
unit 6 false
unit 6 true
fc 2""",
    "numbers in blocks that are no arguments of calls": """
input 4x6
block unit(c, d) { fc c pointwise tanh; times (d) plus=(c); fc c pointwise; clamp min=(0 - d) max=d }
unit 4 2
unit 8 4
unit 16 8
fc 2""",
    "very large and very small numbers": """
input 6
block unit(c) { fc 6 tanh; clamp min=-1e20 max=c; fc 6 }
unit 1e20; unit 3e18; unit 5e-7
fc 2""",
    "names that programs have": """
input 3x8x8
block conv_2d() { conv 4 3 pad=1; batchnorm relu; conv 4 3 pad=1 }
block load() { conv 4 3 pad=1; batchnorm relu; conv 4 3 pad=1 }
block len() { conv 4 3 pad=1; batchnorm selu; conv 4 3 pad=1 }
block forward() { conv 4 3 pad=1; batchnorm tanh; conv 4 3 pad=1 }
block tensor() { conv 4 3 pad=1; batchnorm elu; conv 4 3 pad=1 }
conv_2d; load; len; forward; tensor; repeat 2 { load }
fc 2""",
}


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("to", computing)
def test_blocks_of_any_form_are_the_same(to: str, name: str, tmp_path: Path) -> None:
    network = ns.parse(AWKWARD[name].strip() + "\ntrain { loss mse }", name="load")
    assert disagreeing(to, case_of(network, deep=True), tmp_path, alone=False) == []
