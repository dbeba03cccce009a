"""A Description as the text of a spec, and which piece is which node of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from textwrap import wrap
from typing import Any

from netspec.formats.reading import Description, Output, Piece
from netspec.formats.spec_text.blocks import folded, label_of, with_blocks
from netspec.formats.spec_text.items import Block, From, Item, Line, Merge, Repeat, Use, labels_of, pieces_of
from netspec.formats.spec_text.shapes import numbers, slots
from netspec.formats.spec_text.simplify import simplified
from netspec.formats.spec_text.structure import Labels, structured
from netspec.ir.text import value_text
from netspec.layers.base import Layer
from netspec.ops import format_shape
from netspec.recipe.initializers import Initializer
from netspec.schema.definition import Definition, parameters

__all__ = ["Written", "written"]

_WIDTH = 88
_FOLLOW = {"batchnorm", "pool", "avgpool", "globalpool", "dropout", "lrn", "scale", "flatten", "times"}
"""Layers that stand on the line of what they belong to."""


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a spec, and its pieces in the order in which the language expands it."""

    text: str
    pieces: tuple[Piece, ...]


def written(made: Description, *, flat: bool = False) -> Written:
    """Return the text of a description.

    Args:
        made: what a file says.
        flat: whether each layer has its own line and label: the plainest form there is.
    """
    pieces, inits = simplified(made)
    outputs = {output.piece: output for output in made.outputs}
    items = structured(pieces, tuple(made.inputs), outputs, flat=flat)
    blocks: list[Block] = []
    labels = Labels({*labels_of(items), *made.inputs})
    if not flat:
        items = folded(items)
        blocks, items = with_blocks(items, labels)
        _name_uses(items, labels)
    lines = list(_head(made, inits))
    for block in blocks:
        lines += _block_lines(block)
    if blocks:
        lines.append("")
    lines += _lines(items, iter(()), "")
    names = {last.name: label for label, last in _labelled(items)}
    lines += _tail(made, outputs.values(), names)
    return Written("\n".join(lines).rstrip() + "\n", tuple(pieces_of(items)))


def _name_uses(items: Sequence[Item], labels: Labels) -> None:
    """Name the uses of blocks as the file calls them, where it does."""
    renamed: dict[str, str] = {}
    for item in items:
        if isinstance(item, Use) and (name := label_of(item)):
            label = labels.make(name)
            if item.label:
                renamed[item.label] = label
            item.label = label
    _rename(items, renamed)


def _rename(items: Iterable[Item], renamed: dict[str, str]) -> None:
    """Replace labels where they are read."""
    for item in items:
        match item:
            case From():
                item.label = renamed.get(item.label, item.label)
            case Line():
                item.reads = tuple(renamed.get(label, label) for label in item.reads)
                item.share = renamed.get(item.share, item.share)
            case Merge():
                for body in item.bodies:
                    _rename(body, renamed)
            case _:
                pass


def _labelled(items: Iterable[Item]) -> Iterator[tuple[str, Piece]]:
    """Yield the labels that stand at the top, with the piece that each refers to."""
    for item in items:
        if isinstance(item, Line | Merge | Use) and item.label:
            *_, last = pieces_of([item])
            yield item.label, last
        if isinstance(item, Merge):
            for body in item.bodies:
                yield from _labelled(body)


def _head(made: Description, inits: dict[str, Initializer]) -> Iterator[str]:
    count = sum(
        prod(shape) for p in made.pieces for part, shape in p.weights.items() if part not in {"mean", "variance"}
    )
    title = made.title or made.name
    if title.isprintable():
        yield f"# {title[:100]}: {count:,} parameters."
    for name, shape in made.inputs.items():
        words = [f"input {format_shape(shape)}"]
        words += [f"tokens={made.tokens[name]}"] if name in made.tokens else []
        words += [f"mask={made.masks[name]}"] if name in made.masks else []
        yield " ".join([*words, *([] if len(made.inputs) == 1 else ["as", name])])
    if inits:
        words = [_call(inits["kernel"])] if "kernel" in inits else []
        words += [f"bias={_call(inits['bias'])}"] if "bias" in inits else []
        yield f"init {' '.join(words)}"
    yield ""


