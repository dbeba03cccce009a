"""Shared weights: which node owns what another one uses, and whether it fits."""

from __future__ import annotations

from dataclasses import dataclass, field

from netspec.diagnostics.diagnostic import Places, Related, listing
from netspec.ir.network import Network
from netspec.layers.base import Role, Weight
from netspec.layers.dense import Dense
from netspec.layers.sequence import Embedding
from netspec.ops import Shape, ShapeError, format_shape

__all__ = ["Owners"]


@dataclass(slots=True)
class _Owned:
    """What a node declared: each weight by name, and its role."""

    weights: dict[str, tuple[Weight, Role]] = field(default_factory=dict)


class Owners:
    """The weights of a network by the nodes that own them, while it is traced.

    A node with `share` uses the weights of the node it names, or of whichever that one uses: all of them, of the same
    shapes, by a layer of the same kind. An `fc` may use the vectors of an `embedding` as its kernel; its bias is then
    its own.
    """

    def __init__(self, network: Network, places: Places) -> None:
        self._layers = {node.name: node.layer for node in network.nodes}
        self._owners: dict[str, str] = {}
        for node in network.nodes:
            if node.share is not None:
                # A chain ends at the first: nodes share with nodes before them.
                self._owners[node.name] = self._owners.get(node.share, node.share)
        self._places = places
        self._owned: dict[str, _Owned] = {}
        self._used: dict[str, set[str]] = {}

    def owner(self, node: str) -> str | None:
        """Return the node whose weights a node uses; None where they are its own."""
        return self._owners.get(node)

    def declare(self, node: str, weight: Weight, role: Role) -> None:
        """Note that a weight belongs to a node."""
        self._owned.setdefault(node, _Owned()).weights[weight.path.rpartition("/")[2]] = (weight, role)

    def shared(self, node: str, name: str, shape: Shape, role: Role) -> Weight | None:
        """Return the weight of another node that stands for one of this node; None where it is to have its own.

        Raises:
            ShapeError: it uses the weights of another node, and that has none like it.
        """
        owner = self._owners.get(node)
        if owner is None:
            return None
        self._require_kind(node, owner)
        if self._tied(node, owner):
            if name != "kernel":
                return None
            name = "weight"
        found = self._owned.get(owner, _Owned()).weights.get(name)
        if found is None or found[1] != role:
            raise ShapeError(
                "E0315",
                f"{node} shares the weights of {owner}, which has no {name}",
                f"write both layers alike, or leave `share={owner}` out",
            )
        if found[0].shape != shape:
            raise ShapeError(
                "E0315",
                f"{node} shares the weights of {owner}, but needs a {name} of {format_shape(shape)}, "
                f"and that is {format_shape(found[0].shape)}",
                self._fitting(node, owner),
            )
        self._used.setdefault(node, set()).add(name)
        return found[0]

    def require_all_used(self, node: str) -> None:
        """Raise ShapeError where a node leaves a part of the weights that it shares unused."""
        owner = self._owners.get(node)
        if owner is None:
            return
        self._require_kind(node, owner)
        left = [name for name in self._owned.get(owner, _Owned()).weights if name not in self._used.get(node, ())]
        if left:
            raise ShapeError(
                "E0315",
                f"{node} shares the weights of {owner}, but has no use for its {listing(left, 'and')}",
                f"write both layers alike, or leave `share={owner}` out",
            )

    def related(self, node: str, error: ShapeError) -> list[Related]:
        """Return where the weights were declared, for a mistake in sharing them."""
        owner = self._owners.get(node)
        place = self._places.get(owner) if owner and error.code == "E0315" else None
        return [Related(place.span, "its weights are declared here")] if place else []

    def _require_kind(self, node: str, owner: str) -> None:
        own, other = self._layers[node], self._layers[owner]
        if type(own) is not type(other) and not self._tied(node, owner):
            tied = " (an `fc` can also share the vectors of an `embedding`)" if isinstance(own, Dense) else ""
            raise ShapeError(
                "E0315",
                f"{node} is `{own.canonical()}`, and shares the weights of {owner}, which is `{other.canonical()}`",
                f"share with a layer of the same kind{tied}, or leave `share={owner}` out",
            )

    def _tied(self, node: str, owner: str) -> bool:
        return isinstance(self._layers[node], Dense) and isinstance(self._layers[owner], Embedding)

    def _fitting(self, node: str, owner: str) -> str:
        """Return what would make the weights fit."""
        if self._tied(node, owner):
            layer = self._layers[node]
            if isinstance(layer, Dense) and not layer.pointwise:
                return "give the `fc` the word `pointwise`: it then takes the product at each position"
            return "an `fc` that shares with an `embedding` reads its width and gives one output for each token"
        return "let both read values of the same size, and write both layers alike"
