"""`netspec generate`: what a language model writes on, shown as it comes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspec.cli import streams
from netspec.cli.options import Device
from netspec.cli.output import print_json, say, say_on
from netspec.cli.process import process_of
from netspec.diagnostics.diagnostic import DataError, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["generate"]

_MOST_BYTES = 10_000_000
"""Of standard input."""


def generate(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="A run folder or a .safetensors file.")],
    prompt: Annotated[
        str,
        typer.Option(
            "--prompt",
            metavar="TEXT",
            help="What is gone on from; - for standard input. Without one: what follows a line break.",
            show_default=False,
        ),
    ] = "",
    length: Annotated[
        int, typer.Option("--length", metavar="N", min=1, help="How many tokens: characters, words or bytes.")
    ] = 200,
    temperature: Annotated[
        float,
        typer.Option(
            "--temperature",
            metavar="T",
            help="1 samples as the model learned, less is bolder; 0 always takes the likeliest token.",
        ),
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option("--top-k", metavar="K", min=1, help="Choose among the K likeliest tokens.")
    ] = None,
    top_p: Annotated[
        float,
        typer.Option(
            "--top-p", metavar="P", help="Choose among the likeliest tokens, as few as together have probability P."
        ),
    ] = 1.0,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="All chance follows from it: the same text each time.")
    ] = 0,
    stop: Annotated[
        str | None, typer.Option("--stop", metavar="TOKEN", help="End before this token, such as $'\\n'.")
    ] = None,
    device: Device = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, when all is written.")] = False,
) -> int:
    """Write on from a prompt with a language model, trained on a text (`data "book.txt" { target next }`)."""
    _require_within("--temperature", temperature, 0 <= temperature < float("inf"), "0 or more")
    _require_within("--top-p", top_p, 0 < top_p <= 1, "above 0, at most 1")
    given = (_stdin() if prompt == "-" else prompt).replace("\r\n", "\n").replace("\r", "\n")
    from netspec.workflows.trained import open_run  # noqa: PLC0415

    process_of(context).enable_compile_cache()
    opened = open_run(run, device)
    pieces = opened.stream(
        given, length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, stop=stop
    )
    unknown = opened.language_model.unknown(given)
    if as_json:
        said = {"prompt": given, **({"unknown": unknown} if unknown else {}), "text": "".join(pieces)}
        print_json({"model": str(opened.file), **said, "temperature": temperature, "seed": seed})
        return 0
    if unknown:
        shown = listing([repr(word) for word in unknown[:5]], "and") + (" …" if len(unknown) > 5 else "")
        say(f"note: the model does not know {shown}: read as words it has never seen", error=True)
    _show(given, pieces)
    return 0


def _show(prompt: str, pieces: Iterator[str]) -> None:
    """Print a prompt and what follows, piece by piece; whatever ends it, it ends with its line."""
    last = prompt
    say_on(prompt)
    try:
        for piece in pieces:
            say_on(piece)
            last = piece
            if streams.reader_left():
                break
    finally:
        if not last.endswith("\n"):
            say_on("\n")


def _stdin() -> str:
    content = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise DataError(f"standard input has more than {_MOST_BYTES:,} bytes", "give the end of it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("the prompt on standard input is no UTF-8", "write it in UTF-8") from None


def _require_within(option: str, value: float, fits: bool, what: str) -> None:
    """Refuse a number that is out of its range; NaN is in none."""
    if not fits:
        raise typer.BadParameter(f"{value:g} is not a number {what}", param_hint=option)
