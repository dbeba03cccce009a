"""Fuzzing the compiler's front end: any bytes at all end in a checked network or in diagnostics, and in nothing else.

Under atheris (coverage guides what is tried; `pip install atheris` where there is a wheel):

    python tests/fuzz/fuzz_spec.py --corpus /tmp/corpus --findings /tmp/findings -runs=1000000 -seed=1

Without it, the same target is driven by random mutations of the shipped specs and the golden mistakes:

    python tests/fuzz/fuzz_spec.py --builtin --findings /tmp/findings --runs 1000000 --seed 1

A finding does not end the run. Each distinct one, told apart by the exception and the line it came from, is written to
the findings folder once: the input as `KEY.net`, the traceback as `KEY.txt`. What is examined is `examine`, which the
tests use too.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import random
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "tests", ROOT):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

try:
    import atheris
except ImportError:
    atheris = None

# Only a run under atheris is instrumented: tests import this file for `examine`.
_GUIDED = atheris is not None and __name__ == "__main__" and "--builtin" not in sys.argv

with atheris.instrument_imports(include=["netspec", "lark"]) if _GUIDED else contextlib.nullcontext():
    from diagnostics.cases import RAW, read_cases

    from netspec.compiler import Analysis, analyze
    from netspec.describe.format import format_source
    from netspec.diagnostics.diagnostic import Diagnostic, NetspecError, Source, Span, SpecError
    from netspec.elaborate import wiring
    from netspec.elaborate.vocabulary import CHOICES, COMMANDS
    from netspec.ir.text import resolved_text
    from netspec.layers import LAYERS
    from netspec.syntax.parser import read_source

SIGNS = ["{", "}", "(", ")", "=", ",", ";", "\n", "+", "-", "*", "/", "//", "%", "..", "<", "<=", '"', "#", " as ", "x"]
NUMBERS = ["0", "1", "3", "20", "-1", "0.5", "1e-3", "1e999", "5x5", "1x28x28", "-1..1", "100k", "64MiB", "(w*2)"]


def vocabulary() -> list[str]:
    """Return the words and signs of the language."""
    words = {*LAYERS, *COMMANDS, *CHOICES, "else", "as", "mnist", "digits", "blocks", "w", "params", "epochs"}
    return [*sorted(words), *SIGNS, *NUMBERS]


def seeds() -> list[bytes]:
    """Return the texts that mutations start from: all shipped specs, the library, and one mistake of each kind."""
    folders = (ROOT / "specs", ROOT / "netspec" / "library", RAW / "parts")
    shipped = [path.read_bytes() for folder in folders for path in sorted(folder.rglob("*.net"))]
    return shipped + [case.spec for case in read_cases()]


# --- what is examined --------------------------------------------------------------------------------------------


def examine(source: Source) -> Analysis:
    """Analyze a text and check all that must hold whatever it says."""
    found = analyze(source)
    assert (found.network is None) == (found.graph is None) == bool(found.diagnostics)
    for diagnostic in found.diagnostics:
        examine_diagnostic(diagnostic)
    if found.network is not None and found.graph is not None:
        assert found.graph.parameter_count >= 0
        assert found.graph.flops >= 0
        again = analyze(Source("again.net", resolved_text(found.network)), name=found.network.name)
        assert again.network == found.network, "the resolved text says something else"
    examine_format(source, found)
    return found


def examine_format(source: Source, found: Analysis) -> None:
    """Format a text that can be read: twice is as good as once, and the network stays what it was."""
    try:
        text = format_source(source)
    except SpecError:
        # Any other error says that the formatter itself is wrong.
        assert found.diagnostics, "a valid spec is not formatted"
        return
    formatted = Source(source.name, text, source.folder)
    assert format_source(formatted) == text, "formatting twice says something else"
    if found.network is not None:
        assert analyze(formatted, name=found.network.name).network == found.network, "formatting changes the network"


def examine_diagnostic(diagnostic: Diagnostic) -> None:
    """Check that a diagnostic says something about a place that exists, and can be shown in every form."""
    assert diagnostic.message.strip()
    texts = (diagnostic.message, diagnostic.fix, diagnostic.label, *diagnostic.notes)
    assert not any("\n" in text for text in texts), texts
    for span in (diagnostic.span, *(place.span for place in diagnostic.related)):
        if span is not None:
            assert is_inside(span), (diagnostic.code, span, span.end_line, span.end_column)
    for color in (False, True):
        shown = diagnostic.render(color=color)
        assert all(c.isprintable() or c in "\n\x1b" for c in shown), shown
        shown.encode("utf-8")
    json.dumps(diagnostic.to_json()).encode("utf-8")


def is_inside(span: Span) -> bool:
    """Return whether a span lies in its text; an end of line has a column of its own."""
    lines = span.source.lines
    return (
        1 <= span.line <= span.end_line <= len(lines)
        and 1 <= span.column <= len(lines[span.line - 1]) + 1
        and (span.line, span.column) < (span.end_line, span.end_column)
        and span.end_column <= len(lines[span.end_line - 1]) + 2
    )


def examine_bytes(data: bytes) -> None:
    """Examine what the bytes of a file say."""
    try:
        source = read_source("fuzz.net", data)
    except NetspecError as error:
        str(error).encode("utf-8")
        return
    examine(source)


# --- what is tried -----------------------------------------------------------------------------------------------


def mutated(data: bytes, rng: random.Random, words: list[str], others: list[bytes]) -> bytes:
    """Return the bytes with one to six changes: of bytes, words, lines, or parts of other texts."""
    for _ in range(rng.randint(1, 6)):
        at = rng.randint(0, len(data))
        until = min(len(data), at + rng.choice((0, 1, 1, 2, 5, 20, 100)))
        kind = rng.randrange(9)
        if kind == 0:
            data = data[:at] + data[until:]
        elif kind == 1:
            data = data[:at] + bytes(rng.randrange(256) for _ in range(rng.randint(1, 4))) + data[until:]
        elif kind == 2:
            data = data[:at] + data[at:until] * rng.randint(2, 9) + data[until:]
        elif kind == 3:
            other = rng.choice(others)
            start = rng.randint(0, len(other))
            data = data[:at] + other[start : start + rng.choice((10, 50, 200))] + data[until:]
        elif kind == 4:
            lines = data.split(b"\n")
            one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[one], lines[two] = lines[two], lines[one]
            data = b"\n".join(lines)
        elif kind == 5:
            data = data[:at] + chr(rng.choice((rng.randrange(0x20, 0x500), rng.randrange(0x2000, 0x2100)))).encode()
        else:
            data = data[:at] + rng.choice((b" ", b"")) + rng.choice(words).encode() + b" " + data[until:]
    return data[:8000]


class Findings:
    """The distinct failures of a run, each written down once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.inputs = 0
        self.slowest = 0.0

    def one_input(self, data: bytes) -> None:
        """Examine one input and note what it did."""
        self.inputs += 1
        began = time.process_time()
        try:
            examine_bytes(data)
        except Exception as error:  # anything that comes out is a finding
            last = traceback.extract_tb(error.__traceback__)[-1]
            said = "".join(c for c in str(error)[:12] if c.isalnum())
            key = f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}-{said}"
            self.note(key, data, traceback.format_exc())
        seconds = time.process_time() - began
        if seconds > max(1.0, self.slowest):
            self.note(f"slow-{hashlib.sha256(data).hexdigest()[:8]}", data, f"{seconds:.1f} s")
        self.slowest = max(self.slowest, seconds)

    def note(self, key: str, data: bytes, text: str) -> None:
        """Write a finding down, where it is the first of its kind."""
        file = self.folder / f"{key}.net"
        if not file.exists():
            file.write_bytes(data)
            file.with_suffix(".txt").write_text(text, encoding="utf-8")


