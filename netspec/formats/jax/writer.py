"""A program as a file of JAX and NumPy."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netspec.formats.jax.emitters import EMITTERS, LIBRARY, follow
from netspec.formats.program import Arrays, Input, Program
from netspec.formats.python.blocks import Use, structured
from netspec.formats.python.calls import Call, Repeated
from netspec.formats.python.definitions import Block, Blocks
from netspec.formats.python.expressions import bare, base_of, identifier, scaled
from netspec.formats.python.layout import formatted
from netspec.formats.python.library import helpers_of, names_in
from netspec.formats.python.loops import Loop, looped, turns
from netspec.formats.python.statements import Statements
from netspec.formats.python.words import axes_words, documented, labels_text, name_of, quoted, returned

__all__ = ["source_of"]

_RESERVED = {
    "Array",
    "Callable",
    "jax",
    "jnp",
    "np",
    "lax",
    "params",
    "load",
    "predict",
    "LABELS",
    "WEIGHTS",
    "Path",
    "i",
}


def source_of(program: Program, weights: str) -> tuple[str, Arrays]:
    """Return the text of a file, and its arrays by name; `weights` is the name of the file of these."""
    whole = structured(program)
    helpers = names_in(LIBRARY)
    blocks = Blocks(whole, _block, _function_name, {*helpers, *_RESERVED})
    lines, given, statements = _body(whole, blocks, shapes=True)
    arguments = list(statements.arguments.values())
    made = "Array" if len(program.outputs) == 1 else "dict[str, Array]"
    predict = "\n".join(
        [
            "@jax.jit",
            f"def predict(params: dict, {', '.join(f'{name}: Array' for name in arguments)}) -> {made}:",
            *documented("Return", program, statements.arguments, "    "),
            *lines,
            f"    return {given}",
        ]
    )
    load = "\n".join(
        [
            "def load(path: str | Path = WEIGHTS) -> dict:",
            '    """Return the parameters, a dictionary for each layer, nested as the blocks are."""',
            "    params = {}",
            "    with np.load(path) as file:",
            "        for name in file.files:",
            '            *layers, last = name.split("/")',
            "            inner = params",
            "            for layer in layers:",
            "                inner = inner.setdefault(layer, {})",
            "            inner[last] = file[name]",
            "    return params",
        ]
    )
    functions = [*blocks.texts, bare(predict)]
    used = helpers_of(LIBRARY, "\n".join(functions))
    text = "\n".join((*used, *functions))
    lax = ["lax"] if re.search(r"(?<!jax\.)\blax\.", text) else []
    answer = program.outputs[0].name if len(program.outputs) == 1 else "outputs"
    head = "\n".join(
        [
            f'"""The network {name_of(program)} in JAX, written by netspec.',
            "",
            "    params = load()",
            f"    {answer} = predict(params, {', '.join(arguments)})",
            "",
            axes_words(program),
            '"""',
            "",
            *(["from collections.abc import Callable"] if "Callable" in text else []),
            "from pathlib import Path",
            "",
            "import jax",
            *(["import jax.numpy as jnp"] if "jnp." in text else []),
            "import numpy as np",
            f"from jax import {', '.join(['Array', *lax])}",
        ]
    )
    labels = labels_text(program)
    constants = [f"WEIGHTS = Path(__file__).with_name({quoted(weights)})", *([labels] if labels else [])]
    top = "\n\n".join([head, "\n".join(constants)])
    parts = [top, formatted(load), *used, *map(formatted, functions)]
    return "\n\n\n".join(parts) + "\n", whole.arrays


def _block(use: Use, blocks: Blocks) -> str:
    """Return the function of a block."""
    lines, given, statements = _body(use.inner, blocks)
    reads = "".join(f", {name}: Array" for name in statements.arguments.values())
    return "\n".join(
        [
            f"def @NAME@(params: dict{reads}@ARGUMENTS@) -> Array:",
            '    """@DOC@"""',
            *lines,
            f"    return {given}",
        ]
    )


def _body(program: Program, blocks: Blocks, *, shapes: bool = False) -> tuple[list[str], str, Statements]:
    """Return the lines of a function, with shapes in comments if wanted, what it returns, and its statements."""
    program = looped(program, blocks, _are_counted)

    def write(call: Call) -> str | Repeated:
        op = call.operation.op
        if isinstance(op, Use):
            return _call(blocks.of[op], f'params["{op.name}"]', call.reads)
        if isinstance(op, Loop):
            return _loop(op, call.reads, blocks)
        return EMITTERS[type(op)](op, call)

    statements = Statements.of(
        program,
        write,
        prepare=_prepared,
        follow=follow,
        reserved=_RESERVED | names_in(LIBRARY) | {block.name for block in blocks.of.values()},
    )
    lines, given = statements.ended(returned(statements.outputs), shapes=shapes)
    return [f"    {line}" for each in lines for line in each.split("\n")], given, statements


def _call(block: Block, params: str, reads: Sequence[str], varied: str = "") -> str:
    """Return a call of the function of a block; an argument that a loop is over has the name that it has there."""
    more = [
        f"{name}={name if name == varied else value}" for name, value in zip(block.arguments, block.values, strict=True)
    ]
    return f"{block.name}({', '.join([params, *reads, *more])})"


def _number(use: Use) -> int:
    return int(use.name.rpartition("_")[2])


def _are_counted(uses: Sequence[Use], _: int) -> bool:
    """Return whether blocks are numbered one after the other."""
    base = base_of(uses[0].name)
    if any(not re.fullmatch(rf"{base}_\d+", use.name) for use in uses):
        return False
    return [_number(use) for use in uses] == list(range(_number(uses[0]), _number(uses[0]) + len(uses)))


def _loop(loop: Loop, reads: Sequence[str], blocks: Blocks) -> Repeated:
    """Return several blocks in a row as a loop over their numbers."""
    called = [blocks.of[use] for use in loop.uses]
    variable, values = turns(called)
    first = _number(loop.uses[0])
    head = f"for i in range({first}, {first + len(called)}):"
    if variable:
        head = f"for i, {variable} in enumerate({values}, {first}):"
    params = f'params[f"{base_of(loop.uses[0].name)}_{{i}}"]'
    before, after = reads[: loop.flow], reads[loop.flow + 1 :]
    return Repeated(head, lambda x: _call(called[0], params, [*before, x, *after], variable), loop.flow)


def _function_name(kind: str) -> str:
    return identifier(kind).lower()


def _prepared(given: Input, name: str) -> str:
    if given.kind != "bytes":
        return name
    return scaled(given, name, lambda numbers: f"np.float32({numbers})[:, None, None]")
