"""What repeats becomes `repeat`, and what is the same but for some numbers becomes a block."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from netspec.formats.spec_text.items import Block, From, Item, Line, Merge, Parameter, Repeat, Use, pieces_of
from netspec.formats.spec_text.shapes import SLOTS, Form, form, numbers, same
from netspec.formats.spec_text.structure import Labels
from netspec.layers import ACTIVATIONS

__all__ = ["folded", "with_blocks"]

_LONGEST = 8
"""So many items at most are looked at as one round of a repetition."""

_UNITS = 4
"""A convolution with its normalization becomes a block when there are so many; what is longer, when there are two."""

_MOST_PARAMETERS = 7

_CONVOLUTIONS = {"conv", "depthwise", "deconv"}


def folded(items: list[Item]) -> list[Item]:
    """Return items with equal ones behind each other as `repeat`."""
    made: list[Item] = []
    at = 0
    while at < len(items):
        length, rounds = _best_run(items, at)
        if rounds > 1:
            bodies = [items[at + i * length : at + (i + 1) * length] for i in range(rounds)]
            made.append(Repeat([folded(body) if length > 1 else body for body in bodies]))
            at += length * rounds
        else:
            item = items[at]
            if isinstance(item, Merge):
                item.bodies = [folded(body) for body in item.bodies]
            made.append(item)
            at += 1
    return made


def _best_run(items: Sequence[Item], at: int) -> tuple[int, int]:
    """Return the length of a round and the number of rounds that save most from here; (1, 1) for none."""
    best, saved = (1, 1), 0
    if _begins_nothing(items[at]):
        return best
    for length in range(1, min(_LONGEST, (len(items) - at) // 2) + 1):
        rounds = 1
        while at + (rounds + 1) * length <= len(items) and all(
            same(items[at + i], items[at + rounds * length + i]) for i in range(length)
        ):
            rounds += 1
        # Two short layers, as in `relu relu`, are shorter than `repeat 2 { relu }`.
        worth = length * (rounds - 1) * (3 if any(not isinstance(i, Line) for i in items[at : at + length]) else 1)
        if rounds > 1 and worth > saved and not (length == 1 and _small(items[at])):
            best, saved = (length, rounds), worth
    return best


def _begins_nothing(item: Item) -> bool:
    """Return whether an item belongs to what stands before it: no round of a repetition begins with it."""
    return isinstance(item, Line) and item.piece.layer.canonical() in {*ACTIVATIONS, *_FOLLOWERS}


_FOLLOWERS = {"pool", "avgpool", "globalpool", "dropout", "lrn"}


def _small(item: Item) -> bool:
    return isinstance(item, Line) and item.piece.layer.canonical() not in {*_CONVOLUTIONS, "fc", "lstm", "gru", "rnn"}


def with_blocks(items: list[Item], labels: Labels) -> tuple[list[Block], list[Item]]:
    """Return blocks, and the items with their uses."""
    blocks: list[Block] = []
    items = _units(items, blocks, labels)
    items = folded(items)
    for _ in range(8):
        found = _largest(items)
        if not found:
            break
        windows = found
        block = _block(windows, _name(windows), labels)
        if block is None:
            break
        blocks.append(block)
        items = _replaced(items, block, len(windows[0]), form_of(windows[0]))
        items = folded(items)
    return blocks, items


def form_of(window: Sequence[Item]) -> Form:
    """Return the form of items behind each other, of which the last may be named."""
    found = (*(form(i) for i in window[:-1]), form(window[-1], inside=False))
    return None if None in found else found


def _bodies(items: list[Item]) -> Iterator[list[Item]]:
    """Yield a body and all bodies in it, the innermost first."""
    for item in items:
        if isinstance(item, Merge):
            for body in item.bodies:
                yield from _bodies(body)
        elif isinstance(item, Repeat):
            yield from _bodies(item.rounds[0])
    yield items


def _windows(items: list[Item], wanted: Callable[[Sequence[Item]], int]) -> dict[Form, list[list[Item]]]:
    """Return the windows that begin where `wanted` gives a length, by their form."""
    found: dict[Form, list[list[Item]]] = {}
    for body in _bodies(items):
        at = 0
        while at < len(body):
            length = wanted(body[at:])
            window = body[at : at + length]
            shape = form_of(window) if length else None
            if shape is not None:
                found.setdefault(shape, []).append(window)
            at += max(length if shape is not None else 1, 1)
    return found


def _unit(rest: Sequence[Item]) -> int:
    """Return 2 where a convolution and its normalization begin, else 0."""
    if len(rest) < 2 or not isinstance(rest[0], Line) or not isinstance(rest[1], Line):
        return 0
    first, second = rest[0].piece.layer.canonical(), rest[1].piece.layer.canonical()
    return 2 if first in _CONVOLUTIONS and second == "batchnorm" else 0


def _wide(rest: Sequence[Item]) -> int:
    """Return the length of a merge and the functions behind it, else 0."""
    if not isinstance(rest[0], Merge):
        return 0
    length = 1
    while (
        length < len(rest)
        and not rest[length - 1].label
        and isinstance(line := rest[length], Line)
        and line.piece.layer.canonical() in ACTIVATIONS
    ):
        length += 1
    return length


def _units(items: list[Item], blocks: list[Block], labels: Labels) -> list[Item]:
    for shape, windows in _windows(items, _unit).items():
        last = windows[0][1]
        plain = isinstance(last, Line) and getattr(last.piece.layer, "activation", None) is None
        if len(windows) >= _UNITS and (block := _block(windows, "conv_bn_linear" if plain else "conv_bn", labels)):
            blocks.append(block)
            items = _replaced(items, block, 2, shape)
    return items


def _largest(items: list[Item]) -> list[list[Item]]:
    """Return the merges of one form, two at least, that hold the most text; the innermost first."""
    groups = [windows for windows in _windows(items, _wide).values() if len(windows) > 1]
    return max(groups, key=lambda windows: (-_depth(windows[0]), len(windows)), default=[])


def _depth(window: Sequence[Item]) -> int:
    inner = [_depth(body) for i in window if isinstance(i, Merge) for body in i.bodies]
    return 1 + max(inner, default=0)


def _name(windows: Sequence[Sequence[Item]]) -> str:
    """Return what people would call a block: by what its pieces are called, else by its form."""
    prefixes = {_prefix(window) for window in windows}
    stem = _common(sorted(prefixes))
    stem = re.sub(r"[^a-z]*$", "", stem)
    if len(stem) > 2 and stem.isidentifier() and all(prefixes):
        return stem
    merge = windows[0][0]
    assert isinstance(merge, Merge)
    if not merge.residual:
        return "branches"
    name = "bottleneck" if len(list(pieces_of(merge.bodies[0]))) > 4 else "basic"
    return f"{name}_project" if len(merge.bodies) > 1 else name


def _common(names: Sequence[str]) -> str:
    """Return the letters that all names begin with."""
    first, last = min(names), max(names)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def _prefix(window: Sequence[Item]) -> str:
    """Return what the names of all pieces begin with, up to a slash."""
    names = [piece.name.lower() for piece in pieces_of(window)]
    prefix = _common(names)
    return prefix.rpartition("/")[0]


def label_of(use: Use) -> str:
    """Return what the pieces of a use are called together; empty where nothing."""
    return _prefix(use.body)


def _block(windows: Sequence[Sequence[Item]], name: str, labels: Labels) -> Block | None:
    """Return the block that all windows are uses of; None where it would take too many parameters."""
    columns = [[value for _, value in _numbers(window)] for window in windows]
    kinds = [kind for kind, _ in _numbers(windows[0])]
    vectors = list(zip(*columns, strict=True))
    # Once to see how many parameters of a kind there are, once to name them.
    chosen, _ = _parameters(kinds, vectors, Counter())
    chosen, words = _parameters(kinds, vectors, Counter(letter for letter, _ in chosen))
    if len(chosen) > _MOST_PARAMETERS:
        return None
    made = []
    for (letter, vector), word in chosen.items():
        common, count = Counter(vector).most_common(1)[0]
        default = (
            1 if letter in "sg" and 1 in vector else common if letter in "kp" and count > len(vector) // 2 else None
        )
        made.append(Parameter(word, default))
    made.sort(key=lambda p: p.default is not None)
    unique = labels.make(name)
    return Block(unique, made, list(windows[0]), words)


_Chosen: TypeAlias = dict[tuple[str, tuple[int, ...]], str]


def _parameters(
    kinds: Sequence[str], vectors: Sequence[tuple[int, ...]], counts: Counter[str]
) -> tuple[_Chosen, list[str | None]]:
    """Return the parameters by what they are in all windows, and the words in place of the numbers.

    Args:
        kinds: of each number.
        vectors: each number in all windows.
        counts: how many parameters there are of a letter: several are numbered.
    """
    chosen: _Chosen = {}
    words: list[str | None] = []
    numbered: Counter[str] = Counter()
    kernel: tuple[int, ...] = ()
    kernel_word: str | None = None
    for kind, vector in zip(kinds, vectors, strict=True):
        letter = SLOTS[kind]
        word: str | None = None
        if len(set(vector)) > 1:
            if kind == "pad" and kernel_word and vector == tuple(k // 2 for k in kernel):
                word = f"({kernel_word} // 2)"
            elif letter == "c" and (times := _multiple(vector, chosen)):
                word = times
            elif (letter, vector) in chosen:
                word = chosen[letter, vector]
            else:
                numbered[letter] += 1
                word = letter + (str(numbered[letter]) if counts[letter] > 1 else "")
                chosen[letter, vector] = word
        if kind == "kernel":
            kernel, kernel_word = vector, word
        words.append(word)
    return chosen, words


def _multiple(vector: tuple[int, ...], chosen: _Chosen) -> str:
    """Return a product of a parameter that all numbers are, such as `(4 * c)`."""
    for (letter, other), word in chosen.items():
        factor = vector[0] // other[0] if other[0] else 0
        if letter == "c" and factor > 1 and all(v == factor * o for v, o in zip(vector, other, strict=True)):
            return f"({factor} * {word})"
    return ""


def _numbers(window: Sequence[Item]) -> list[tuple[str, int]]:
    return [each for item in window for each in numbers(item)]


def _replaced(items: list[Item], block: Block, length: int, shape: Form) -> list[Item]:
    """Return the items with every window of a form as a use of the block."""

    def replaced(body: list[Item]) -> list[Item]:
        made: list[Item] = []
        at = 0
        while at < len(body):
            window = body[at : at + length]
            item = body[at]
            if not isinstance(item, From) and len(window) == length and form_of(window) == shape:
                made.append(_use(block, window))
                at += length
                continue
            if isinstance(item, Merge):
                item.bodies = [replaced(inner) for inner in item.bodies]
            elif isinstance(item, Repeat):
                item.rounds = [replaced(inner) for inner in item.rounds]
            made.append(item)
            at += 1
        return made

    return replaced(items)


def _use(block: Block, window: list[Item]) -> Use:
    values: dict[str, int] = {}
    kinds: dict[str, str] = {}
    for word, (kind, value) in zip(block.words, _numbers(window), strict=True):
        if word is not None and word.isidentifier():
            values[word], kinds[word] = value, kind
    last = window[-1]
    label = "" if isinstance(last, From) else last.label
    names = [p.name for p in block.parameters]
    if not isinstance(last, From):
        last.label = ""
    return Use(block, [values[n] for n in names], [kinds[n] for n in names], window, label)
