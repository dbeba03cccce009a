"""Counts what six networks take to write in netspec and other languages, and writes docs/conciseness.md.

    python benchmarks/conciseness/count.py           # write the page
    python benchmarks/conciseness/count.py --check   # only say whether it is current

A line counts unless it is blank or only a comment. A token is what the language's lexer would call one:

- a name, a number, a string, or a mark such as `=`, `{` or `//` is one token each;
- comments, spaces, line ends and indentation are none, so a Python block costs only its colon;
- `;` in a `.net` file is a token, the line end that could stand there is not;
- a size such as `5x5` is three tokens, `1x28x28` five, as netspec's own lexer has it;
- in cfg, `filters=20` is three tokens and `[net]` three; in prototxt, `num_output: 20` is three.

Only the definition of the network counts, its imports included. A spec that says `include blocks` is also counted with
the text of those library blocks that it uses, directly or through others.

The counts of published files, which are not in the repository, are those that as_it_came.py recorded.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = ["IMPORTED", "LANGUAGES", "NETWORKS", "WOVEN", "Count", "Imported", "count", "main", "page", "used_blocks"]

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
PAGE = ROOT / "docs" / "conciseness.md"
LIBRARY = ROOT / "netspec" / "library" / "blocks.net"
IMPORTED = ROOT / "benchmarks" / "results" / "conciseness.json"

NETWORKS = {"lenet": "LeNet", "resnet20": "ResNet-20", "mobilenet": "MobileNet v1"}
WOVEN = {"unet": "U-Net", "gpt2": "GPT-2", "two_heads": "two heads"}
"""Networks that are no row of layers, in the first three languages."""

LANGUAGES = {
    "net": "netspec",
    "torch.py": "PyTorch",
    "keras.py": "Keras",
    "cfg": "Darknet",
    "prototxt": "Caffe",
}

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
NUMBER = r"[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|[0-9]+"
STRING = r'"[^"\n]*"'
# The `x` of a size stands between numbers or parentheses; elsewhere it is a name, or the beginning of one.
NET = re.compile(rf"(?<=[0-9)])x(?=[0-9(])|{STRING}|{NAME}|{NUMBER}|//|\.\.|<=|>=|[^\s\w]")
FLAT = re.compile(rf"{STRING}|{NAME}|{NUMBER}|[^\s\w]")

LAYOUT = {
    tokenize.ENCODING,
    tokenize.NEWLINE,
    tokenize.NL,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.COMMENT,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True)
class Count:
    """What a text takes to write."""

    lines: int
    tokens: int


class Imported(NamedTuple):
    """A published file, what its network is called, and what it and its spec take."""

    file: str
    title: str
    lines: int
    tokens: int
    spec_lines: int
    spec_tokens: int


def without_comments(text: str) -> str:
    """Return the text without what `#` begins; no string in these files holds one."""
    return re.sub(r"#[^\n]*", "", text)


def net_tokens(text: str) -> list[str]:
    """Return the tokens of a spec."""
    return NET.findall(without_comments(text))


def flat_tokens(text: str) -> list[str]:
    """Return the tokens of a cfg or a prototxt."""
    return FLAT.findall(without_comments(text))


def python_tokens(text: str) -> list[str]:
    """Return the tokens of a Python program."""
    found = tokenize.generate_tokens(io.StringIO(text).readline)
    return [t.string for t in found if t.type not in LAYOUT]


LEXERS: dict[str, Callable[[str], list[str]]] = {
    "net": net_tokens,
    "torch.py": python_tokens,
    "keras.py": python_tokens,
    "cfg": flat_tokens,
    "prototxt": flat_tokens,
}


def count(text: str, language: str) -> Count:
    """Return the lines and tokens of a text."""
    lines = [line for line in without_comments(text).splitlines() if line.strip()]
    return Count(len(lines), len(LEXERS[language](text)))


def read(network: str, language: str) -> str:
    """Return the text of a network in a language."""
    return (FOLDER / f"{network}.{language}").read_text(encoding="utf-8")


def used_blocks(spec: str) -> str:
    """Return the text of the library's blocks that a spec uses, directly or through others."""
    if not re.search(r"^include blocks$", spec, re.MULTILINE):
        return ""
    library = LIBRARY.read_text(encoding="utf-8")
    blocks = {m[1]: m[0] for m in re.finditer(rf"^block ({NAME}).*?^}}\n", library, re.MULTILINE | re.DOTALL)}
    used: dict[str, str] = {}
    texts = [spec]
    while texts:
        for name in net_tokens(texts.pop()):
            if name in blocks and name not in used:
                used[name] = blocks[name]
                texts.append(blocks[name])
    return "".join(used.values())


