"""The cell magic `%%netspec`: a spec in a cell of its own, with its errors in place."""

from __future__ import annotations

from keyword import iskeyword
from typing import Any

from netspec.compiler import analyze, require
from netspec.diagnostics.diagnostic import Source, SpecError
from netspec.notebook.show import network_html, text_html

__all__ = ["Shown", "register", "spec_cell"]


class Shown:
    """What a notebook shows: HTML, and as text in a terminal."""

    def __init__(self, html: str, text: str) -> None:
        self._html, self._text = html, text

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text


def spec_cell(shell: Any, line: str, cell: str) -> Shown:
    """Read a cell as a spec, and keep the network under the name that stands behind `%%netspec`, `net` unless given.

    Args:
        shell: the notebook's interpreter, which keeps the network.
        line: what stands behind `%%netspec`.
        cell: the spec.

    Returns:
        The network drawn; where the spec is wrong, what is wrong and where, and the name keeps what it had.
    """
    name = line.strip() or "net"
    if not name.isidentifier() or iskeyword(name):
        return _said(f"%%netspec {line.strip()}: {name!r} is no name of a variable; write %%netspec net")
    try:
        network, graph = require(analyze(Source(f"<cell of {name}>", cell), name=name))
    except SpecError as error:
        return _said(str(error))
    shell.user_ns[name] = network
    return Shown(network_html(network, graph), repr(network))


def _said(text: str) -> Shown:
    return Shown(text_html(text), text)


def register(shell: Any) -> None:
    """Make `%%netspec` known to an interpreter, as `%load_ext netspec` asks."""
    shell.register_magic_function(lambda line, cell: spec_cell(shell, line, cell), "cell", "netspec")
