"""Makes docs/tutorial.ipynb, the tutorial as a notebook, from docs/tutorial.md, which has its text and its cells.

    NETSPEC_DATA=… python docs/notebook.py         # runs it, and writes it with what its cells gave
    python docs/notebook.py --text                 # only writes text that has changed; outputs stay as they are
    python docs/notebook.py --check                # only tells whether it is current

A cell stands in the page as a comment, which no reader sees: `<!-- cell NAME`, its lines, and `-->`. One that holds a
spec names the file: `<!-- cell NAME: FILE.net -->`. Text that only the notebook has stands in `<!-- notebook`, `-->`;
what only the page has, between `<!-- page only -->` and `<!-- to here -->`. Commands with their output, and pictures,
are of the page alone, too.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

FOLDER = Path(__file__).parent
PAGE, NOTEBOOK = FOLDER / "tutorial.md", FOLDER / "tutorial.ipynb"
PARAMETERS = "parameters"
"""The name of the cell whose variables may be replaced, and the tag by which other programs find it."""

_OF_THE_PAGE = re.compile(
    r"<!-- page only -->.*?<!-- to here -->|<!-- session: [^\n]*-->\n```console\n.*?^```$|^!\[[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_CELL = re.compile(r"<!-- (?:cell (\w+)(?:: (\S+\.net) -->|\n(.*?)\n-->)|notebook\n(.*?)\n-->)", re.DOTALL)
_LONGEST = 3600
"""Seconds that a cell may take."""
_SIZE, _COLORS = 0.6, 128
"""How large pictures are in the file, and how many colors they have: it is read over the web."""


def made() -> nbformat.NotebookNode:
    """Return the notebook that the page describes, without outputs."""
    page = _OF_THE_PAGE.sub("", PAGE.read_text(encoding="utf-8"))
    cells: list[nbformat.NotebookNode] = []
    text, end = "", 0

    def written(name: str) -> None:
        nonlocal text
        if said := re.sub(r"\n{3,}", "\n\n", text).strip():
            cells.append(new_markdown_cell(said, id=f"{name}-text"))
        text = ""

    for found in _CELL.finditer(page):
        text, end = text + page[end : found.start()], found.end()
        name, spec, lines, said = found.groups()
        if said is not None:
            text += said
            continue
        written(name)
        code = (
            f"%%netspec {name}\n{(FOLDER / 'tutorial' / spec).read_text(encoding='utf-8').rstrip()}" if spec else lines
        )
        cells.append(new_code_cell(code, id=name, metadata={"tags": [PARAMETERS]} if name == PARAMETERS else {}))
    text += page[end:]
    written("end")
    names = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": names, "language_info": {"name": "python"}})


def executed(notebook: nbformat.NotebookNode, folder: Path, parameters: Mapping[str, Any]) -> nbformat.NotebookNode:
    """Return a notebook with what its cells give, run in a process of its own.

    Args:
        notebook: it.
        folder: where it runs, and which has the files that it reads.
        parameters: values in place of those of its cell of parameters.

    Raises:
        CellExecutionError: a cell fails.
    """
    if parameters:
        at = next(i for i, cell in enumerate(notebook.cells) if cell.id == PARAMETERS) + 1
        lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        notebook.cells.insert(at, new_code_cell(lines, id="given", metadata={"tags": ["injected-parameters"]}))
    shutil.copytree(FOLDER / "tutorial", folder / "tutorial")
    client = NotebookClient(notebook, timeout=_LONGEST, record_timing=False, coalesce_streams=True)
    # The kernel imports this netspec, wherever it is started, and nothing of a profile that somebody has.
    own = {"PYTHONPATH": str(FOLDER.parent), "IPYTHONDIR": str(folder / ".ipython")}
    client.execute(env={**os.environ, **own}, cwd=str(folder))
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def _lighter(notebook: nbformat.NotebookNode) -> None:
    """Make the pictures of a notebook smaller: their sides, and their colors."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        if (data := output.get("data", {})).get("image/png"):
            with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as picture:
                size = (round(picture.width * _SIZE), round(picture.height * _SIZE))
                small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).quantize(_COLORS)
            content = io.BytesIO()
            small.save(content, "PNG", optimize=True)
            data["image/png"] = base64.b64encode(content.getvalue()).decode()


def _code(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    return [(cell.id, cell.source) for cell in notebook.cells if cell.cell_type == "code"]


def _text(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    return [(cell.id, cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]


def main(asked: list[str]) -> int:
    """Make the notebook, or only its text, or tell whether it is current; return the exit code."""
    notebook = made()
    kept = nbformat.read(NOTEBOOK, as_version=4) if NOTEBOOK.exists() else new_notebook()
    if "--check" in asked or "--text" in asked:
        if _code(notebook) != _code(kept):
            print("docs/tutorial.ipynb has other cells than docs/tutorial.md: run python docs/notebook.py")
            return 1
        if "--check" in asked:
            if _text(notebook) != _text(kept):
                print("docs/tutorial.ipynb has another text than docs/tutorial.md: run python docs/notebook.py --text")
                return 1
            return 0
        given = {cell.id: cell for cell in kept.cells}
        notebook.cells = [given[cell.id] if cell.cell_type == "code" else cell for cell in notebook.cells]
    else:
        with TemporaryDirectory(prefix="netspec-notebook-") as folder:
            executed(notebook, Path(folder), {})
        _lighter(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, NOTEBOOK)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
