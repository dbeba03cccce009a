"""What lies in folders of classes, or is named by tables: pictures, sounds, texts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ENDINGS", "NAMED", "PICTURES", "SOUNDS", "FileKind"]

_ENDINGS = ".png .jpg .jpeg .jpe .jfif .bmp .dib .gif .tif .tiff .webp .ppm .pgm .pbm .pnm .tga .jp2 .avif .ico"
ENDINGS = frozenset(_ENDINGS.split())
"""How the names of pictures end."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """What lies in folders of classes.

    Attributes:
        one: what messages call one of them.
        endings: how their names end, in lower case.
        example: what would be right where there are none.
        masks: whether each may have a mask.
        named: whether tables may name them, and a network may learn them again: texts are read otherwise.
    """

    one: str
    endings: frozenset[str]
    example: str
    masks: bool = False
    named: bool = False


PICTURES = FileKind(
    "picture", ENDINGS, "name a folder of .png or .jpg files, or of the four IDX files", masks=True, named=True
)
_SOUND_ENDINGS = ".wav .wave .flac .mp3 .ogg .oga .opus .aif .aiff .aifc .au .w64 .rf64"
SOUNDS = FileKind("sound", frozenset(_SOUND_ENDINGS.split()), "name a folder of .wav, .flac or .mp3 files", named=True)

NAMED = ENDINGS | SOUNDS.endings
"""How the names of files end that a column of a table may name."""
