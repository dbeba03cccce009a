"""Reads the pickles that PyTorch writes, and builds tensors, texts, numbers and their collections: nothing else.

Nothing is imported, called or given attributes because a file says so. An opcode names a class or a function; those of
the few names below have a meaning here, each other one is refused by its name. What is built takes some times the bytes
of the pickle and no more, for nothing that is remembered is copied; who reads the result goes no deeper than needed.
"""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from netspec.formats.reading import ModelImportError
from netspec.formats.torch.pickle_names import (
    CALLS,
    SAVE,
    Name,
    Scripted,
    is_known,
    is_scripted,
    ordered,
    pairs,
    refusal,
)
from netspec.formats.torch.tensors import TensorError

__all__ = ["MAX_BYTES", "Persistent", "read_pickle"]

MAX_BYTES = 64_000_000
"""Of a pickle: names, shapes and settings. The numbers lie beside it."""

_MOST_OPCODES = 2_000_000
_MOST_COPIED = 200_000

Persistent = Callable[[Any], Any]
"""What an id of something that lies outside of the pickle stands for."""


class _Mark:
    """Where a collection begins on the stack."""


_MARK = _Mark()


class _DamagedError(Exception):
    """The pickle is not well formed."""


def read_pickle(data: memoryview, file: str, persistent: Persistent) -> tuple[Any, int]:
    """Return what the first pickle in some bytes holds, and how many bytes it has.

    Args:
        data: begins with it.
        file: the name of the file, for messages.
        persistent: tells what lies outside of it.

    Raises:
        ModelImportError: when it is damaged, or names what is none of PyTorch's tensors.
    """
    stream = io.BytesIO(data[: MAX_BYTES + 1])
    try:
        return _Reading(file, persistent).run(stream), stream.tell()
    except (_DamagedError, TensorError) as error:
        raise ModelImportError(f"{file} is damaged: {error}", "copy it again from where it was whole") from None
    except (ValueError, IndexError, KeyError, TypeError, UnicodeDecodeError, OverflowError):
        raise ModelImportError(f"{file} is damaged: its pickle ends too early or says nonsense", _AGAIN) from None


_AGAIN = "copy it again from where it was whole"


