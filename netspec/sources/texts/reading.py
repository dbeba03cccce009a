"""Texts: read, divided into a part to learn from and a part to test on, and cut into tokens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.encodings import CODECS
from netspec.recipe.settings import Text
from netspec.sources.compressed import decompressed, is_compressed
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.missing import missing_data
from netspec.sources.texts.likely_encoding import likely_encoding
from netspec.sources.texts.vocabulary import Unit, Vocabulary, word_starts
from netspec.system.files import kind_of, open_to_read

__all__ = [
    "TEST_SHARE",
    "DividedText",
    "decoded",
    "divided",
    "read_content",
    "read_text",
    "require_readable",
    "require_text",
    "text_of",
]

TEST_SHARE = 0.1
"""The share of a text, its end, that is kept for the test where nothing else is said."""

_MOST = 2**31 - 1

_NO_TEXTS = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip or Excel file",
    b"PK\x05\x06": "an empty zip file",
    b"\xd0\xcf\x11\xe0": "an Excel or Word file",
    b"%PDF": "a PDF file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x1f\x8b": "a gzip file",
    b"{\\rtf": "an RTF file",
    b"SQLite format 3": "a database",
    b"\x93NUMPY": "a NumPy file",
}
"""What begins so is no text, by whatever name."""


@dataclass(frozen=True, slots=True)
class DividedText:
    """A text in its parts: what is learned from, what is for the test and, where that is given, for validation."""

    train: str
    test: str
    validation: str = ""
    notices: tuple[str, ...] = ()
    is_cut: bool = True
    """Whether the part for the test is one that was taken out here."""

    def vocabulary(self, unit: Unit, size: int | None, tokenizer: str = "") -> Vocabulary:
        """Return the vocabulary of the training part."""
        return Vocabulary.of(unit, self.train, size=size, others=self.test + self.validation, tokenizer=tokenizer)


_EXAMPLE = 'name a text file, such as `data "book.txt"`, or give one with --data PATH'


def read_text(path: Path, name: str, example: str = _EXAMPLE, how: HowRead = AS_IT_IS) -> str:
    """Return the text of a file, each line ended by a line feed.

    Args:
        path: where it is.
        name: what messages call it.
        example: what would be right where there is none.
        how: how it is encoded.

    Raises:
        DataError: there is none, it is in another encoding, or there is nothing in it.
    """
    text = text_of(read_content(path, name, example), name, how)
    if not text.strip():
        raise DataError(f"{name} is empty", "give a file with a text in it")
    return text


def text_of(content: bytes, name: str, how: HowRead = AS_IT_IS) -> str:
    """Return the text of some bytes, each line ended by a line feed; raises DataError as `decoded` does."""
    return decoded(content, name, how=how).replace("\r\n", "\n").replace("\r", "\n")


def read_content(path: Path, name: str, example: str) -> bytes:
    """Return what is in a file, unpacked where it is compressed.

    Args:
        path: where it is.
        name: what messages call it.
        example: what would be right where there is none.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    kind = kind_of(path, DataError)
    if kind != "file":
        raise DataError(f"{name} is not a file", example) if kind else missing_data(path, name, example)
    try:
        with open_to_read(path) as stream:
            if is_compressed(path.name):
                return decompressed(stream, name, _MOST)
            # No more is asked for than there is: room for all of it is made first.
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(size + 1) if size <= _MOST else b""
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}", "give a file that can be read") from None
    require_readable(size, name)
    return content


def require_readable(size: int, name: str) -> None:
    """Raise DataError where there are more bytes than are read into memory."""
    if size > _MOST:
        raise DataError(f"{name} is larger than 2 GiB", "split it")


def require_text(content: bytes, name: str, fix: str, how: HowRead = AS_IT_IS) -> None:
    """Raise DataError where some bytes are no text, whatever the name says, but another kind of file."""
    what = next((what for begins, what in _NO_TEXTS.items() if content.startswith(begins)), None)
    if what:
        named = f"name it so, such as {Path(name).name}.gz, or unpack it" if Path(name).suffix else "unpack it"
        raise DataError(f"{name} is {what}, and no text", named if "gzip" in what else fix)
    if b"\0" in content and not _is_marked_wide(content) and how.encoding != "utf16":
        likely = likely_encoding(content[:_BEGINNING])
        wide = likely and likely[0] == "utf16" and not how.encoding
        raise DataError(f"{name} has bytes that no text has", _written("utf16", "", how) if wide else fix)


