"""Makes docs/models.md: the ready-made specs, by what they are for."""

from __future__ import annotations

from netspec.describe.shelf import shelf, title

_SHORT = ["To begin with", "The networks of other libraries' tutorials"]
"""Kinds of which the table is enough: their specs are in README.md and docs/accuracy.md."""


def models_page() -> str:
    """Return the page of the ready-made specs."""
    kinds = shelf()
    lines = [
        "# Ready-made specs",
        "",
        "Made from the specs by `python docs/generate.py`.",
        "",
        "`netspec new NAME` writes one into your folder, and `netspec new --list` names them. Where a number of",
        "parameters is published, it is the same here, and the tests compare logits and gradients with the network in",
        "PyTorch. The values of a `let` can be replaced without a change of the file: `--let width=32`.",
        "",
        "Recipes are those of the papers or of the libraries that are named, where these say one. A spec without",
        "`data` is trained with your own: `netspec train NAME.net --data mine.npz` ([more](your_data.md)).",
    ]
    for kind, specs in kinds.items():
        lines += ["", f"## {kind}", "", "| name | what |", "|---|---|"]
        lines += [
            f"| `{name}` | {title(path)} |" if kind in _SHORT else f"| [`{name}`](#{name}) | {title(path)} |"
            for name, path in specs.items()
        ]
        if kind not in _SHORT:
            for name, path in specs.items():
                lines += ["", f"### {name}", "", "```net", path.read_text(encoding="utf-8").rstrip("\n"), "```"]
    return "\n".join(lines) + "\n"
