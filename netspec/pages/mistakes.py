"""What a model took for something else, as HTML: pictures, texts, rows, and sentences with wrong words."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from netspec.pages.facts import Mistake, Sentence, Word

__all__ = ["mistakes_part", "picture_url", "sentences_part"]


def mistakes_part(mistakes: Sequence[Mistake]) -> str:
    """Return mistakes beside each other, each with what it was taken for and what it is."""
    return f'<div class="mistakes">{"".join(map(_mistake, mistakes))}</div>'


def _mistake(mistake: Mistake) -> str:
    pictures = [(mistake.picture, f"an example of {mistake.true}")]
    pictures.append((mistake.why, f"the same, with what spoke for {mistake.predicted} and against it"))
    shown = "".join(f'<img alt="{escape(alt)}" src="{picture_url(png)}">' for png, alt in pictures if png)
    wide = "read" if mistake.texts else "why" if mistake.why or mistake.parts or mistake.cells else ""
    place = f' <span class="place">{_own(mistake.place)}</span>' if mistake.place else ""
    return (
        f"<figure{f' class={wide}' if wide else ''}>{f'<div>{shown}</div>' if shown else ''}{_texts(mistake)}"
        f"<figcaption><b>{_own(mistake.predicted)}</b> {100 * mistake.probability:.1f} %<br>is {_own(mistake.true)}"
        f"{place}</figcaption>{_shares(mistake)}{_cells(mistake)}</figure>"
    )


def _own(text: str) -> str:
    """Return a text of the data as HTML: whichever way it is read, what stands around it stays in its place."""
    return f"<bdi>{escape(text)}</bdi>"


def _texts(mistake: Mistake) -> str:
    names = len(mistake.texts) > 1
    return "".join(
        f'<blockquote dir="auto">{f"<b>{escape(name)}:</b> " if names else ""}{escape(text) or "(empty)"}</blockquote>'
        for name, text in mistake.texts
    )


def _cells(mistake: Mistake) -> str:
    """Return the row that was read; folded where its columns that count most are shown already."""
    rows = "".join(f"<tr><td>{_own(name)}</td><td>{_own(cell or '–')}</td></tr>" for name, cell in mistake.cells)
    if not rows:
        return ""
    table = f'<table class="shares"><tbody>{rows}</tbody></table>'
    return f"<details><summary>the row</summary>{table}</details>" if mistake.parts else table


def _shares(mistake: Mistake) -> str:
    """Return by how much each part of an example counts, with a bar behind each number."""
    most = max((abs(share) for _, share in mistake.parts), default=0) or 1
    rows = "".join(
        f'<tr><td dir="auto">{escape(name)}</td><td class="num {"right" if share >= 0 else "wrong"}" '
        f'style="--depth:{abs(share) / most:.2f}">{share:+.1f}</td></tr>'
        for name, share in mistake.parts
    )
    return f'<table class="shares"><tbody>{rows}</tbody></table>' if rows else ""


def sentences_part(sentences: Sequence[Sentence]) -> str:
    """Return sentences below each other, their wrong words marked."""
    rows = "".join(
        f"<tr><td class=num>{_own(sentence.place)}</td>"
        f'<td class="tagged" dir="auto">{" ".join(map(_word, sentence.words))}</td></tr>'
        for sentence in sentences
    )
    return f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'


def _word(word: Word) -> str:
    if not word.predicted:
        return _own(word.text)
    said = f"{_own(word.predicted)} {100 * word.probability:.1f} %, is {_own(word.true)}"
    return f"<mark>{_own(word.text)}<small>{said}</small></mark>"


def picture_url(png: bytes) -> str:
    """Return a PNG file as the address of an image, which holds all of it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
