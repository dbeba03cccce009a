"""A program as a file of PyTorch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from netspec.formats.program import Input, Program
from netspec.formats.python.blocks import Use, structured
from netspec.formats.python.calls import Call, Last, Repeated, first
from netspec.formats.python.definitions import Block, Blocks
from netspec.formats.python.expressions import bare, scaled
from netspec.formats.python.layout import formatted
from netspec.formats.python.library import helpers_of, names_in
from netspec.formats.python.loops import Loop, looped, members_of, turns
from netspec.formats.python.statements import Statements
from netspec.formats.python.words import axes_words, documented, labels_text, name_of, quoted, returned
from netspec.formats.torch.emitters import EITHER, EMITTERS, NATIVE
from netspec.formats.torch.modules import Modules
from netspec.formats.torch.weighted import follow
from netspec.graph.graph import Operation
from netspec.ops import CrossAttention, MaskedCrossAttention

__all__ = ["source_of"]

_LIBRARY = Path(__file__).with_name("library.py")
_RESERVED = {"torch", "nn", "F", "math", "load", "load_file", "self", "LABELS", "WEIGHTS", "Path", "Tensor", "block"}


def source_of(program: Program, weights: str) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return the text of a file, and the state of its module; `weights` is the name of the file of that.

    The arrays of the state are those of the program, or views of these.
    """
    helpers = names_in(_LIBRARY)
    name = _class_name(program.name, helpers)
    writer = _Writer(helpers)
    whole = structured(program)
    taken = {*helpers, *_RESERVED, name}
    blocks = Blocks(whole, writer.block, lambda kind: _block_name(kind, name), taken, _finished, writer.features_last)
    network, state, arguments = writer.network(whole, name, blocks)
    load = "\n".join(
        [
            f"def load(path: str | Path = WEIGHTS) -> {name}:",
            '    """Return the network with its weights, ready to answer."""',
            f"    network = {name}()",
            "    network.load_state_dict(load_file(path))",
            "    return network.eval()",
        ]
    )
    classes = [*blocks.texts, network]
    used = helpers_of(_LIBRARY, "\n".join(classes))
    text = "\n".join((*used, *classes))
    head = "\n".join(
        [
            f'"""The network {name_of(program)} in PyTorch, written by netspec.',
            "",
            "    network = load()",
            f"    {_answer(program)} = network({', '.join(arguments)})",
            "",
            axes_words(program),
            '"""',
            "",
            *(["import math"] if "math." in text else []),
            "from pathlib import Path",
            "",
            *(["import torch"] if "torch." in text else []),
            *(["import torch.nn.functional as F"] if re.search(r"\bF\.", text) else []),
            "from safetensors.torch import load_file",
            "from torch import Tensor, nn",
        ]
    )
    labels = labels_text(program)
    constants = [f"WEIGHTS = Path(__file__).with_name({quoted(weights)})", *([labels] if labels else [])]
    top = "\n\n".join([head, "\n".join(constants)])
    parts = [top, *used, *map(formatted, (*classes, load))]
    return "\n\n\n".join(parts) + "\n", state


def _answer(program: Program) -> str:
    return program.outputs[0].name if len(program.outputs) == 1 else "outputs"


