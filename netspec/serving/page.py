"""The page of a served model for people: what it takes, how it is called, and a place to try it."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from netspec.serving.served import Served

__all__ = ["POLICY", "docs_page"]

# Nothing is loaded from anywhere, and only the page's own script runs, which asks this server alone.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)

_TEMPLATE = Path(__file__).parent / "page.html"


def docs_page(served: Served, host: str, most_bytes: int) -> str:
    """Return the text of the page.

    Args:
        served: the model.
        host: by which the server was called.
        most_bytes: of a body.
    """
    known = all(c.isalnum() or c in ".-:[]" for c in host)
    address = f"http://{host if host and known else 'localhost'}"
    example = served.example
    shown = json.dumps(example, indent=2, ensure_ascii=False) if example is not None else ""
    filled = {
        "title": served.name,
        "media": "".join(
            f"<tr><td><code>{escape(media)}</code></td><td>{escape(what)}</td></tr>"
            for media, what in {"application/json": _json_text(served), **served.media}.items()
        ),
        "commands": escape("\n".join(_commands(served, address))),
        "answer": escape(json.dumps({"predictions": [served.answer]}, indent=2, ensure_ascii=False)),
        "example": escape(shown),
        "bounds": f"At most {served.most_examples:,} examples and {most_bytes:,} bytes a request.",
    }
    text = _TEMPLATE.read_text(encoding="utf-8")
    for key, value in filled.items():
        text = text.replace(f"{{{{{key}}}}}", escape(value) if key in {"title", "bounds"} else value)
    return text


def _json_text(served: Served) -> str:
    if served.run.tags:
        return "a sentence, an object with the list `tokens`, or a list of these or of lists of words"
    if served.run.text_column:
        return "a text, a row (an object of columns), or a list of either"
    if served.window:
        return (
            f"a list of {served.window:,} rows or more, objects of columns; one answer for each row that so many end in"
        )
    if served.table:
        return "a row, an object of columns, or a list of rows"
    if len(served.run.network.inputs) > 1:
        return "an object with an array for each input: one example, or many"
    return "an array: one example or many" + (
        f"; or a {'picture' if served.reads_pictures else 'sound'} in base64, or a list"
        if served.reads_pictures or served.reads_sounds
        else ""
    )


def _commands(served: Served, address: str) -> list[str]:
    """Return commands of a shell that ask the server."""
    found = []
    if served.example is not None:
        # Within the quotes of a shell, a quote is written so.
        text = json.dumps(served.example, ensure_ascii=False).replace("'", "'\\''")
        found.append(f"curl {address}/predict -H 'Content-Type: application/json' -d '{text}'")
    files = {
        "text/plain": "text.txt",
        "image/png": "picture.png",
        "audio/wav": "sound.wav",
        "text/csv": "rows.csv",
        "application/x-npy": "examples.npy",
        "application/octet-stream": "examples.npz",
    }
    found += [
        f"curl {address}/predict -H 'Content-Type: {media}' --data-binary @{file}"
        for media, file in files.items()
        if media in served.media
    ]
    return found