def main() -> None:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--builtin", action="store_true", help="random mutations instead of atheris")
    parser.add_argument("--corpus", type=Path, default=Path("fuzz-corpus"), help="where atheris keeps its inputs")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="where failures are written")
    parser.add_argument("--runs", type=int, default=100_000, help="inputs of the built-in driver")
    parser.add_argument("--seed", type=int, default=1, help="seed of the built-in driver")
    options, rest = parser.parse_known_args()
    # Breadth, not size: a network of 100,000 layers takes a second, and says no more than one of 2,000.
    wiring.MAX_NODES, wiring.MAX_STEPS = 2_000, 5_000
    findings = Findings(options.findings)
    if not _GUIDED:
        rng, words, texts = random.Random(options.seed), vocabulary(), seeds()
        began = time.perf_counter()
        for _ in range(options.runs):
            findings.one_input(mutated(rng.choice(texts), rng, words, texts))
        seconds, found = time.perf_counter() - began, len(list(options.findings.glob("*.net")))
        print(f"{findings.inputs:,} inputs in {seconds:,.0f} s; {found} findings; slowest {findings.slowest:.2f} s")
        return
    options.corpus.mkdir(parents=True, exist_ok=True)
    for data in seeds():
        (options.corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    words = options.findings / "words.dict"
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\x0a") for word in vocabulary())
    words.write_text("".join(f'"{word}"\n' for word in escaped), encoding="utf-8")
    arguments = [sys.argv[0], f"-dict={words}", "-max_len=4000", "-print_final_stats=1", *rest, str(options.corpus)]
    atheris.Setup(arguments, findings.one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
