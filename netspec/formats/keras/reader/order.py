"""In which order the layers of a network are read, and what each says of its input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netspec.formats.keras.reader.config import Call, Entry, Net, Ref
from netspec.formats.reading import ModelImportError
from netspec.formats.sketch import MAX_PIECES

__all__ = ["in_order", "layers_of", "offsets", "reads_of", "said_shape"]


def layers_of(net: Net) -> Iterator[Entry]:
    """Yield all layers, those of models too."""
    for entry in net.layers:
        yield entry
        if entry.net is not None:
            yield from layers_of(entry.net)


def said_shape(entry: Entry) -> Sequence[object] | None:
    """Return the shape of a batch that a first layer reads, as it says it; None where it does not."""
    config = entry.config
    for name in ("batch_shape", "batch_input_shape"):
        if isinstance(config.get(name), list):
            return config[name]
    if isinstance(config.get("input_shape"), list):
        return [None, *config["input_shape"]]
    if isinstance(config.get("input_dim"), int) and entry.kind not in {"Embedding"}:
        return [None, config["input_dim"]]
    if entry.net is not None and entry.net.layers:
        first = entry.net.inputs[0].layer if entry.net.inputs else entry.net.layers[0].name
        inner = next((each for each in entry.net.layers if each.name == first), None)
        found = said_shape(inner) if inner is not None else None
        return entry.net.build_shape if found is None else found
    return None


def reads_of(call: Call) -> list[Ref]:
    """Return what a use reads, in order."""
    return [*call.reads, *(call.named[name] for name in ("query", "value", "key") if name in call.named)] or [
        *call.named.values()
    ]


def offsets(net: Net) -> Mapping[str, int]:
    """Return from which number on the uses of each layer are counted: a model that is a layer has one of its own."""
    refs = [ref for entry in net.layers for call in entry.calls for ref in (*call.reads, *call.named.values())]
    most: dict[str, int] = {}
    for ref in (*refs, *net.outputs):
        most[ref.layer] = max(most.get(ref.layer, 0), ref.use)
    return {
        entry.name: 1
        for entry in net.layers
        if entry.net is not None and entry.calls and most.get(entry.name, 0) == len(entry.calls)
    }


def in_order(
    net: Net, before: Mapping[str, int], there: set[tuple[str, int]], file: str
) -> Iterator[tuple[Entry, int, Call]]:
    """Yield the uses of layers, each behind those that it reads; raises ModelImportError where that cannot be."""
    uses = {(e.name, i): (e, i, call) for e in net.layers for i, call in enumerate(e.calls) if (e.name, i) not in there}
    if len(uses) > MAX_PIECES:
        raise ModelImportError(f"{file} uses more than {MAX_PIECES:,} layers", "is it a model?")
    readers: dict[tuple[str, int], list[tuple[str, int]]] = {}
    open_reads: dict[tuple[str, int], int] = {}
    for own, (entry, _, call) in uses.items():
        sources = {(ref.layer, ref.use - before.get(ref.layer, 0)) for ref in (*call.reads, *call.named.values())}
        for source in sources:
            if source not in uses and source not in there:
                raise ModelImportError(
                    f"{file}: layer {entry.name[:100]} reads {source[0][:100]!r}, which no layer makes",
                    "copy the file again from where it was whole",
                )
            readers.setdefault(source, []).append(own)
        open_reads[own] = len(sources - there)
    ready = [own for own, count in open_reads.items() if not count]
    done = 0
    while done < len(ready):
        own = ready[done]
        done += 1
        yield uses[own]
        for reader in readers.get(own, ()):
            open_reads[reader] -= 1
            if not open_reads[reader]:
                ready.append(reader)
    if done < len(uses):
        left = next(own[0] for own in uses if open_reads[own])
        raise ModelImportError(f"{file}: layer {left[:100]} reads itself", "this was not saved by Keras")
