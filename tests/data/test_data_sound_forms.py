"""Sounds of other forms than plain WAV files: what they are read as, hostile ones, and the library that reads them."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sound_helpers import encoded, riff, tones, wav
from test_data_pictures import load, put, tarred, zipped

from netspec.data.files.decode_files import decode_all, decode_in_pieces
from netspec.data.files.forms import SoundForm
from netspec.data.files.sound_facts import sound_facts
from netspec.data.files.sound_samples import decoded, waveform
from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.sound_settings import Sound
from netspec.sources.files.libsndfile import SoundfileMissingError, is_other_sound
from netspec.sources.files.sound_headers import header_of
from netspec.sources.files.sounds import line_for, measured
from netspec.sources.trees import open_tree

TIME = np.arange(4000) / 8000
TONE = np.stack([0.5 * np.sin(2 * np.pi * 440 * TIME), 0.25 * np.sin(2 * np.pi * 440 * TIME)], axis=1)
NET = 'data "DATA" { sound 4000 seconds=0.25; SETTINGS }\nconv 4 9 stride=8 relu; globalpool; fc classes softmax\n'
EXACT = [
    ("FLAC", "PCM_16", "FILE", "FLAC 16 bit"),
    ("AIFF", "PCM_16", "FILE", "16 bit"),
    ("AU", "PCM_16", "FILE", "16 bit"),
    ("W64", "PCM_16", "FILE", "16 bit"),
    ("RF64", "PCM_16", "FILE", "16 bit"),
    ("WAV", "PCM_16", "BIG", "16 bit"),
]
NEAR = [
    ("WAV", "ULAW", 8000, "µ-law"),
    ("WAV", "ALAW", 8000, "A-law"),
    ("WAV", "IMA_ADPCM", 8000, "IMA ADPCM"),
    ("WAV", "MS_ADPCM", 8000, "ADPCM"),
    ("OGG", "VORBIS", 8000, "Ogg Vorbis"),
    ("OGG", "OPUS", 8000, "Ogg Opus"),
    ("MP3", None, 8000, "MP3"),
]


def _file(form: str, packed: str | None) -> bytes:
    return encoded(form, TONE, 8000, packed)


@pytest.mark.parametrize(("form", "packed", "endian", "said"), EXACT)
def test_lossless_forms_are_what_was_written(form: str, packed: str, endian: str, said: str) -> None:
    content = encoded(form, TONE, 8000, packed, endian)
    assert is_other_sound(content)
    header = header_of(content, "x")
    assert (header.rate, header.channels, header.frames, header.form) == (8000, 2, 4000, said)
    assert header.wav is None
    found = decoded(content, header, "x", 10_000)
    np.testing.assert_allclose(found, TONE.mean(axis=1), atol=2.0**-15)
    np.testing.assert_array_equal(decoded(content, header, "x", 100), found[:100])


@pytest.mark.parametrize(("form", "packed", "rate", "said"), NEAR)
def test_lossy_forms_sound_as_what_was_written(form: str, packed: str | None, rate: int, said: str) -> None:
    content = _file(form, packed)
    header = header_of(content, "x")
    assert (header.channels, header.form) == (2, said)
    found = waveform(content, "x", rate, 4000)
    # Some begin with a little silence of the encoder.
    likeness = max(np.corrcoef(found[at : at + 2000], TONE[:2000].mean(axis=1))[0, 1] for at in range(40))
    assert likeness > 0.97


def test_plain_wav_files_need_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_soundfile(monkeypatch)
    header = header_of(wav(8000, np.zeros(10, np.int16)), "x")
    assert header.wav is not None
    assert header.form == "16 bit"


# --- hostile files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\0\0\0\x20ftypM4A " + bytes(40), "is a sound of the form M4A, which is not read"),
        (b"\x1aE\xdf\xa3" + bytes(40), "WebM"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "WMA"),
        (b"\xff\xf1\x50\x80" + bytes(40), "AAC"),
        (b"fLaC" + bytes(100), "is damaged: it cannot be read as FLAC"),
        (b"OggS" + bytes(100), "is damaged: it cannot be read as Ogg"),
        (b"ID3" + bytes(100), "is damaged: it cannot be read as MP3"),
        (b".snd" + bytes(100), "is damaged: it cannot be read as AU"),
        (b"FORM\0\0\0\x50AIFF" + bytes(100), "is damaged: it cannot be read as AIFF"),
        (_file("FLAC", None)[:3000], "is damaged: it cannot be read as FLAC"),
        (b"MATLAB 5.0 MAT-file" + bytes(200), "is no sound file"),
    ],
)
def test_damaged_and_other_files(content: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        waveform(content, "x.mp3", 8000, 4000)
    assert caught.value.message.startswith("x.mp3")
    assert said in caught.value.message
    assert caught.value.fix


def test_a_header_that_lies_of_its_length_is_not_believed() -> None:
    content = bytearray(_file("FLAC", None))
    # The last 36 bits before the MD5 sum of STREAMINFO count the samples.
    content[21] |= 0x0F
    content[22:26] = b"\xff\xff\xff\xff"
    with pytest.raises(DataError, match=r"says that it has 68,719,476,735 samples in"):
        header_of(bytes(content), "x")
    content[21] &= 0xF0
    content[22:26] = (5000).to_bytes(4, "big")
    with pytest.raises(DataError, match=r"cut off|damaged"):
        waveform(bytes(content), "x", 8000, 6000)


def test_an_mp3_file_that_stops_in_its_midst_is_read_as_far_as_it_goes() -> None:
    content = encoded("MP3", np.tile(TONE, (5, 1)))
    found = waveform(content[: len(content) // 2], "x", 8000, 20_000)
    assert np.abs(found[4000:5000]).max() > 0.1
    assert not found[14_000:].any()


def test_no_more_is_decoded_than_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import soundfile  # noqa: PLC0415

    read, asked = soundfile.SoundFile.read, []

    def counted(self: Any, frames: int = -1, **more: Any) -> Any:
        asked.append(frames)
        return read(self, frames, **more)

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    waveform(encoded("MP3", np.zeros(80_000), 8000), "x", 8000, 50)
    assert sum(asked) < 100


SMALL = {
    form: encoded(form, TONE[:1200], 8000, packed) for form, packed in (("FLAC", None), ("MP3", None), ("AIFF", None))
}
SMALL |= {packed: encoded("WAV", TONE[:1200], 8000, packed) for packed in ("IMA_ADPCM", "ULAW")}
SMALL["OGG"] = encoded("OGG", TONE[:1200], 8000, "VORBIS")


@given(st.sampled_from(sorted(SMALL)), st.data())
def test_whatever_is_in_a_file_it_is_read_or_refused(form: str, data: st.DataObject) -> None:
    content = bytearray(SMALL[form])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = waveform(cut, "x", 8000, 1000)
    except DataError:
        return
    assert found.shape == (1000,)
    assert np.isfinite(found).all()


# --- without the library ------------------------------------------------------------------------------------------


def _without_soundfile(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def none(name: str, *more: Any, **named: Any) -> Any:
        if name == "soundfile":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", none)


def test_without_the_library_one_error_says_how_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "set", tones() | {f"low/{i}.mp3": _file("MP3", None) for i in range(3)})
    _without_soundfile(monkeypatch)
    form = SoundForm(Sound(rate=4000, seconds=0.25))
    for settings in ("", "on_bad skip", "streaming on"):
        with pytest.raises(SoundfileMissingError, match="MP3 file, which is read by soundfile") as caught:
            load(folder, settings, net=NET)
        assert "pip install 'netspec[sounds]'" in str(caught.value.fix)
    with open_tree(folder, "set") as tree:
        for reads in (
            lambda: list(decode_in_pieces(tree, tree.files, form, size=8)),
            lambda: measured(tree, tree.files),
            lambda: sound_facts(folder, "set"),
        ):
            with pytest.raises(SoundfileMissingError):
                reads()
        assert "pip install 'netspec[sounds]'; then say" in line_for(tree)
    with pytest.raises(SoundfileMissingError, match="x is a packed WAV file"):
        header_of(_file("WAV", "ULAW"), "x")


# --- many files ---------------------------------------------------------------------------------------------------


def test_mixed_folders_and_archives_of_them_are_the_same(tmp_path: Path) -> None:
    files = tones(6)
    forms = (("FLAC", "flac"), ("MP3", "mp3"), ("AIFF", "AIF"))
    for kind, hertz in (("low", 300), ("high", 1400)):
        for form, ending in forms:
            time = np.arange(1000) / 8000
            files[f"{kind}/a.{ending}"] = encoded(form, 0.3 * np.sin(2 * np.pi * hertz * time))
    found = load(put(tmp_path / "set", files), net=NET)
    assert len(found.train) + len(found.test) == 18
    assert not found.notices
    for archive in (zipped(tmp_path / "set.zip", files), tarred(tmp_path / "set.tar.gz", files, "w:gz")):
        assert load(archive, net=NET).sha256 == found.sha256
    facts = sound_facts(tmp_path / "set", "set")
    assert facts.forms == {"16 bit": 14, "FLAC 16 bit": 2, "MP3": 2}
    rows = [f"set/{name},{name.split('/')[0]}" for name in files]
    (tmp_path / "rows.csv").write_text("\n".join(["file,kind", *rows]) + "\n", encoding="utf-8")
    net = (
        'data "DATA" { target kind; sound 4000 seconds=0.25; SETTINGS }\ninput 1x1000\nglobalpool; fc classes softmax\n'
    )
    table = load(tmp_path / "rows.csv", "test 25%", net=net)
    assert len(table.train) + len(table.test) == 18


def test_what_is_not_read_is_counted(tmp_path: Path) -> None:
    folder = put(tmp_path / "set", tones() | {"low/a.m4a": b"x", "high/b.wma": b"x"})
    found = load(folder, net=NET)
    assert any("1 .m4a file, 1 .wma file are not read: `ffmpeg` makes FLAC" in notice for notice in found.notices)


def test_what_is_cut_is_said_wherever_files_are_read(tmp_path: Path) -> None:
    folder = put(tmp_path / "set", tones() | {"low/long.flac": encoded("FLAC", np.ones(8000) / 2)})
    said = "1 of 17 sounds of set are read in part: set/low/long.flac is of 1 s, of which the first 0.25 s are read"
    form = SoundForm(Sound(rate=4000, seconds=0.25))
    with open_tree(folder, "set") as tree:
        assert decode_all(tree, tree.files, (), form).notices == (said,)
        pieces = list(decode_in_pieces(tree, tree.files, form, size=9))
    cut = {names[at]: what for names, _, _, left_out in pieces for at, what in left_out.items()}
    assert cut == {"set/low/long.flac": "of 1 s, of which the first 0.25 s are read"}
    for _ in range(2):  # the second time it is in the cache, and no file is read
        streamed = load(folder, "streaming on", net=NET)
        assert any("long.flac is of 1 s" in notice for notice in streamed.notices)


def test_what_cannot_be_embedded_is_no_sound() -> None:
    assert not is_other_sound(b"")
    assert not is_other_sound(b"a,b\n1,2\n")
    assert not is_other_sound(b"\xff")
    assert is_other_sound(riff(b"", b""))
