"""Sounds: WAV files as SciPy resamples and transforms them; damaged ones; folders, archives and tables of them."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal
from sound_helpers import riff, tone, tones, wav
from test_data_pictures import load, put, tarred, zipped

import netspec as ns
from netspec.data.files.forms import SoundForm
from netspec.data.files.sound_facts import sound_facts
from netspec.data.files.sound_samples import waveform
from netspec.data.files.spectrogram import log_mel, mel_filters, power
from netspec.data.files.wav import resampled, samples_of
from netspec.data.rows import Rows
from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.sound_settings import Sound, as_spectrogram
from netspec.sources.files.sound_spec import layers_for
from netspec.sources.files.wav_headers import wav_of

RNG = np.random.default_rng(0)
NET = 'data "DATA" { sound 4000 seconds=0.25; SETTINGS }\nconv 4 9 stride=8 relu; globalpool; fc classes softmax\n'
PCM = struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)
GUID = bytes.fromhex("000000001000800000aa00389b71")


# --- one file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8"])
def test_samples_are_what_was_written(kind: str, channels: int) -> None:
    given = RNG.uniform(-0.99, 0.99, (50, channels))
    top = 1.0 if kind[0] == "f" else 2.0 ** (8 * int(kind[1]) - 1)
    stored = (given * top + (128 if kind == "u1" else 0)).round().astype(kind) if top > 1 else given.astype(kind)
    content = wav(8000, stored)
    exact = ((stored.astype(np.float64) - (128 if kind == "u1" else 0)) / top).mean(axis=1)
    np.testing.assert_allclose(samples_of(content, wav_of(content, "x"), "x"), exact, rtol=0, atol=1e-15)


@pytest.mark.parametrize("extensible", [False, True])
def test_samples_of_24_bits(extensible: bool) -> None:
    values = [0, 1, -1, 2**23 - 1, -(2**23)]
    data = b"".join(struct.pack("<i", value)[:3] for value in values)
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else 1, 1, 8000, 24_000, 3, 24)
    form += struct.pack("<HHIH", 22, 24, 4, 1) + GUID if extensible else b""
    content = riff(form, data, before=b"LIST" + struct.pack("<I", 3) + b"abc\0")
    np.testing.assert_array_equal(samples_of(content, wav_of(content, "x"), "x"), np.array(values) / 2**23)


@pytest.mark.parametrize("have", [8000, 11_025, 22_050, 44_100, 48_000, 4001])
def test_resampling_is_that_of_scipy(have: int) -> None:
    x = RNG.normal(0, 0.1, 20_000)
    whole = signal.resample_poly(x, 16_000 // math.gcd(16_000, have), have // math.gcd(16_000, have))
    np.testing.assert_allclose(resampled(x, have, 16_000), whole, atol=1e-12)
    # Of a long file only the beginning is read, and it is what it would be of the whole.
    beginning = waveform(wav(have, x), "x", 16_000, 3000)
    np.testing.assert_allclose(beginning, whole[:3000], atol=1e-7)


def test_a_short_sound_is_followed_by_silence() -> None:
    found = waveform(wav(8000, np.full(10, 0.5, np.float32)), "x", 8000, 16)
    np.testing.assert_array_equal(found, [0.5] * 10 + [0] * 6)


SOUNDS = [
    Sound(rate=16_000, seconds=1.0, mel=40),
    Sound(rate=8000, seconds=0.5, mel=20, window=30.0, hop=12.5),
    Sound(rate=44_100, seconds=0.3, mel=64),
]


@pytest.mark.parametrize("sound", SOUNDS, ids=str)
def test_the_power_is_that_of_scipy(sound: Sound) -> None:
    x = RNG.normal(0, 0.1, sound.samples)
    step, hop = sound.window_samples, sound.hop_samples
    _, times, expected = signal.spectrogram(
        x, sound.rate, "hann", step, step - hop, sound.fft_samples, detrend=False, scaling="spectrum"
    )
    assert sound.frames == len(times)
    np.testing.assert_allclose(power(x, sound), expected, rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize("sound", SOUNDS, ids=str)
def test_filters_are_the_triangles_of_htk(sound: Sound) -> None:
    assert sound.mel
    top = 2595 * math.log10(1 + sound.rate / 2 / 700)
    points = [700 * (10 ** (top * i / (sound.mel + 1) / 2595) - 1) for i in range(sound.mel + 2)]
    filters = mel_filters(sound)
    assert filters.shape == (sound.mel, sound.fft_samples // 2 + 1)
    for band in range(sound.mel):
        for at in range(0, filters.shape[1], 7):
            hertz = at * sound.rate / sound.fft_samples
            low, middle, high = points[band : band + 3]
            expected = max(0.0, min((hertz - low) / (middle - low), (high - hertz) / (high - middle)))
            assert filters[band, at] == pytest.approx(expected, abs=1e-9)
    assert (filters.sum(axis=1) > 0).all()


def test_the_scale_of_spectrograms() -> None:
    sound = SOUNDS[0]
    time = np.arange(sound.samples) / sound.rate
    loud, soft = (log_mel(a * np.sin(2 * np.pi * 1000 * time), sound) for a in (1.0, 0.1))
    # A tenth of the amplitude is 20 decibels of 100; a sine of full scale has a power of 1/2, -3 decibels.
    assert loud.max() - soft.max() == pytest.approx(0.2, abs=1e-6)
    assert 0.96 < loud.max() < 1
    assert not log_mel(np.zeros(sound.samples), sound).any()
    edges = sound.edges()
    band = int(loud[0].mean(axis=1).argmax())
    assert edges[band] < 1000 < edges[band + 2]
    bands = mel_filters(sound) @ power(time, sound)
    np.testing.assert_allclose(log_mel(time, sound)[0], 1 + np.log10(np.maximum(bands, 1e-10)) / 10, atol=1e-6)


# --- hostile files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "is no sound file"),
        (b"RIFF\4\0\0\0WAVE", "does not say what its samples are"),
        (b"RIFX" + riff(PCM, bytes(4))[4:], "is damaged: it cannot be read as WAV"),
        (riff(b"", bytes(4)), "its samples come before"),
        (riff(PCM[:9], bytes(4)), "does not say what its samples are"),
        (riff(PCM, b""), "has no samples in it"),
        (riff(PCM, b"\0"), "has no samples in it"),
        (riff(PCM, bytes(20), size=200), "is cut off: it has 10 of 100 samples"),
        (riff(PCM, bytes(20), size=2**31), "is cut off"),
        (riff(struct.pack("<HHIIHH", 85, 1, 8000, 8000, 1, 0), bytes(4)), "packed as MP3"),
        (riff(struct.pack("<HHIIHH", 2, 1, 8000, 8000, 1, 8), bytes(4)), "is damaged: it cannot be read as WAV"),
        (riff(struct.pack("<HHIIHH", 1, 0, 8000, 8000, 2, 16), bytes(4)), "0 channels"),
        (riff(struct.pack("<HHIIHH", 1, 65_535, 8000, 8000, 65_535, 8), bytes(4)), "65,535 channels"),
        (riff(struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16), bytes(4)), "0 samples a second"),
        (riff(struct.pack("<HHIIHH", 1, 1, 2**32 - 1, 0, 2, 16), bytes(4)), "4,294,967,295 samples a second"),
        (riff(struct.pack("<HHIIHH", 1, 2, 8000, 8000, 3, 16), bytes(6)), "16 bits in 3 bytes"),
        (riff(struct.pack("<HHIIHH", 3, 1, 8000, 8000, 2, 16), bytes(4)), "floating-point samples of 16 bits"),
        (riff(struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 8000, 2, 16), bytes(4)), "is damaged: it cannot be read as WAV"),
        (wav(8000, np.array([0, np.nan], np.float32)), "no finite numbers"),
        (wav(8000, np.array([0, np.inf])), "no finite numbers"),
        (wav(8000, np.array([[np.inf, -np.inf], [0, 0]])), "no finite numbers"),
        (wav(8000, np.array([[1e308, 1e308]])), "far beyond -1 to 1"),
        (b"RIFF\xff\xff\xff\xffWAVE" + b"junk\xff\xff\xff\xff" + bytes(50), "does not say what its samples are"),
    ],
)
def test_damaged_files(content: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        waveform(content, "x.wav", 8000, 100)
    assert str(caught.value).startswith("x.wav")
    assert said in caught.value.message
    assert caught.value.fix


def test_samples_of_a_file_that_was_written_to_a_pipe_go_on_to_its_end() -> None:
    content = riff(PCM, struct.pack("<4h", 0, 16_384, -16_384, 8192), size=2**32 - 1)
    np.testing.assert_array_equal(waveform(content, "x", 8000, 4), [0, 0.5, -0.5, 0.25])


@given(st.data())
def test_whatever_is_in_a_file_it_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(tone(500, seconds=0.02))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = waveform(cut, "x", 4000, 80)
    except DataError:
        return
    assert found.shape == (80,)
    assert np.isfinite(found).all()


# --- many files ---------------------------------------------------------------------------------------------------


def test_a_folder_and_archives_of_it_are_the_same(tmp_path: Path) -> None:
    files = tones() | {"low/.hidden.wav": b"x", "high/Ton Ä.WAV": tone(1350, seed=9), "notes.txt": b"x"}
    found = load(put(tmp_path / "set", files), net=NET)
    assert found.labels == ("high", "low")
    assert found.shape == (1, 1000)
    assert found.train.images.dtype == np.float32
    assert len(found.train) + len(found.test) == 17
    for archive in (zipped(tmp_path / "set.zip", files), tarred(tmp_path / "set.tar.gz", files, "w:gz")):
        assert load(archive, net=NET).sha256 == found.sha256


def test_streamed_sounds_are_the_same(tmp_path: Path) -> None:
    folder = put(tmp_path / "set", tones())
    for settings in ("validation 20%", "sound 4000 seconds=0.25 mel=8"):
        net = NET if "mel" not in settings else NET.replace("sound 4000 seconds=0.25; ", "").replace("9 ", "3x3 ")
        expected, found = load(folder, settings, net=net), load(folder, f"{settings}; streaming on", net=net)
        assert isinstance(found.train.images, Rows)
        assert found.sha256 == expected.sha256
        np.testing.assert_array_equal(np.asarray(found.train.images), expected.train.images)
        again = load(folder, f"{settings}; streaming on", net=net)
        np.testing.assert_array_equal(np.asarray(again.test.images), expected.test.images)


def test_damaged_sounds_are_named_or_left_out(tmp_path: Path) -> None:
    folder = put(tmp_path / "set", tones() | {"low/bad.wav": b"RIFF", "high/cut.wav": tone(1000)[:300]})
    with pytest.raises(DataError, match=r"2 of 18 sounds of .* cannot be read") as caught:
        load(folder, net=NET)
    assert "on_bad skip" in str(caught.value.fix)
    found = load(folder, "on_bad skip", net=NET)
    assert len(found.train) + len(found.test) == 16
    assert any("2 sounds of" in notice and "left out" in notice for notice in found.notices)


def test_groups_of_sounds_stay_together(tmp_path: Path) -> None:
    files = {name.replace("/", f"/p{at % 4}_"): content for at, (name, content) in enumerate(tones().items())}
    found = load(put(tmp_path / "set", files), 'group "{}_*"; test 25%', net=NET)
    assert len(found.test) == 4


@pytest.mark.parametrize(
    ("files", "settings", "said", "fix"),
    [
        ({"a/1.m4a": b"x", "b/1.m4a": b"x"}, "", "has no sounds in it", "ffmpeg -i a.m4a a.flac"),
        ({"a/1.png": b"x"}, "", "has no sounds in it", "name a folder of .wav, .flac or .mp3 files"),
        (tones(1), "", "one sound of the class high", "give more of them"),
        ({f"{i}.wav": tone(300) for i in range(4)}, "", "is in no folder of a class", "put each sound into a folder"),
        (
            {**tones(4, "train/"), "test/a.wav": tone(300)},
            "",
            "has 1 sound in no folder of a class",
            "netspec predict RUN",
        ),
    ],
)
def test_folders_that_cannot_be_learned(files: Any, settings: str, said: str, fix: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=said) as caught:
        load(put(tmp_path / "set", files), settings, net=NET)
    assert fix in str(caught.value) + getattr(caught.value, "fix", "")


def test_a_column_of_a_table_names_sounds(tmp_path: Path) -> None:
    files = tones(8)
    put(tmp_path / "clips", files)
    rows = [f"clips/{name},{name.split('/')[0]}" for name in files]
    (tmp_path / "labels.csv").write_text("\n".join(["file,kind", *rows]) + "\n", encoding="utf-8")
    net = (
        'data "DATA" { target kind; sound 4000 seconds=0.25; SETTINGS }\ninput 1x1000\nglobalpool; fc classes softmax\n'
    )
    found = load(tmp_path / "labels.csv", "test 25%", net=net)
    assert found.shape == (1, 1000)
    assert found.preparation
    assert found.preparation.resize is None
    form = SoundForm(Sound(rate=4000, seconds=0.25))
    every = np.concatenate([found.train.images, found.test.images])
    for content in files.values():
        assert (every == form.of(content, "x")).all(axis=(1, 2)).any()
    (tmp_path / "clips/low/0.wav").unlink()
    with pytest.raises(Exception, match="1 sound of file is not there"):
        load(tmp_path / "labels.csv", "test 25%", net=net)
    assert len(load(tmp_path / "labels.csv", "test 25%; on_bad skip", net=net).train) < len(found.train)


def test_a_table_of_sounds_without_a_word_on_it(tmp_path: Path) -> None:
    put(tmp_path, {f"clips/{name.replace('/', '_')}": content for name, content in tones().items()})
    rows = [f"{name.replace('/', '_')[:-4]},{name.split('/')[0]}" for name in tones()]
    (tmp_path / "ids.csv").write_text("\n".join(["id,kind", *rows]) + "\n", encoding="utf-8")
    net = 'data "DATA" { target kind; test 25%; SETTINGS }\ninput SIZE\nglobalpool; fc classes softmax\n'
    with pytest.raises(Exception, match="id names sounds, and the spec does not say") as caught:
        load(tmp_path / "ids.csv", net=net.replace("SIZE", "3x8x8"))
    assert "`sound 4000 seconds=0.25 mel=" in str(caught.value) + getattr(caught.value, "fix", "")
    found = load(tmp_path / "ids.csv", "sound 4000 seconds=0.2 mel=8", net=net.replace("SIZE", "1x8x18"))
    assert found.shape == (1, 8, 18)
    assert any("16 of 16 sounds of ids.csv are read in part: clips/" in notice for notice in found.notices)
    with pytest.raises(Exception, match=r"the input is 1x8x9, but `sound 4000 seconds=0.2 mel=8` makes 1x8x18"):
        load(tmp_path / "ids.csv", "sound 4000 seconds=0.2 mel=8", net=net.replace("SIZE", "1x8x9"))


def test_what_is_seen_of_sounds(tmp_path: Path) -> None:
    square = np.sign(np.sin(np.arange(400) / 20)).astype(np.float32)
    more = {
        "low/silent.wav": wav(8000, np.zeros((40, 2), np.int16)),
        "low/clipped.wav": wav(8000, square),
        "high/copy.wav": tones()["low/0.wav"],
        "high/bad.wav": b"RIFF",
    }
    facts = sound_facts(put(tmp_path / "set", tones() | more), "set")
    assert facts.silent == ["set/low/silent.wav"]
    assert facts.clipped == ["set/low/clipped.wav"]
    assert facts.twice == [[("train", "high/copy.wav"), ("train", "low/0.wav")]]
    assert facts.bad == ["set/high/bad.wav is no sound file"]
    assert facts.rates == {4000: 17, 8000: 2}
    assert facts.channels == {1: 18, 2: 1}
    assert facts.forms == {"16 bit": 18, "32 bit float": 1}
    assert len(facts.images) == len(facts.drawn) == 19


@pytest.mark.parametrize(("seconds", "stages"), [(0.1, 0), (1.0, 3)])
def test_a_spec_for_short_sounds_has_no_block_that_nothing_uses(seconds: float, stages: int) -> None:
    text = layers_for(Sound(rate=8000, seconds=seconds, mel=40))
    assert text.count("\nstage ") == stages
    assert text.count("block stage") == min(1, stages)


@pytest.mark.parametrize("rate", [100, 1000, 2000, 8000, 384_000])
@pytest.mark.parametrize("seconds", [0.01, 0.5])
def test_the_line_that_is_proposed_is_one_that_is_read(rate: int, seconds: float) -> None:
    made = as_spectrogram(rate, seconds)
    shape = "x".join(map(str, made.shape))
    net = ns.parse(f'data "x" {{ {made.shortest} }}\ninput {shape}\nflatten; fc 2 softmax')
    assert net.data is not None
    assert net.data.sound == made