_BEGINNING = 1000


def _is_marked_wide(content: bytes) -> bool:
    """Return whether bytes begin with the mark of UTF-16."""
    return content[:2] in {b"\xff\xfe", b"\xfe\xff"}


def decoded(content: bytes, name: str, fix: str = "give a text in UTF-8", how: HowRead = AS_IT_IS) -> str:
    """Return the text of some bytes.

    Args:
        content: the bytes.
        name: what messages call them.
        fix: what is right where they are no text at all.
        how: says how they are encoded; a mark at their beginning, as Excel writes it, says it too.

    Raises:
        DataError: they are no text, or one in another encoding.
    """
    require_text(content, name, fix, how)
    said = how.encoding
    if _is_marked_wide(content):
        text = _in(content, "utf-16", name, "it says that it is UTF-16; save it again", "UTF-16")
    elif not said or said == "utf8" or how.like or content.startswith(_MARK):
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if not said or said == "utf8" or content.startswith(_MARK):
                raise _no_utf8(content, error.start, name, how) from None
        text = _in(content, CODECS[said], name, f"save it as UTF-8, or in the encoding of the data, {said}", said)
    else:
        _refuse_utf8(content, name, said)
        likely = likely_encoding(content)
        text = _in(content, CODECS[said], name, _written(*(likely or ("", "")), how), said)
    if "\0" in text:
        raise DataError(f"{name} has bytes that no text has", fix)
    return text


_MARK = b"\xef\xbb\xbf"


def _in(content: bytes, codec: str, name: str, fix: str, said: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name} is no {said}: byte 0x{content[error.start]:02x} in line {line}", fix) from None


def _refuse_utf8(content: bytes, name: str, said: str) -> None:
    """Raise DataError where a text is UTF-8, and another encoding is said, in which hardly a text could be both."""
    if content.isascii() or said == "utf16" or said in _TWO_BYTES:
        return
    try:
        content.decode()
    except UnicodeDecodeError:
        return
    raise DataError(f"{name} is UTF-8, and the spec says `encoding {said}`", "leave `encoding` out")


_TWO_BYTES = {"shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"}


def _no_utf8(content: bytes, at: int, name: str, how: HowRead) -> DataError:
    line = content.count(b"\n", 0, at) + 1
    message = f"{name} is no UTF-8: byte 0x{content[at]:02x} in line {line}"
    encoding, word = likely_encoding(content) or ("", "")
    return DataError(message, _written(encoding, word, how))


def _written(encoding: str, word: str, how: HowRead) -> str:
    """Return what to do about a text in another encoding, which it seems to have."""
    if how.like:
        return "save it as UTF-8" + (f"; it seems to be {encoding}" if encoding else "")
    if not encoding:
        return "say which encoding it has, `encoding NAME` in `data`, or save it as UTF-8"
    reads = f", which reads `{word}` there" if word else ""
    return f"write `encoding {encoding}` in `data`{reads}; without a spec --encoding {encoding}; or save it as UTF-8"


def divided(text: str, settings: Text, test: float | None) -> DividedText:
    """Return a text divided into its beginning and its end.

    Args:
        text: all of it.
        settings: how it is cut into tokens.
        test: how many examples of it are for the test, or which share; `TEST_SHARE` where it is None.
    """
    if isinstance(test, int) and settings.unit == "bpe":
        # Where the pieces of words begin is known when they have been learned, from what is not for the test.
        raise DataError(f"`test {test}` counts tokens, and `bpe` learns these first", "say a share: `test 10%`")
    if isinstance(test, int):
        cut = _before(text, settings.unit, test * (settings.length or 1) + 1)
    else:
        cut = len(text) - round(len(text) * (TEST_SHARE if test is None else test))
    return DividedText(text[:cut], text[cut:])


def _before(text: str, unit: Unit, tokens: int) -> int:
    """Return the place in a text behind which there are so many tokens; 0 where there are fewer."""
    if unit == "bytes":
        return len(text.encode("utf-8")[:-tokens].decode("utf-8", errors="ignore"))
    if unit == "chars":
        return max(0, len(text) - tokens)
    starts = word_starts(text)
    return starts[-tokens] if len(starts) > tokens else 0