def page() -> str:
    """Return the page."""
    counts = {(n, k): count(read(n, k), k) for n in NETWORKS for k in LANGUAGES}
    whole = {n: count(read(n, "net") + used_blocks(read(n, "net")), "net") for n in NETWORKS}
    return TEXT.format(counts=_counts(counts, whole), ratios=_ratios(counts, whole), woven=_woven(), imports=_imports())


def _woven() -> str:
    """Return the table of the networks that are no row of layers: lines, tokens, and tokens for each of netspec's."""
    head = " | ".join(["| written in", *(f"{n}: lines | tokens | netspec = 1" for n in WOVEN.values())]) + " |"
    rows = [head, "| --- |" + " ---: | ---: | ---: |" * len(WOVEN)]
    for language in ("net", "torch.py", "keras.py"):
        counts = {n: count(read(n, language), language) for n in WOVEN}
        cells = [
            f"{c.lines:,} | {c.tokens:,} | {c.tokens / count(read(n, 'net'), 'net').tokens:.1f}"
            for n, c in counts.items()
        ]
        rows.append(" | ".join([f"| {LANGUAGES[language]}", *cells]) + " |")
    return "\n".join(rows)


def _imports() -> str:
    """Return the table of published files: lines and tokens of each and of its spec, and how many times as many."""
    head = "| file | network | lines | tokens | spec: lines | tokens | netspec = 1 |"
    rows = [head, "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for each in (Imported(**row) for row in json.loads(IMPORTED.read_text(encoding="utf-8"))):
        sizes = f"{each.lines:,} | {each.tokens:,} | {each.spec_lines:,} | {each.spec_tokens:,}"
        rows.append(f"| `{each.file}` | {each.title} | {sizes} | {each.tokens / each.spec_tokens:.1f} |")
    return "\n".join(rows)


def _counts(counts: dict[tuple[str, str], Count], whole: dict[str, Count]) -> str:
    """Return the table of lines and tokens."""

    def row(title: str, cells: list[Count]) -> str:
        return " | ".join([f"| {title}", *(f"{c.lines:,} | {c.tokens:,}" for c in cells)]) + " |"

    head = " | ".join(["| written in", *(f"{n}: lines | tokens" for n in NETWORKS.values())]) + " |"
    rule = "| --- |" + " ---: | ---: |" * len(NETWORKS)
    rows = [row(title, [counts[n, k] for n in NETWORKS]) for k, title in LANGUAGES.items()]
    rows.insert(1, row("netspec, with the library blocks it uses", list(whole.values())))
    return "\n".join([head, rule, *rows])


def _ratios(counts: dict[tuple[str, str], Count], whole: dict[str, Count]) -> str:
    """Return the table of tokens for each token of netspec."""
    head = "| tokens, netspec = 1 | " + " | ".join(NETWORKS.values()) + " |"
    rule = "| --- |" + " ---: |" * len(NETWORKS)
    rows = []
    for language, title in LANGUAGES.items():
        if language != "net":
            cells = [f"{counts[n, language].tokens / counts[n, 'net'].tokens:.1f}" for n in NETWORKS]
            rows.append(" | ".join([f"| {title}", *cells]) + " |")
    shortest = {n: min(counts[n, k].tokens for k in LANGUAGES if k != "net") for n in NETWORKS}
    plain = [f"**{shortest[n] / counts[n, 'net'].tokens:.2f}**" for n in NETWORKS]
    full = [f"{shortest[n] / whole[n].tokens:.2f}" for n in NETWORKS]
    rows.append(" | ".join(["| the shortest of them", *plain]) + " |")
    rows.append(" | ".join(["| the same, netspec with the library blocks it uses", *full]) + " |")
    return "\n".join([head, rule, *rows])


TEXT = (FOLDER / "page.md").read_text(encoding="utf-8")


def main() -> int:
    """Write the page, or with `--check` say whether it is current."""
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        print("docs/conciseness.md is not current: run python benchmarks/conciseness/count.py")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
