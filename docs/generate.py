"""Writes the pages that are made from the code: language.md, layers.md … `--check` says which are not current."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from formats_page import formats_page
from import_page import import_page
from language_page import language_page
from models_page import models_page
from passes_page import passes_page

from netspec.compiler import analyze
from netspec.describe.reference import REGISTRIES, library_blocks, page, summary
from netspec.diagnostics.codes import CODES
from netspec.diagnostics.diagnostic import Source
from netspec.ir.network import Network

FOLDER = Path(__file__).parent

sys.path.insert(0, str(FOLDER.parent / "tests"))
from diagnostics.cases import Case, fenced, read_cases  # noqa: E402


def layers_page() -> str:
    """Return the reference of everything a spec can name."""
    lines = [
        "# Reference",
        "",
        "Made from the code by `python docs/generate.py`; `netspec layers NAME` prints the same.",
    ]
    for title, registry in REGISTRIES.items():
        members = registry.entries
        lines += ["", f"## {title.capitalize()}", "", "| name | what |", "|---|---|"]
        rows = [(c.canonical(), summary(c).replace("|", "\\|")) for c in members]
        lines += [f"| [`{name}`](#{name}) | {what} |" for name, what in rows]
        for cls in members:
            lines += ["", f"### {cls.canonical()}", "", "```", page(cls), "```"]
    lines += ["", "## Blocks of the library", "", "`include blocks` defines them; each is used like a layer."]
    for block in library_blocks():
        lines += ["", f"### {block.name}", "", "```", block.page(), "```"]
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """Return the reference of the error codes."""
    lines = [
        "# Errors",
        "",
        "Made by `python docs/generate.py` from the code, and the examples of what is printed from the cases that are",
        "tested (`tests/diagnostics/`). `netspec explain CODE` prints the same without these.",
        "",
        *_json_form(),
    ]
    shown: dict[str, Case] = {}
    for case in read_cases():
        shown.setdefault(case.code, case)
    for code, entry in CODES.items():
        lines += ["", f"## {code}: {entry.title}", "", entry.cause, "", "Wrong:", "", "```", entry.wrong, "```"]
        lines += ["", "Right:", "", "```", entry.right, "```"]
        if case := shown.get(code):
            lines += _printed(case)
    return "\n".join(lines) + "\n"


def _printed(case: Case) -> list[str]:
    """Return a spec and what is printed for it; a spec that Markdown cannot hold is seen in its message alone."""
    message = ["", *fenced(case.message or case.rendered)]
    if case.raw:
        return ["", "What is printed, for example:", *message]
    return ["", "A spec with this mistake:", "", *fenced(case.text, "net"), "", "What is printed for it:", *message]


def _json_form() -> list[str]:
    """Return what `netspec check --json` prints for a file, from a real mistake."""
    text = "block stem(width) {\n  conv width 3x3 strde=2\n}\ninput 1x9x9\nstem 8\nfc 10 softmax\n"
    (found,) = analyze(Source("small.net", text)).diagnostics
    shown = json.dumps({"file": "small.net", "ok": False, "errors": [found.to_json()], "notes": []}, indent=2)
    return [
        "## For programs",
        "",
        "`netspec check FILE… --json` prints one JSON object a line, one for each file: `file`, `ok`, `errors`,",
        "`notes` and, if there are no errors, `parameters` and `flops`. An error has the fields of this example. Notes",
        "have the same fields; they point at something that is valid but may not be intended. Their severity is `note`",
        "and their code is empty. Lines and columns count from 1; the end column is the one after the last character.",
        "All five are null if there is no place. `related` lists the other places of the message: the line that it",
        "contradicts, then the uses of blocks and the includes that lead there, the innermost first. The meaning of a",
        "code never changes.",
        "",
        "```json",
        shown,
        "```",
    ]


def schema() -> str:
    """Return the JSON schema of the IR."""
    return json.dumps(Network.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


PAGES = {
    "language.md": language_page,
    "import.md": import_page,
    "layers.md": layers_page,
    "models.md": models_page,
    "errors.md": errors_page,
    "passes.md": passes_page,
    "formats.md": formats_page,
    "network.schema.json": schema,
}


def main() -> int:
    """Write the pages, or with `--check` name those that are not current."""
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    for name in stale:
        print(f"docs/{name} is not current: run python docs/generate.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