def _tail(made: Description, outputs: Iterable[Output], names: dict[str, str]) -> Iterator[str]:
    several = list(outputs)
    if several:
        yield ""
    for output in several:
        words = [f"output {names[output.piece]}"]
        words += [f"loss={output.loss}"] if output.loss else []
        words += [f"weight={output.weight!r}"] if output.weight != 1 else []
        words += [f"target={output.target}"] if output.target else []
        yield " ".join(words)
    for command, piece, rest in made.top:
        if piece in names:
            yield f"{command} {names[piece]} {rest}".rstrip()
    if made.remarks:
        yield ""
    for said in made.remarks:
        remark = "".join(c if c.isprintable() else "?" for c in said)
        # A line of the language stays one line.
        lines = [remark] if remark.startswith("data ") else wrap(remark, _WIDTH - 2, break_on_hyphens=False)
        yield from (f"# {line}" for line in lines)
    if made.data:
        name, settings = made.data
        yield ""
        inside = "; ".join(f"{key} {value}".strip() for key, value in settings.items())
        yield f"data {name} {{ {inside} }}" if inside else f"data {name}"
    if made.settings:
        yield ""
        yield "train {"
        for key, value in made.settings.items():
            yield f"  {key} {value}"
        yield "}"


def _block_lines(block: Block) -> list[str]:
    """Return the lines of a block, one where they fit."""
    given = ", ".join(p.name if p.default is None else f"{p.name}={p.default}" for p in block.parameters)
    head = f"block {block.name}({given}) {{" if given else f"block {block.name} {{"
    inner = _lines(block.body, iter(block.words), "  ")
    if len(inner) == 1 and len(head) + len(inner[0]) + 1 <= _WIDTH:
        return [f"{head} {inner[0].strip()} }}"]
    return [head, *inner, "}"]


def _lines(items: Iterable[Item], words: Iterator[str | None], indent: str) -> list[str]:
    """Return the lines of a body; `words` stand in place of its numbers, in their order."""
    lines: list[str] = []
    open_line = False
    for item in items:
        match item:
            case From():
                lines.append(f"{indent}from {item.label}")
                open_line = True
            case Line():
                text = _line(item, words)
                follows = item.piece.layer.canonical() in _FOLLOW or _is_function(item.piece.layer)
                after_from = bool(lines) and lines[-1].startswith(f"{indent}from ") and ";" not in lines[-1]
                if open_line and (follows or after_from) and len(lines[-1]) + 2 + len(text) <= _WIDTH:
                    lines[-1] += f"; {text}"
                else:
                    lines.append(indent + text)
                open_line = not item.label
            case Use():
                text = _use_text(item, words)
                if open_line and lines[-1].startswith(f"{indent}from ") and ";" not in lines[-1]:
                    lines[-1] += f"; {text}"
                else:
                    lines.append(indent + text)
                open_line = not item.label
            case Repeat():
                lines += _enclosed(f"repeat {len(item.rounds)}", [item.rounds[0]], "", words, indent)
                open_line = False
            case Merge():
                bodies, name = item.bodies, "residual" if item.residual else "branch"
                # The numbers of the second and further bodies follow those of the first.
                tail = "" if item.residual else " " + _line(Line(item.piece), iter(()))
                lines += _enclosed(name, bodies, tail + (f" as {item.label}" if item.label else ""), words, indent)
                open_line = not item.label
    return lines


def _enclosed(
    head: str, bodies: Sequence[Sequence[Item]], tail: str, words: Iterator[str | None], indent: str
) -> list[str]:
    """Return `head { … } { … } tail`, on one line where it is short."""
    inner = [_lines(body, words, indent + "  ") for body in bodies]
    if all(len(lines) <= 1 for lines in inner):
        line = indent + head + "".join(f" {{ {lines[0].strip()} }}" if lines else " { }" for lines in inner) + tail
        if len(line) <= _WIDTH:
            return [line]
    made = [f"{indent}{head} {{"]
    for index, lines in enumerate(inner):
        made += [*lines, f"{indent}}}" + (" {" if index + 1 < len(inner) else tail)]
    return made


def _is_function(layer: Layer) -> bool:
    from netspec.layers import ACTIVATIONS  # noqa: PLC0415

    return layer.canonical() in ACTIVATIONS


def _line(item: Line, words: Iterator[str | None]) -> str:
    given = {name: word for (name, _), word in zip(slots(item.piece.layer), words, strict=False) if word is not None}
    # A sequence that attention reads beside its own stands behind its key.
    second = item.piece.layer.second
    own = _words(item.piece.layer, given, axes=len(item.piece.shape) - 1)
    text = [own, *(f"{second}={label}" if second else label for label in item.reads)]
    text += [f"share={item.share}"] if item.share else []
    return " ".join([*text, *(["as", item.label] if item.label else [])])


