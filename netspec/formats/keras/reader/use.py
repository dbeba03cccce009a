"""One use of a layer of Keras: its arguments, each looked at before it is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netspec.formats.keras.reader.config import Call, Entry
from netspec.formats.reading import Array, Piece, Place
from netspec.ops import Shape

__all__ = ["RefusedError", "Use", "short"]

_WORDS = """
name trainable dtype batch_input_shape batch_shape input_shape input_dtype input_dim input_length seed implementation
unroll time_major data_format dim_ordering synchronized fused autocast sparse ragged shared_object_id lora_rank
lora_alpha consume_less noise_shape unit_forget_bias stateful dropout recurrent_dropout build_config
zero_output_for_mask cudnn_ok use_cudnn flash_attention renorm_clipping renorm_momentum activity_regularizer
quantization_config dtype_policy
"""
_IGNORED = frozenset(_WORDS.split())
"""Arguments that say nothing of what is computed, or that are looked at where they do."""

_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")


_LARGEST = 1e30


class RefusedError(Exception):
    """A layer that is not understood: what of it, and what could stand for it."""

    def __init__(self, what: str, instead: str = "") -> None:
        super().__init__(what)
        self.what, self.instead = what, instead


@dataclass(eq=False, slots=True)
class Use:
    """One use of a layer: its arguments, each with what it is unless given.

    Attributes:
        entry: the layer.
        key: of the layer, with the models that it is in.
        call: what it reads.
        place: in the file.
        version: of Keras, the first number.
        old: whether Keras is older than 2.3, the first that places pixels as everyone does today.
        pieces: those of the first use, in order, where this is a further one.
        made: those of this use.
        read: the arguments that were asked for.
        ahead: the shape that the row of a fully connected layer gets further on, in Keras' order; empty for none.
    """

    entry: Entry
    key: tuple[str, ...]
    call: Call
    place: Place
    version: int
    old: bool = False
    pieces: Sequence[Piece] = ()
    made: list[Piece] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    ahead: Shape = ()

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument."""
        self.read.add(name)
        found = self.entry.config.get(name)
        return default if found is None else found

    def whole(self, name: str, default: int | None = None) -> int:
        """Return a whole number; raises RefusedError for anything else."""
        value = self.get(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise RefusedError(f"{name}={short(value)} is no whole number")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Return a number."""
        value = self.get(name, default)
        # An older Keras saved arrays of NumPy so.
        if isinstance(value, dict) and isinstance(value.get("value"), int | float):
            value = value["value"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
            raise RefusedError(f"{name}={short(value)} is no number")
        return float(f"{value:.7g}")

    def numbers(self, name: str, default: float) -> Array:
        """Return a number, or a list of some, as they stand."""
        value = self.get(name, default)
        each = value if isinstance(value, list) else [value]
        if not each or not all(isinstance(v, int | float) and abs(v) < _LARGEST for v in each):
            raise RefusedError(f"{name}={short(value)} are no numbers")
        return np.asarray(each, np.float64)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return whether something is so."""
        value = self.get(name, default)
        if not isinstance(value, bool | int):
            raise RefusedError(f"{name}={short(value)} is neither true nor false")
        return bool(value)

    def word(self, name: str, default: str) -> str:
        """Return a word."""
        value = self.get(name, default)
        if not isinstance(value, str):
            raise RefusedError(f"{name}={short(value)} is no word")
        return value

    def sizes(self, name: str, count: int, default: int | None = None) -> tuple[int, ...]:
        """Return as many whole numbers, of which one stands for all."""
        value = self.get(name, default)
        value = [value] * count if isinstance(value, int) else value
        if value is None:
            raise RefusedError(f"it has no {name}")
        if not isinstance(value, list) or len(value) != count or not all(isinstance(v, int) for v in value):
            raise RefusedError(
                f"{name}={short(value)} {'is no whole number' if count < 2 else 'are no 2 whole numbers'}"
            )
        return tuple(value)

    def within(self, kind: str, config: Mapping[str, Any]) -> Use:
        """Return the use of a layer that this one is made of, or of what it is called otherwise."""
        entry = Entry(kind, self.entry.name, config)
        return Use(entry, self.key, self.call, self.place, self.version, self.old, self.pieces, self.made)

    def unread(self) -> list[str]:
        """Return the arguments that nothing is known of and that say something."""
        return [
            name
            for name, value in self.entry.config.items()
            if name not in self.read
            and name not in _IGNORED
            and not name.endswith(_OF_TRAINING)
            and value not in (None, False, "", 0, [], {})
        ]


def short(value: object) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
