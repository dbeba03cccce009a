"""A program as an ONNX model: its inputs and outputs, and a walk along its operations."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from netspec import ops
from netspec.formats.onnx import images, sequences, values
from netspec.formats.onnx.writer import At, Writer
from netspec.formats.program import Input, Program
from netspec.graph.graph import Operation

__all__ = ["EMITTERS", "OPSET", "model_of"]

OPSET = 17
"""The oldest that has what is needed: runtimes of 2022 and later read it."""
_IR_VERSION = 8
"""Of the file, as old as the opset."""
_BATCH = "N"

EMITTERS = {**values.EMITTERS, **images.EMITTERS, **sequences.EMITTERS}

_TYPES = {"bytes": TensorProto.UINT8, "floats": TensorProto.FLOAT, "tokens": TensorProto.INT64}
_TAKE_BIAS = (ops.Conv, ops.ConvTranspose, ops.MatMul)


def model_of(program: Program) -> onnx.ModelProto:
    """Return a program as an ONNX model that passes the full check."""
    w = Writer()
    names = {i: _prepared(w, given) for i, given in enumerate(program.inputs)}
    shapes = {i: given.shape for i, given in enumerate(program.inputs)}
    done: set[int] = set()
    for operation in program.graph.operations:
        shapes[operation.output] = operation.shape
        if operation.output in done:
            continue
        w.prefix = operation.node
        arrays = [program.arrays[path] for path in operation.parameters]
        after = _bias_after(program, operation)
        bias = (after.parameters[0], program.arrays[after.parameters[0]]) if after else None
        at = At.of(operation, [shapes[i] for i in operation.inputs], arrays, bias)
        made = EMITTERS[type(operation.op)](w, at, [names[i] for i in operation.inputs])
        names[operation.output] = made
        if after:
            names[after.output] = made
            done.add(after.output)
    _name_outputs(w, program, names)
    graph = helper.make_graph(
        w.nodes,
        program.name or "network",
        [helper.make_tensor_value_info(i.name, _TYPES[i.kind], [_BATCH, *i.shape]) for i in program.inputs],
        [helper.make_tensor_value_info(o.name, TensorProto.FLOAT, [_BATCH, *o.shape]) for o in program.outputs],
        w.initializers(),
    )
    facts = dict(program.trained.facts)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
        producer_name="netspec",
        producer_version=facts.pop("netspec", ""),
    )
    labels = {o.name: list(o.labels) for o in program.outputs if o.labels}
    if labels:
        facts["labels"] = json.dumps(labels if len(program.outputs) > 1 else next(iter(labels.values())))
    helper.set_model_props(model, facts)
    return model


def _prepared(w: Writer, given: Input) -> str:
    """Return an input as the first operation reads it."""
    if given.kind != "bytes":
        return given.name
    w.prefix = given.name
    scaled = w.add("Mul", w.add("Cast", given.name, to=TensorProto.FLOAT), w.constant(given.factor, "factor"))
    return w.add("Add", scaled, w.constant(given.offset, "offset")) if np.any(given.offset) else scaled


def _bias_after(program: Program, operation: Operation) -> Operation | None:
    """Return the bias that alone reads an operation, which takes it in, where it has one number a channel."""
    after = program.only_reader(operation.output) if isinstance(operation.op, _TAKE_BIAS) else None
    if after is None or not isinstance(after.op, ops.Bias):
        return None
    array: NDArray[Any] = program.arrays[after.parameters[0]]
    return after if array.shape == operation.shape[:1] else None


def _name_outputs(w: Writer, program: Program, names: dict[int, str]) -> None:
    """Give the outputs their names; one that is an input, or another output too, is handed on by a node of its own."""
    given = {i.name for i in program.inputs}
    renamed: dict[str, str] = {}
    for output in program.outputs:
        inner = names[output.value]
        if inner in given or inner in renamed:
            w.add("Identity", renamed.get(inner, inner), output=output.name)
        else:
            renamed[inner] = output.name
    for node in w.nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
