"""The modules and parameters of a PyTorch network: how they are defined, and the arrays of their state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.formats.program import Arrays
from netspec.formats.python.expressions import identifier

__all__ = ["OF_MODULES", "Modules"]

_WORDS = """
add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr
float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia
named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer
register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule
share_memory state_dict to to_empty train training type xpu zero_grad T_destination
"""
OF_MODULES = frozenset(_WORDS.split())
"""What `nn.Module` calls its own."""


class Modules:
    """What `__init__` defines.

    Attributes:
        lines: the definition of each attribute, by its name.
        state: the arrays by the names of `state_dict`.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.lines: dict[str, str] = {}
        self.state: dict[str, NDArray[Any]] = {}
        self._places: dict[str, str] = {}
        self._lasts: set[str] = set()
        self._made: dict[tuple[str, ...], tuple[str, str]] = {}

    def module(
        self, name: str, text: str, paths: Mapping[str, str], more: Mapping[str, NDArray[Any]] | None = None
    ) -> str | None:
        """Return the expression of a module; None where another one holds some of its arrays.

        Args:
            name: that it gets, if it is free.
            text: its definition.
            paths: of its arrays, by their names in it.
            more: arrays that are none of the network's, by their names in it.
        """
        key = tuple(paths.values())
        if key and key in self._made:
            attribute, before = self._made[key]
            return f"self.{attribute}" if before == text else None
        if any(path in self._places for path in key):
            return None
        attribute = self._free(name)
        self.lines[attribute] = text
        self._made[key] = (attribute, text)
        for inner, path in paths.items():
            self._places[path] = f"{attribute}.{inner}"
            self.state[f"{attribute}.{inner}"] = self.arrays[path]
        for inner, array in (more or {}).items():
            self.state[f"{attribute}.{inner}"] = array
        return f"self.{attribute}"

    def block(
        self, name: str, text: str, states: Mapping[str, Mapping[str, NDArray[Any]]], key: tuple[str, ...]
    ) -> str:
        """Return the expression of a block, or of several in a row.

        Args:
            name: that it gets, if it is free.
            text: its definition.
            states: by what is put before their names in it: nothing, or a number and a dot.
            key: of its arrays.
        """
        if key in self._made:
            return f"self.{self._made[key][0]}"
        attribute = self._free(name)
        self.lines[attribute] = text
        self._made[key] = (attribute, text)
        for before, state in states.items():
            self.state |= {f"{attribute}.{before}{inner}": array for inner, array in state.items()}
        return f"self.{attribute}"

    def parameter(self, path: str, *, last: bool = False) -> str:
        """Return the expression of one array; it becomes a parameter of its own where no module holds it.

        Args:
            path: of the array.
            last: whether the channels (or features), its first axis, are wanted last.
        """
        if path not in self._places:
            node, _, name = path.rpartition("/")
            alone = sum(other.rpartition("/")[0] == node for other in self.arrays) == 1
            attribute = self._free(node if alone and name != "bias" else f"{node}_{name}")
            array = np.moveaxis(self.arrays[path], 0, -1) if last else self.arrays[path]
            self.lines[attribute] = f"nn.Parameter(torch.empty({', '.join(map(str, array.shape)) or '()'}))"
            self._places[path] = attribute
            self.state[attribute] = array
            if last:
                self._lasts.add(path)
        text = f"self.{self._places[path]}"
        if (path in self._lasts) == last:
            return text
        return f"{text}.movedim(0, -1)" if last else f"{text}.movedim(-1, 0)"

    def _free(self, name: str) -> str:
        base = identifier(name)
        base = f"{base}_layer" if base in OF_MODULES else base
        found, count = base, 1
        while found in self.lines:
            count += 1
            found = f"{base}_{count}"
        return found

    def ordered_state(self) -> dict[str, NDArray[Any]]:
        """Return the state by name: arrays of the network, or views of these."""
        return dict(sorted(self.state.items()))