class _Reading:
    def __init__(self, file: str, persistent: Persistent) -> None:
        self.file, self.persistent = file, persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.copied = 0

    def run(self, stream: io.BytesIO) -> Any:
        # Python warns of an escape that it does not know, as a damaged text may have.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return self._run(stream)

    def _run(self, stream: io.BytesIO) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > _MOST_OPCODES:
                raise _DamagedError(f"its pickle has more than {_MOST_OPCODES:,} opcodes")
            name = opcode.name
            if name == "STOP":
                return self.pop()
            if name in _PLAIN:
                self.stack.append(argument)
            elif name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name]())
            elif handler := _HANDLERS.get(name):
                handler(self, argument)
            elif name not in {"PROTO", "FRAME"}:
                raise ModelImportError(f"{self.file}: the opcode {name} of its pickle is not read", SAVE)
        raise _DamagedError("its pickle does not end")

    # --- the stack ----------------------------------------------------------------------------------------------

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise _DamagedError("its pickle takes what is not there")
        return self.stack.pop()

    def drop(self) -> None:
        if not self.stack:
            raise _DamagedError("its pickle takes what is not there")
        del self.stack[-1]

    def drop_to_mark(self) -> None:
        self.to_mark()

    def twice(self) -> None:
        value = self.pop()
        self.stack += [value, value]

    def top(self, kind: type[Any]) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise _DamagedError("its pickle adds to what is no collection")
        return self.stack[-1]

    def to_mark(self) -> list[Any]:
        found: list[Any] = []
        while self.stack:
            value = self.stack.pop()
            if value is _MARK:
                return found[::-1]
            found.append(value)
        raise _DamagedError("its pickle takes what is not there")

    # --- collections --------------------------------------------------------------------------------------------

    def add_tuple(self, values: list[Any]) -> None:
        self.stack.append(tuple(values))

    def add_tuple_of(self, count: int) -> None:
        self.add_tuple([self.pop() for _ in range(count)][::-1])

    def add_list(self, values: list[Any]) -> None:
        self.stack.append(values)

    def extend(self, values: list[Any]) -> None:
        self.top(list).extend(values)

    def add_dict(self, values: list[Any]) -> None:
        self.stack.append({})
        self.set_items(values)

    def set_items(self, values: list[Any]) -> None:
        found = self.top(dict)
        if len(values) % 2:
            raise _DamagedError("its pickle has a name without a value")
        found.update(pairs(zip(values[::2], values[1::2], strict=True)))

    # --- what is outside, named or built ------------------------------------------------------------------------

    def named(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise _DamagedError("its pickle names what is no name")
        found = Name(module, name)
        if not is_known(found):
            raise ModelImportError(*refusal(self.file, found))
        self.stack.append(found)

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(arguments, tuple) or not isinstance(function, Name):
            raise _DamagedError("its pickle calls what is no function")
        self.stack.append(self.call(function, arguments))

    def call(self, function: Name, arguments: tuple[Any, ...]) -> Any:
        if is_scripted(function):
            return Scripted(str(function))
        made = CALLS.get((function.module, function.name))
        if made is None:
            raise ModelImportError(*refusal(self.file, function))
        if made is ordered and arguments:
            # What is remembered could be given again and again.
            self.copied += len(arguments[0])
            if self.copied > _MOST_COPIED:
                raise _DamagedError("its pickle copies the same again and again")
        return made(*arguments)

    def new(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise _DamagedError("its pickle builds what is no class")
        self.stack.append(self.call(function, arguments))

    def build(self) -> None:
        state, target = self.pop(), self.stack[-1] if self.stack else None
        if isinstance(target, Scripted) and isinstance(state, dict):
            target.state = state
        # Attributes such as `_metadata` of a state dict, or the byte order of a type, say nothing that is needed.

    def recall(self, index: Any) -> None:
        self.stack.append(self.memo[int(index)])

    def keep(self, index: Any) -> None:
        if not self.stack:
            raise _DamagedError("its pickle keeps what is not there")
        self.memo[int(index)] = self.stack[-1]

    def outside(self, given: Any) -> None:
        self.stack.append(self.persistent(given))


_PLAIN = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
_CONSTANTS: Mapping[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": list,
    "MARK": lambda: _MARK,
}
_HANDLERS: Mapping[str, Callable[[_Reading, Any], None]] = {
    "POP": lambda r, _: r.drop(),
    "POP_MARK": lambda r, _: r.drop_to_mark(),
    "DUP": lambda r, _: r.twice(),
    "TUPLE": lambda r, _: r.add_tuple(r.to_mark()),
    "TUPLE1": lambda r, _: r.add_tuple_of(1),
    "TUPLE2": lambda r, _: r.add_tuple_of(2),
    "TUPLE3": lambda r, _: r.add_tuple_of(3),
    "LIST": lambda r, _: r.add_list(r.to_mark()),
    "FROZENSET": lambda r, _: r.add_list(r.to_mark()),
    "APPEND": lambda r, _: r.extend([r.pop()]),
    "APPENDS": lambda r, _: r.extend(r.to_mark()),
    "ADDITEMS": lambda r, _: r.extend(r.to_mark()),
    "DICT": lambda r, _: r.add_dict(r.to_mark()),
    "SETITEM": lambda r, _: r.set_items([r.pop(), r.pop()][::-1]),
    "SETITEMS": lambda r, _: r.set_items(r.to_mark()),
    "PUT": lambda r, i: r.keep(i),
    "BINPUT": lambda r, i: r.keep(i),
    "LONG_BINPUT": lambda r, i: r.keep(i),
    "MEMOIZE": lambda r, _: r.keep(len(r.memo)),
    "GET": lambda r, i: r.recall(i),
    "BINGET": lambda r, i: r.recall(i),
    "LONG_BINGET": lambda r, i: r.recall(i),
    "GLOBAL": lambda r, given: r.named(*given.split(" ", 1)),
    "STACK_GLOBAL": lambda r, _: r.named(*[r.pop(), r.pop()][::-1]),
    "REDUCE": lambda r, _: r.reduce(),
    "NEWOBJ": lambda r, _: r.new(),
    "BUILD": lambda r, _: r.build(),
    "BINPERSID": lambda r, _: r.outside(r.pop()),
}
