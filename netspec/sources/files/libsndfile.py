"""Sounds of other forms than plain WAV files, which libsndfile reads, through the library soundfile.

A file is recognized by its first bytes before the library sees it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from netspec.diagnostics.diagnostic import DataError

__all__ = ["INSTALL", "SoundfileMissingError", "form_of_bytes", "is_other_sound", "library_version", "opened"]

INSTALL = "pip install 'netspec[sounds]'"

_FORMS = {"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF", "AU", "W64"}
"""Of the forms that libsndfile knows those that are read."""
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ID3 = b"ID3"
_UNREAD = {"M4A": (4, b"ftyp"), "WebM": (0, b"\x1aE\xdf\xa3"), "WMA": (0, bytes.fromhex("3026b2758e66cf11"))}


class SoundfileMissingError(DataError):
    """The library that reads a form of sounds is not installed, which is not the fault of one file."""


class _Bytes(io.BytesIO):
    """The content of a file; where a damaged one leads outside of it is its beginning or its end."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place, and return it."""
        size = len(self.getbuffer())
        start = {io.SEEK_CUR: self.tell(), io.SEEK_END: size}.get(whence, 0)
        return super().seek(max(0, min(start + offset, size)))


def form_of_bytes(content: bytes) -> str:
    """Return what sound a file is by its first bytes, such as `MP3`, or `M4A`, which is not read; empty of others."""
    start = content[:16]
    if start[:4] in (b"RIFF", b"RIFX", b"RF64") and start[8:12] == b"WAVE":
        return "WAV"
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    for form, magic in (("FLAC", b"fLaC"), ("Ogg", b"OggS"), ("AU", b".snd"), ("W64", _W64), ("MP3", _ID3)):
        if start.startswith(magic):
            return form
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0:
        # The bits of the layer are 0 in a stream of AAC.
        return "MP3" if start[1] & 0x06 else "AAC"
    return next((form for form, (at, magic) in _UNREAD.items() if start[at:].startswith(magic)), "")


def is_other_sound(content: bytes) -> bool:
    """Return whether a file begins as those do that libsndfile reads, WAV files among them."""
    return form_of_bytes(content) not in {"", "AAC", *_UNREAD}


def library_version() -> str:
    """Return the version of soundfile, which brings its decoders; empty where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("soundfile")
    except PackageNotFoundError:
        return ""


@contextmanager
def opened(content: bytes, name: str) -> Iterator[Any]:
    """Return a sound as soundfile opens it, a `SoundFile`; whatever it raises within becomes a DataError.

    Args:
        content: of the file.
        name: what messages call it.

    Raises:
        SoundfileMissingError: the library is not installed.
        DataError: the file is damaged, or of a form that is not read.
    """
    try:
        import soundfile  # noqa: PLC0415
    except (ImportError, OSError):  # OSError where libsndfile itself is not there
        form = form_of_bytes(content)
        what = "packed WAV" if form == "WAV" else form
        raise SoundfileMissingError(
            f"{name} is {'an' if what[0] in 'AM' else 'a'} {what} file, which is read by soundfile, and that is not "
            "installed",
            f"install it: {INSTALL}; plain WAV files are read without it",
        ) from None
    try:
        with soundfile.SoundFile(_Bytes(content)) as sound:
            if sound.format not in _FORMS:
                raise DataError(f"{name} is a sound of the form {sound.format}, which is not read", "make a WAV file")
            yield sound
    except DataError:
        raise
    except Exception:  # libsndfile, soundfile and cffi raise whatever a damaged file leads them to
        raise DataError(
            f"{name} is damaged: it cannot be read as {form_of_bytes(content)}", "write the file again"
        ) from None
