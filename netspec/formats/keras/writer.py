"""A program as a file of Keras 3."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

from numpy.typing import NDArray

from netspec.formats.keras.emitters import EMITTERS, follow
from netspec.formats.keras.layers import Layers
from netspec.formats.program import Input, Program
from netspec.formats.python.calls import Call
from netspec.formats.python.expressions import scaled
from netspec.formats.python.layout import formatted
from netspec.formats.python.library import helpers_of, names_in
from netspec.formats.python.statements import Statements
from netspec.formats.python.words import documented, labels_text, name_of, quoted, returned

__all__ = ["source_of"]

_LIBRARY = Path(__file__).with_name("library.py")
_RESERVED = {"keras", "layers", "ops", "np", "build", "load", "LABELS", "WEIGHTS", "Path", "given"}
_TYPES = {"bytes": "uint8", "floats": "float32", "tokens": "int32"}


def source_of(program: Program, weights: str) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return the text of a file, and the variables of its model; `weights` is the name of the file of those."""
    made = Layers(program)

    def write(call: Call) -> str:
        return EMITTERS[type(call.operation.op)](call.operation.op, call, made)

    names = names_in(_LIBRARY)
    statements = Statements.of(program, write, prepare=_prepared, follow=follow, reserved=_RESERVED | names)
    inputs = [
        f'{name} = keras.Input({given.shape}, dtype="{_TYPES[given.kind]}", name={quoted(name)})'
        for given, name in zip(program.inputs, statements.arguments.values(), strict=True)
    ]
    reads = list(statements.arguments.values())
    build = "\n".join(
        [
            "def build():",
            *documented("Return a model that gives", program, statements.arguments, "    "),
            *(indent(line, "    ") for line in inputs),
            f"    given = {reads[0] if len(reads) == 1 else '[' + ', '.join(reads) + ']'}",
            *(indent((f"{name} = {text}"), "    ") for name, text in made.shared.items()),
            *(indent(each.text, "    ") for each in statements.body),
            indent((f"return keras.Model(given, {returned(statements.outputs)})"), "    "),
        ]
    )
    load = "\n".join(
        [
            "def load(path=WEIGHTS):",
            '    """Return the model with its weights."""',
            "    model = build()",
            "    with np.load(path) as file:",
            "        assert {v.path for v in model.weights} == set(file.files)",
            "        for variable in model.weights:",
            "            variable.assign(file[variable.path])",
            "    return model",
        ]
    )
    used = helpers_of(_LIBRARY, build)
    text = "\n".join((*used, build))
    head = "\n".join(
        [
            f'"""The network {name_of(program)} in Keras 3, written by netspec; run with KERAS_BACKEND=jax.',
            "",
            "    model = load()",
            f"    model.predict({reads[0] if len(reads) == 1 else '[' + ', '.join(reads) + ']'})",
            "",
            "Images are (N, C, H, W), sequences (N, D, L), token numbers (N, L).",
            '"""',
            "",
            "from pathlib import Path",
            "",
            "import keras",
            "import numpy as np",
            f"from keras import {', '.join(name for name in ('layers', 'ops') if f'{name}.' in text) or 'ops'}",
        ]
    )
    labels = labels_text(program)
    constants = [f"WEIGHTS = Path(__file__).with_name({quoted(weights)})", *([labels] if labels else [])]
    top = "\n\n".join([head, "\n".join(constants)])
    parts = [top, *used, formatted(build), formatted(load)]
    return "\n\n\n".join(parts) + "\n", dict(sorted(made.state.items()))


def _prepared(given: Input, name: str) -> str:
    if given.kind != "bytes":
        return name
    cast = f'ops.cast({name}, "float32")'
    return scaled(given, cast, lambda numbers: f'np.array({numbers}, "float32")[:, None, None]')
