"""The bytes of an ONNX file as an OnnxGraph: protocol buffers are parsed by the `onnx` package, and nothing is run."""

from __future__ import annotations

import stat
from collections.abc import Callable
from math import prod
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from netspec.diagnostics.visible import visible
from netspec.formats.format import NotInstalledError
from netspec.formats.onnx.read.fields import MAX_FIELDS, count_fields
from netspec.formats.onnx.read.model import AGAIN, Declared, Node, OnnxGraph, Subgraph, in_order, shown
from netspec.formats.reading import Array, ModelImportError, Place
from netspec.formats.sketch import MAX_PIECES

__all__ = ["load"]

_MAX_FILE = 2**31 - 1
"""Bytes: what a protocol buffer can have."""

_MAX_NODES = 5 * MAX_PIECES

_OLDEST, _NEWEST = 6, 26
"""Opsets: those in which ONNX's own operators mean what is read here."""

_MAX_FACTS = 1_000_000

_MOST_TWICE = 10_000_000
"""Bytes of data in other files that may be taken as often as a file wants."""


def load(path: Path, read: Callable[[Path, int], bytes]) -> OnnxGraph:
    """Return the graph of a file; raises ModelImportError where it is damaged or none."""
    try:
        import onnx  # noqa: PLC0415
    except ImportError:
        raise NotInstalledError from None
    data = read(path, _MAX_FILE)
    count = count_fields(data)
    if count is not None and count > MAX_FIELDS:
        raise ModelImportError(f"{path.name} has more than {MAX_FIELDS:,} fields", "is it a file of a network?")
    try:
        if count is None:
            raise ValueError
        model = onnx.ModelProto.FromString(data)
    except MemoryError:
        raise
    except Exception:  # the parser's own error, by its kind of implementation
        raise ModelImportError(f"{path.name} is damaged, or no ONNX file", "copy or export it again") from None
    del data
    if not model.graph.node and not model.graph.output:
        raise ModelImportError(f"{path.name} has no graph", "is it an ONNX file?")
    return _Loading(path, model).graph()


