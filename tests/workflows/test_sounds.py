"""Networks trained on sounds: augmented and resumed to the same bits, and drawn with low tones at the bottom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sound_helpers import tones

import netspec as ns
from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import Source
from netspec.ir.network import Network
from netspec.runs import model_file
from netspec.workflows.shown import as_pictures, upright

WAVES = "sound 4000 seconds=0.2; augment time_shift=0.05 gain=6 polarity noise=0.01 mixup=0.3"
BANDS = "sound 4000 seconds=0.2 mel=8; augment time_shift=0.05 gain=6 time_mask=4 frequency_mask=2 cutmix=0.5"
LAYERS = {WAVES: "conv 4 25 stride=8 relu", BANDS: "conv 4 3x3 relu"}


def _net(folder: Path, data: str) -> Path:
    for name, content in tones(4).items():
        (folder / "clips" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "clips" / name).write_bytes(content)
    text = f'data "clips" {{ {data}; test 25% }}\n{LAYERS[data]}; globalpool; fc classes softmax\n'
    (folder / "clips.net").write_text(text + "train { batch 2; epochs 3 }\n", encoding="utf-8")
    return folder / "clips.net"


@pytest.mark.parametrize("data", [WAVES, BANDS], ids=["waves", "bands"])
def test_a_training_with_augmented_sounds_is_resumed_to_the_same_bits(data: str, tmp_path: Path) -> None:
    net = _net(tmp_path, data)
    list(ns.train(net, out=tmp_path / "whole"))
    asked = iter(range(4))
    list(ns.train(net, out=tmp_path / "part", stop=lambda: next(asked, None) is None))
    assert not (tmp_path / "part" / "result.json").exists()
    list(ns.resume(tmp_path / "part"))
    whole, again = (model_file.read(tmp_path / run / "last.safetensors").arrays for run in ("whole", "part"))
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


def test_a_model_of_before_that_was_varied_as_pictures_are_is_read_still() -> None:
    text = 'data "x" { sound 4000 seconds=0.2 mel=8; augment flip rotate=5 }\ninput 1x8x18; globalpool; fc 2 softmax'
    assert [found.code for found in analyze(Source("x.net", text)).diagnostics] == ["E0308"]
    recorded = analyze(Source("x.net", text), recorded=True)
    assert recorded.network is not None
    assert not recorded.diagnostics


def _of(data: str) -> Network:
    return ns.parse(f'data "x" {{ {data} }}\ninput {"1x8x18" if "mel" in data else "1x800"}\nflatten; fc 2 softmax')


def test_spectrograms_are_drawn_with_the_lowest_band_at_the_bottom() -> None:
    network, values = _of(BANDS), np.zeros((2, 1, 8, 18), np.float32)
    values[:, :, 0] = 1
    drawn = as_pictures(network, values, (1, 8, 18))
    assert (drawn[:, :, -1] == 1).all()
    assert not drawn[:, :, :-1].any()
    np.testing.assert_array_equal(upright(network, values[0]), drawn[0])
    # A vector of a layer, and what is no sound, stay as they are.
    np.testing.assert_array_equal(upright(network, np.arange(4.0)), np.arange(4.0))
    image = np.arange(12.0).reshape(1, 1, 3, 4)
    np.testing.assert_array_equal(as_pictures(ns.parse("input 1x3x4; flatten; fc 2 softmax"), image, (1, 3, 4)), image)


@pytest.mark.parametrize("samples", [800, 50])
def test_waveforms_are_drawn_as_curves(samples: int) -> None:
    seconds = samples / 4000
    network = ns.parse(f'data "x" {{ sound 4000 seconds={seconds} }}\ninput 1x{samples}\nflatten; fc 2 softmax')
    wave = np.linspace(-1, 1, samples, dtype=np.float32)
    (drawn,) = as_pictures(network, wave[None, None], (1, samples))
    dark = drawn[0] < 128
    assert dark.any(axis=0).all()
    heights = [np.flatnonzero(column).mean() for column in dark.T]
    # From the lower left to the upper right.
    assert heights[0] > 45
    assert heights[-1] < 2
    assert (np.diff(heights) <= 0).all()
