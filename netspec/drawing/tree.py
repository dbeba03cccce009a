"""The rows of an outline as a tree of blocks, each with what flows into it and out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from netspec.describe.outline import Row

__all__ = ["Block", "Entry", "Exit", "Leaf", "tree"]


@dataclass(eq=False)
class Leaf:
    """A box to be: an input, a layer, a folded block or an output."""

    name: str
    row: Row | None = None
    reads: tuple[str, ...] = ()


@dataclass(eq=False)
class Block:
    """A block: its members in their order, and the values that cross its border.

    Attributes:
        path: the parts of its name; none for the whole network.
        members: leaves and blocks.
        entries: the values from outside that something in it reads, by the names of what makes them.
        exits: the values that something outside reads.
        edges: from a member or an entry to a member or an exit, with the name of the value.
    """

    path: tuple[str, ...]
    members: list[Leaf | Block] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)
    edges: list[tuple[Leaf | Block | Entry, Leaf | Block | Exit, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The whole name."""
        return "/".join(self.path)

    def leaves(self) -> Iterator[Leaf]:
        """Yield all boxes in it."""
        for member in self.members:
            yield from (member,) if isinstance(member, Leaf) else member.leaves()


@dataclass(eq=False)
class Entry:
    """Where a value comes into a block."""

    source: str


@dataclass(eq=False)
class Exit:
    """Where a value leaves a block."""

    source: str


def tree(inputs: Sequence[str], rows: Sequence[Row], outputs: Iterable[tuple[str, str]]) -> Block:
    """Return the network as the outermost block.

    Args:
        inputs: the names of the inputs.
        rows: of the outline.
        outputs: the name of each output's box, and that of the row that it shows.
    """
    root = Block(())
    homes: dict[str, tuple[Block, ...]] = {}
    leaves: dict[str, Leaf] = {}
    chain = [root]

    def add(leaf: Leaf, path: tuple[str, ...]) -> None:
        # Rows that follow each other in one block are in one frame. A name that comes again later is another frame, so
        # that values only flow from frames to later ones.
        while chain[-1].path != path[: len(chain[-1].path)]:
            chain.pop()
        for depth in range(len(chain[-1].path) + 1, len(path) + 1):
            inner = Block(path[:depth])
            chain[-1].members.append(inner)
            chain.append(inner)
        chain[-1].members.append(leaf)
        homes[leaf.name], leaves[leaf.name] = tuple(chain), leaf

    for name in inputs:
        add(Leaf(name), ())
    for row in rows:
        add(Leaf(row.name, row, tuple(dict.fromkeys(row.inputs))), tuple(row.name.split("/")[:-1]))
    for name, shown in outputs:
        add(Leaf(name, None, (shown,)), ())
    for leaf in leaves.values():
        for source in leaf.reads:
            _connect(source, leaf, leaves[source], homes)
    return root


def _connect(source: str, leaf: Leaf, maker: Leaf, homes: dict[str, tuple[Block, ...]]) -> None:
    """Add the edges of one value from what makes it to what reads it, through the borders between them."""
    out, into = homes[source], homes[leaf.name]
    shared = sum(1 for a, b in zip(out, into, strict=False) if a is b)
    at: Leaf | Block | Entry = maker
    for block in reversed(out[shared:]):
        found = next((e for e in block.exits if e.source == source), None)
        if found is None:
            found = Exit(source)
            block.exits.append(found)
            block.edges.append((at, found, source))
        at = block
    for level, block in enumerate(into[shared - 1 :]):
        inner: Leaf | Block = leaf if level == len(into) - shared else into[shared + level]
        if not any(a is at and b is inner and value == source for a, b, value in block.edges):
            block.edges.append((at, inner, source))
        if isinstance(inner, Block):
            entry = next((e for e in inner.entries if e.source == source), None)
            if entry is None:
                entry = Entry(source)
                inner.entries.append(entry)
            at = entry
