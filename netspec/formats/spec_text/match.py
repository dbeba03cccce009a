"""Which node of a network each piece became; the text is not trusted to say what was described."""

from __future__ import annotations

from netspec.formats.sketch import operations_of
from netspec.formats.spec_text.write import Written
from netspec.ir.network import Network
from netspec.ops import Shape

__all__ = ["matched"]

_SYMMETRIC = {"add", "multiply", "maximum", "minimum", "average"}


def matched(written: Written, network: Network) -> dict[str, str] | None:
    """Return the names of the nodes by those of the pieces; None where the network is another one."""
    if len(written.pieces) != len(network.nodes):
        return None
    names = {given.name: given.name for given in network.inputs}
    shapes: dict[str, Shape] = {given.name: given.shape for given in network.inputs}
    tokens = {given.name: given.tokens for given in network.inputs}
    for piece, node in zip(written.pieces, network.nodes, strict=True):
        reads = [names.get(source) for source in piece.inputs]
        found: list[str | None] = list(node.inputs)
        if node.layer.canonical() in _SYMMETRIC:
            reads, found = sorted(map(str, reads)), sorted(map(str, found))  # type: ignore[assignment]
        if reads != found or piece.layer.canonical() != node.layer.canonical():
            return None
        if node.share != (names[piece.share] if piece.share else None):
            return None
        given = [shapes[source] for source in piece.inputs]
        counts = [tokens.get(source) for source in piece.inputs]
        if not all(given) or operations_of(piece.layer, given, counts) != operations_of(node.layer, given, counts):
            return None
        names[piece.name] = node.name
        shapes[piece.name] = piece.shape
    return names