class _Writer:
    """What writes classes."""

    def __init__(self, helpers: set[str]) -> None:
        self.helpers = helpers
        self.states: dict[Use, dict[str, NDArray[Any]]] = {}
        self.lasts: dict[Use, bool] = {}

    def block(self, use: Use, blocks: Blocks) -> str:
        """Return the class of a block."""
        text, state, statements = self._class(use.inner, "@NAME@", "@DOC@", blocks, "@ARGUMENTS@", inner=True)
        self.states[use] = state
        self.lasts[use] = isinstance(next(iter(statements.outputs.values())), Last)
        return text

    def features_last(self, use: Use) -> list[bool]:
        """Return whether the features lie last in what a block reads, each, and in what it gives."""
        return [*(_reads_last(use.inner, i) for i in range(len(use.inner.inputs))), self.lasts[use]]

    def network(
        self, program: Program, name: str, blocks: Blocks
    ) -> tuple[str, dict[str, NDArray[Any]], Sequence[str]]:
        """Return the class of the network, its state, and the names of what it reads."""
        text, state, statements = self._class(program, name, "", blocks, "")
        said = "\n".join(documented("Network that gives", program, statements.arguments, "    "))
        return bare(text.replace('    """"""', said, 1)), state, list(statements.arguments.values())

    def _class(
        self, program: Program, name: str, doc: str, blocks: Blocks, more: str, *, inner: bool = False
    ) -> tuple[str, dict[str, NDArray[Any]], Statements]:
        program = looped(program, blocks, lambda uses, flow: _reads_last(uses[0].inner, flow) == self.lasts[uses[0]])
        modules = Modules(program.arrays)
        names = members_of(program)

        def write(call: Call) -> str | Repeated:
            op = call.operation.op
            if isinstance(op, Use):
                text = f"{self._used(op, names[op], blocks, modules)}({', '.join(_read(op, call))})"
                return Last(text) if self.lasts[op] else text
            if isinstance(op, Loop):
                return self._loop(op, names[op], _read(op.uses[0], call), blocks, modules)
            return EMITTERS[type(op)](op, call, modules)

        statements = Statements.of(
            program,
            write,
            prepare=_prepared,
            follow=follow,
            reserved=_RESERVED | self.helpers,
            lasts=frozenset(i for i in range(len(program.inputs)) if inner and _reads_last(program, i)),
        )
        if inner:
            lines, given = statements.ended(returned(statements.outputs))
        elif len(program.outputs) == 1:
            (made,) = statements.outputs.values()
            lines, given = statements.ended(made, shapes=True)
            given = first(Last(given) if isinstance(made, Last) else given, len(program.outputs[0].shape))
        else:
            shapes = {output.name: output.shape for output in program.outputs}
            lines, given = statements.ended(
                returned({name: first(text, len(shapes[name])) for name, text in statements.outputs.items()}),
                shapes=True,
            )
        reads = "".join(f", {argument}: Tensor" for argument in statements.arguments.values())
        kind = "Tensor" if len(program.outputs) == 1 else "dict[str, Tensor]"
        init = [
            f"    def __init__(self{more}) -> None:",
            "        super().__init__()",
            *(f"        self.{attribute} = {text}" for attribute, text in modules.lines.items()),
            "",
        ]
        text = [
            f"class {name}(nn.Module):",
            f'    """{doc}"""',
            "",
            *(init if modules.lines else []),
            f"    def forward(self{reads}) -> {kind}:",
            *(f"        {line}" for each in lines for line in each.split("\n")),
            f"        return {given}",
        ]
        return "\n".join(text), modules.ordered_state(), statements

    def _used(self, use: Use, name: str, blocks: Blocks, modules: Modules) -> str:
        """Return the expression of a block as a module."""
        state = self.states[use]
        return modules.block(name, _made(blocks.of[use]), {"": state}, _key(use))

    def _loop(self, loop: Loop, name: str, reads: Sequence[str], blocks: Blocks, modules: Modules) -> str | Repeated:
        """Return several blocks in a row: `nn.Sequential` where each reads only the one before."""
        called = [blocks.of[use] for use in loop.uses]
        variable, values = turns(called)
        if variable:
            made = _made(
                Block(
                    called[0].name,
                    called[0].arguments,
                    tuple(
                        variable if argument == variable else value
                        for argument, value in zip(called[0].arguments, called[0].values, strict=True)
                    ),
                )
            )
        else:
            made = _made(called[0])
        rounds = f"{made} for {variable or '_'} in {values}"
        states = {f"{i}.": self.states[use] for i, use in enumerate(loop.uses)}
        key = tuple(path for use in loop.uses for path in _key(use))
        if len(reads) == 1:
            text = f"{modules.block(name, f'nn.Sequential(*({rounds}))', states, key)}({reads[0]})"
            return Last(text) if self.lasts[loop.uses[0]] else text
        attribute = modules.block(name, f"nn.ModuleList({rounds})", states, key)
        before, after = reads[: loop.flow], reads[loop.flow + 1 :]
        return Repeated(
            f"for block in {attribute}:",
            lambda x: f"block({', '.join([*before, x, *after])})",
            loop.flow,
            self.lasts[loop.uses[0]],
        )


def _reads_last(program: Program, value: int) -> bool:
    """Return whether a block wants the channels (or features) of what it reads last: what reads it first does."""
    for operation in program.graph.operations:
        if value not in operation.inputs:
            continue
        op, place = operation.op, operation.inputs.index(value)
        use = op.uses[0] if isinstance(op, Loop) else op
        if isinstance(use, Use):
            return _reads_last(use.inner, place)
        if isinstance(op, EITHER):
            return _reads_last(program, operation.output)
        return isinstance(op, NATIVE) and _is_wide(operation, place)
    return False


def _is_wide(operation: Operation, place: int) -> bool:
    """Return whether what an operation reads at a place has features, and does not say which positions are padding."""
    wide = 2 if isinstance(operation.op, CrossAttention | MaskedCrossAttention) else 1
    return place < wide


def _read(use: Use, call: Call) -> list[str]:
    """Return what a block reads, each as it wants it."""
    return [call.lasts[i] if _reads_last(use.inner, i) else call.reads[i] for i in range(len(call.given))]


def _finished(text: str, arguments: Sequence[str]) -> str:
    """Return the class of a block, which keeps those of its arguments that it reads when it is called."""
    init, _, forward = text.partition("    def forward")
    kept = [argument for argument in arguments if re.search(rf"\b{argument}\b", forward)]
    for argument in kept:
        forward = re.sub(rf"\b{argument}\b", f"self.{argument}", forward)
    lines = "".join(f"        self.{argument} = {argument}\n" for argument in kept)
    start = "        super().__init__()\n"
    return f"{init.replace(start, start + lines, 1)}    def forward{forward}"


def _key(use: Use) -> tuple[str, ...]:
    return tuple(f"{use.name}/{path}" for path in use.inner.arrays)


def _made(block: Block) -> str:
    return f"{block.name}({', '.join(block.values)})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _block_name(kind: str, network: str) -> str:
    name = "".join(_capital(word) for word in re.split(r"[^A-Za-z0-9]+", kind))
    return f"{name}Block" if name == network else name if name[:1].isalpha() else f"Block{name}"


def _class_name(said: str, taken: set[str]) -> str:
    words = re.split(r"[^A-Za-z0-9]+", said)
    name = "".join(map(_capital, words))
    fits = name[:1].isalpha() and name not in {
        *taken,
        "F",
        "Path",
        "Tensor",
        "True",
        "False",
        "None",
        "LABELS",
        "WEIGHTS",
    }
    return name if fits else f"Network{name}"


def _prepared(given: Input, name: str) -> str:
    if given.kind != "bytes":
        return name
    return scaled(given, f"{name}.float()", lambda n: f"torch.tensor({n}, device={name}.device)[:, None, None]")