class _Loading:
    def __init__(self, path: Path, model: Any) -> None:
        self.path, self.file, self.model = path, path.name, model
        self.beside_it: dict[Path, int] = {}
        """The bytes of each file of data."""
        self.taken = 0
        """Bytes that were read of them."""

    def graph(self) -> OnnxGraph:
        proto = self.model.graph
        if len(proto.node) > _MAX_NODES:
            raise ModelImportError(f"{self.file} has {len(proto.node):,} nodes; at most {_MAX_NODES:,} can be")
        if proto.sparse_initializer:
            raise ModelImportError(f"{self.file} has sparse weights", "export it with plain ones")
        opset = self.opset()
        constants: dict[str, Array] = {}
        for tensor in proto.initializer:
            name = _text(tensor.name)
            if name in constants:
                raise ModelImportError(f"{self.file}: two weights are called {shown(name)}", AGAIN)
            constants[name] = self.array(tensor)
        inputs: dict[str, Declared] = {}
        for given in proto.input:
            name = _text(given.name)
            if name in inputs:
                raise ModelImportError(f"{self.file}: two inputs are called {shown(name)}", AGAIN)
            if name not in constants:
                inputs[name] = self.declared(given)
        nodes = [self.node(index, each) for index, each in enumerate(proto.node)]
        outputs = {_text(each.name): self.declared(each) for each in proto.output}
        if len(outputs) < len(proto.output):
            raise ModelImportError(f"{self.file}: two outputs have one name", AGAIN)
        ordered = in_order(nodes, {*constants, *inputs}, list(outputs), self.file)
        props = self.model.metadata_props
        facts = {_text(each.key): _text(each.value) for each in props if len(each.value) <= _MAX_FACTS}
        return OnnxGraph(self.file, opset, ordered, constants, inputs, outputs, facts)

    def opset(self) -> int:
        versions = {_text(each.domain) or "ai.onnx": each.version for each in self.model.opset_import}
        # Files of before opsets have none: theirs is the first.
        opset = versions.get("ai.onnx", 1)
        if not _OLDEST <= opset <= _NEWEST:
            fix = "export it with opset 17" if opset > _NEWEST else "`onnx.version_converter` makes a newer one of it"
            raise ModelImportError(f"{self.file} is of opset {opset}, and {_OLDEST} to {_NEWEST} can be read", fix)
        return int(opset)

    def declared(self, given: Any) -> Declared:
        tensor = given.type.tensor_type
        if given.type.WhichOneof("value") != "tensor_type":
            return Declared(None, "no tensor")
        kind = self.kind(tensor.elem_type)
        if not tensor.HasField("shape"):
            return Declared(None, kind)
        sizes = [
            d.dim_value if d.WhichOneof("value") == "dim_value" and d.dim_value > 0 else None for d in tensor.shape.dim
        ]
        return Declared(tuple(sizes), kind)

    def kind(self, number: int) -> str:
        import onnx  # noqa: PLC0415

        try:
            return str(onnx.helper.tensor_dtype_to_np_dtype(number).name)
        except (KeyError, ValueError, TypeError):
            return "unknown"

    def node(self, index: int, proto: Any) -> Node:
        import onnx  # noqa: PLC0415

        kind, domain = _text(proto.op_type), _text(proto.domain)
        kind = kind if domain in {"", "ai.onnx"} else f"{domain}.{kind}"
        name = _text(proto.name) or f"node {index}"
        place = Place(self.file, visible(f"{name[:100]} ({kind[:60]})"))
        attributes: dict[str, Any] = {}
        kinds = onnx.AttributeProto
        for each in proto.attribute:
            key = _text(each.name)
            if each.type == kinds.TENSOR:
                attributes[key] = self.array(each.t)
            elif each.type in {kinds.FLOAT, kinds.INT}:
                attributes[key] = each.f if each.type == kinds.FLOAT else each.i
            elif each.type == kinds.STRING:
                attributes[key] = _text(each.s)
            elif each.type == kinds.FLOATS:
                attributes[key] = list(each.floats)
            elif each.type == kinds.INTS:
                attributes[key] = list(each.ints)
            elif each.type == kinds.STRINGS:
                attributes[key] = [_text(s) for s in each.strings]
            else:
                attributes[key] = Subgraph()
        inputs, outputs = (tuple(map(_text, names)) for names in (proto.input, proto.output))
        return Node(kind, name, inputs, outputs, attributes, place)

    # --- arrays -----------------------------------------------------------------------------------------------------

    def array(self, tensor: Any) -> Array:
        """Return the array of a tensor, whose data must be as many bytes as its sizes say."""
        import onnx  # noqa: PLC0415

        name = shown(_text(tensor.name)) if tensor.name else "a constant"
        if any(d < 0 for d in tensor.dims) or len(tensor.dims) > 32:
            raise ModelImportError(f"{self.file}: {name} has sizes that no array has", "copy or export it again")
        try:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                return self.external(tensor, name)
            if tensor.data_type == onnx.TensorProto.STRING:
                return np.zeros(0, np.object_)
            found = onnx.numpy_helper.to_array(tensor)
        except ModelImportError:
            raise
        except MemoryError:
            raise
        except Exception:  # many kinds by version, which all mean that sizes, type and data do not agree
            raise ModelImportError(
                f"{self.file}: the data of {name} are not what its sizes say", "copy or export it again"
            ) from None
        if found.shape != tuple(tensor.dims):
            raise ModelImportError(
                f"{self.file}: the data of {name} are not what its sizes say", "copy or export it again"
            )
        return np.asarray(found)

    def external(self, tensor: Any, name: str) -> Array:
        """Return an array that lies in a file of its own, within the folder of the model."""
        import onnx  # noqa: PLC0415

        facts = {_text(each.key): _text(each.value) for each in tensor.external_data}
        path = self.beside(facts.get("location", ""), name)
        kind = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        numbers = [facts.get(key, "") for key in ("offset", "length")]
        if not all(each == "" or (each.isascii() and each.isdigit() and len(each) < 16) for each in numbers):
            raise ModelImportError(f"{self.file}: where {name} lies is no number", "export the model again")
        offset, size = int(numbers[0] or 0), prod(tensor.dims) * kind.itemsize
        if numbers[1] and int(numbers[1]) != size:
            raise ModelImportError(
                f"{self.file}: {name} needs {size:,} bytes, and {int(numbers[1]):,} are announced",
                "copy or export it again",
            )
        try:
            there = path.stat().st_size
            if offset + size > there:
                raise ModelImportError(
                    f"{path.name} ends before the data of {name}: {offset + size:,} bytes are needed, it has {there:,}",
                    "copy it again, whole",
                )
            self.beside_it[path] = there
            self.taken += size
            if self.taken > max(_MOST_TWICE, 4 * sum(self.beside_it.values())):
                raise ModelImportError(
                    f"{self.file} takes more data from {path.name} than it has, again and again", "export it again"
                )
            with path.open("rb") as file:
                file.seek(offset)
                found = np.fromfile(file, kind, prod(tensor.dims))
        except OSError as error:
            raise ModelImportError(f"{path} cannot be read: {error.strerror}", "copy it beside the model") from None
        return found.reshape(tuple(tensor.dims))

    def beside(self, location: str, name: str) -> Path:
        """Return the path of a file of data; raises ModelImportError for one that leads out of the folder."""
        parts = Path(location).parts
        if (
            not location
            or "\0" in location
            or Path(location).is_absolute()
            or PureWindowsPath(location).drive
            or ".." in parts
        ):
            raise ModelImportError(
                f"{self.file}: the data of {name} are said to lie at {shown(location)}",
                "they lie in the folder of the model, or in one within it",
            )
        folder = self.path.parent.resolve()
        path = self.path.parent / location
        try:
            real = path.resolve(strict=True)
            kind = real.stat().st_mode
        except (OSError, RuntimeError):
            raise ModelImportError(f"{path} is not there: the data of {name}", "copy it beside the model") from None
        if not real.is_relative_to(folder):
            raise ModelImportError(
                f"{path} is a link that leads out of the folder of the model", "copy the file itself"
            )
        if not stat.S_ISREG(kind):
            raise ModelImportError(f"{path} is no file", "copy it beside the model")
        return real


def _text(value: str | bytes) -> str:
    """Return a text of a protocol buffer, which is bytes where it is no text."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