def _use_text(item: Use, words: Iterator[str | None]) -> str:
    text = [item.block.name]
    in_order = True
    for parameter, (_, value) in zip(item.block.parameters, numbers(item), strict=True):
        word = next(words, None)
        shown = str(value) if word is None else word
        if word is None and value == parameter.default:
            in_order = False
        elif in_order and parameter.default is None:
            text.append(shown)
        else:
            text.append(f"{parameter.name}={shown}")
    return " ".join([*text, *(["as", item.label] if item.label else [])])


def _words(layer: Layer, given: dict[str, str], *, axes: int) -> str:
    """Return the words of a layer as a person writes them, with others in place of some numbers.

    Args:
        layer: in question.
        given: words by the arguments that they stand for.
        axes: how many axes of positions it makes: of a sequence a size is one number, of a volume three.
    """
    shown = layer
    kernel, pad = getattr(layer, "kernel", None), getattr(layer, "pad", None)
    canonical = layer.canonical()
    if isinstance(pad, tuple) and canonical in {"conv", "depthwise", "pool", "avgpool"}:
        stride = getattr(layer, "stride", None) or kernel
        halves = tuple(k // 2 for k in kernel) if kernel else ()
        dense = set(getattr(layer, "dilation", None) or (1, 1)) == {1}
        single = set(stride or ()) == {1}
        odd = all(k % 2 for k in kernel) if kernel else False
        free = not {"pad", "kernel", "stride"} & given.keys()
        if not any(pad):
            shown = layer.model_copy(update={"pad": "valid"})
        elif dense and odd and pad == halves and single and free:
            shown = layer.model_copy(update={"pad": "same"})
    words, left_out = [canonical], False
    last = {} if canonical == "batchnorm" else _LAST
    for p in sorted(parameters(type(shown)), key=lambda p: last.get(p.name, 0)):
        value = getattr(shown, p.name)
        if p.name in given:
            words.append(given[p.name] if p.positional else f"{p.name}={given[p.name]}")
        elif p.name == "kernel" and isinstance(value, tuple) and not _is_plain_pool(shown):
            words.append(_size(value[:1] * max(axes, 1) if len(set(value)) == 1 else value))
        else:
            found = _argument(shown, p.name)
            # What stands behind a place that is left empty needs its key: `clamp max=6`.
            words += [f"{p.name}={found[0]}"] if found and p.positional and left_out else found
            left_out = left_out or (p.positional and not found)
    return " ".join(words)


_LAST = {"activation": 1, "init": 2, "bias_init": 3}
"""People write the function behind the sizes, and how things begin last."""


def _is_plain_pool(layer: Layer) -> bool:
    """Return whether people write `pool 2`: a square window that moves by its own size."""
    return getattr(layer, "stride", ()) is None and len(set(layer.kernel)) == 1  # type: ignore[attr-defined]


def _size(value: tuple[int, ...]) -> str:
    return "x".join(map(str, value))


def _argument(layer: Layer, name: str) -> list[str]:
    """Return the words of one argument, as `layer_text` has them; none where it is the default.

    A number that stands without a key is there even then, as in `dropout 0.5`, but for functions: `elu`.
    """
    p = next(p for p in parameters(type(layer)) if p.name == name)
    value = getattr(layer, name)
    number = p.positional and isinstance(value, int | float) and not isinstance(value, bool) and name != "init"
    if value is None or (not p.required and value == p.default and (not number or _is_function(layer))):
        return []
    if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1] and name != "shape":
        value = value[0]
    if isinstance(value, bool):
        return [name if value else f"no{name}"]
    if isinstance(value, Definition):
        # An initializer stands behind its key: as a bare word it could be that of the kernel or of the bias.
        return [_call(value) if name == "activation" else f"{name}={_call(value)}"]
    text = _text(value)
    return [text if p.positional else f"{name}={text}"]


def _text(value: Any) -> str:
    """Return a value as people write it: a float without `.0`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value_text(value, every=False).replace("e+", "e")


def _call(value: Definition) -> str:
    """Return `normal(0.01)`, `leaky_relu(0.1)`: what is chosen by a word, with its arguments."""
    words = []
    for p in parameters(type(value)):
        given = getattr(value, p.name)
        if given is not None and (p.required or given != p.default):
            words.append(_text(given) if p.positional else f"{p.name}={_text(given)}")
    return f"{value.canonical()}({', '.join(words)})" if words else value.canonical()
