"""What SECURITY.md says in numbers and names is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import netspec
from netspec.backends.jax import compile_cache
from netspec.data.files import decoding
from netspec.elaborate import includes, wiring
from netspec.graph import trace as tracing
from netspec.syntax import parser

PAGE = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")


def test_the_limits_are_those_of_the_code() -> None:
    table = PAGE.partition("<!-- limits:begin -->")[2].partition("<!-- limits:end -->")[0]
    said = {
        what.strip(): int(n.replace(",", ""))
        for n, what in re.findall(r"^\| ([\d,]+) \| ([\w ]+)", table, re.MULTILINE)
    }
    assert said == {
        "bytes of text": parser.MAX_BYTES,
        "words and signs": parser.MAX_TOKENS,
        "braces and parentheses inside each other": parser.MAX_NESTING,
        "blocks": wiring.MAX_DEPTH,
        "includes inside each other": includes.MAX_DEPTH,
        "files": includes.MAX_FILES,
        "commands that are run": wiring.MAX_STEPS,
        "layers": wiring.MAX_NODES,
        "parameters": tracing.MAX_PARAMETERS,
    }
    assert f"more than {decoding.MOST_PIXELS:,} pixels" in PAGE
    assert f"more than {decoding.LONGEST_SIDE:,} on a side" in PAGE


def test_the_variables_are_those_of_the_code() -> None:
    named = set(re.findall(r"\b(NETSPEC_\w+|JAX_\w+)", PAGE))
    assert compile_cache.OFF in named
    source = "".join(p.read_text(encoding="utf-8") for p in Path(netspec.__file__).parent.rglob("*.py"))
    assert all(f'"{name}"' in source for name in named)


def test_its_links_lead_somewhere() -> None:
    root = Path(__file__).parents[2]
    assert all((root / link).exists() for link in re.findall(r"\]\(([^)#:]+)\)", PAGE))
