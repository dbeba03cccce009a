"""The Network: what the user declared, validated and frozen, to and from JSON, without places in a text."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from netspec.diagnostics.diagnostic import NetspecError, listing
from netspec.ir.data_source import DataSource, FileName
from netspec.ir.recipe import Compile, Recipe
from netspec.layers import AnyLayer
from netspec.recipe.catalog import find
from netspec.recipe.initializers import AnyInitializer, XavierUniform, Zeros
from netspec.recipe.losses import AnyLoss, Loss
from netspec.schema.definition import Definition, option, positional
from netspec.schema.types import (
    Names,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Shape,
)

if TYPE_CHECKING:
    from netspec.graph.graph import Graph

__all__ = [
    "FORMAT",
    "INPUT",
    "Budget",
    "Freeze",
    "Init",
    "Input",
    "Network",
    "Node",
    "Output",
    "Rate",
    "parts_of",
]

FORMAT: Literal[2] = 2
"""Version of the JSON form; a reader refuses a newer one. In format 1 there was one input, and no name for it."""

INPUT = "input"
"""The name of an input that was given none."""

_NODE_NAME = r"^[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*$"


def _twice(names: Iterable[str]) -> str | None:
    """Return the first name that is there more than once."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def parts_of(name: str) -> list[str]:
    """Return a node's name and those of the blocks that it is in, the closest first: `a/b/c`, `a/b`, `a`."""
    pieces = name.split("/")
    return ["/".join(pieces[:n]) for n in range(len(pieces), 0, -1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


_Name = Annotated[str, Field(pattern=_NODE_NAME, max_length=500)]


class Input(_Model):
    """What flows into the network from outside: its name, and the shape of one example."""

    name: _Name = INPUT
    shape: Shape
    tokens: PositiveInt | None = None
    """Where it is a sequence of token numbers: how many different ones there are."""
    mask: NonNegativeInt | None = None
    """The token that stands where there is nothing: padding."""
    columns: Names = ()
    """Of a table the columns that it reads; all that no other reads where it is the only input."""

    @model_serializer(mode="wrap")
    def _without_columns(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = dump(self)
        return fields if self.columns else {name: value for name, value in fields.items() if name != "columns"}

    @model_validator(mode="after")
    def _tokens_in_a_row(self) -> "Input":
        if self.tokens and len(self.shape) != 1:
            raise ValueError(f"token numbers have one axis, their length, not {len(self.shape)}")
        if self.mask is not None and not self.tokens:
            raise ValueError("mask= names the token that is padding, and the input has no tokens: say tokens=")
        if self.mask is not None and self.tokens and self.mask >= self.tokens:
            raise ValueError(f"mask={self.mask} is no token: with tokens={self.tokens} they are 0 to {self.tokens - 1}")
        return self


class Output(_Model):
    """What the network gives: the name it goes by, the node that makes it, and how it is learned."""

    name: _Name
    node: _Name
    loss: AnyLoss | None = None
    """What is made small of it; that of the recipe, or what follows from its last layer, unless given."""
    weight: PositiveFloat = 1.0
    """By how much its loss counts in the sum."""
    target: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """What it is compared with; the target of its own name unless given."""

    @property
    def target_name(self) -> str:
        """The name of what it is compared with."""
        return self.target or self.name


class Node(_Model):
    """One layer in its place: its name, which its weights carry, and the nodes it reads."""

    name: _Name
    layer: AnyLayer
    inputs: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    share: _Name | None = None
    """The node whose weights it uses, in place of weights of its own."""


class Freeze(_Model):
    """A part whose weights stay as they are: a layer, or a use of a block; None for the whole network."""

    part: _Name | None = None
    until: PositiveInt | None = None
    """After how many epochs it is trained like the others; never unless given."""


class Rate(_Model):
    """A part that is trained at another learning rate: the recipe's times a factor."""

    part: _Name | None = None
    factor: PositiveFloat


class Init(Definition):
    """The network-wide initializers."""

    kind: Literal["init"] = "init"
    kernel: AnyInitializer = positional("initializer of all kernels that name none", XavierUniform)
    bias: AnyInitializer = option(Zeros, "initializer of all biases that name none")


Quantity = Literal["params", "flops", "memory", "inference_memory"]


class Budget(_Model):
    """A limit the network keeps: `assert params < 100k`. Memory is in bytes, FLOPs are those of one example."""

    quantity: Quantity
    relation: Literal["<", "<=", ">", ">="]
    limit: Annotated[int | float, Field(ge=0, allow_inf_nan=False)]

    @staticmethod
    def quantities() -> tuple[str, ...]:
        """Return what can be limited."""
        return get_args(Quantity)


class Network(_Model):
    """A declared network: layers by name, wiring, data and recipe. As good from JSON or Python as from text.

    Where there is one input, `Network(input=(1, 28, 28), tokens=None, …)` says it too, as format 1 of the JSON form.
    """

    format: Literal[2] = FORMAT
    name: Annotated[str, Field(min_length=1, max_length=200)] = "network"
    inputs: Annotated[tuple[Input, ...], Field(min_length=1, strict=False)]
    nodes: Annotated[tuple[Node, ...], Field(min_length=1, strict=False)]
    outputs: Annotated[tuple[Output, ...], Field(strict=False)] = ()
    """What the network gives; its last node unless given."""
    init: Init = Field(default_factory=Init)
    weights: FileName | None = None
    """The file of trained weights that a training starts from: a path in the spec's folder."""
    freeze: Annotated[tuple[Freeze, ...], Field(strict=False)] = ()
    unfreeze: Annotated[tuple[_Name, ...], Field(strict=False)] = ()
    """Parts of what is frozen that are trained. Of all that is said of a layer, the closest holds: what names itself,
    then the block that it is in, then the whole."""
    rates: Annotated[tuple[Rate, ...], Field(strict=False)] = ()
    data: DataSource | None = None
    recipe: Recipe = Field(default_factory=Recipe)
    compile: Compile = Field(default_factory=Compile)
    budgets: Annotated[tuple[Budget, ...], Field(strict=False)] = ()

    if TYPE_CHECKING:
        # For type checkers, which do not see that the validator below takes the short form of one input.
        def __init__(
            self, *, nodes: Iterable[Node], input: Iterable[int] = ..., tokens: int | None = ..., **fields: Any
        ) -> None: ...

    @model_validator(mode="before")
    @classmethod
    def _of_one_input(cls, given: Any) -> Any:
        """Read what says its one input under `input` and `tokens`: format 1, and programs in Python."""
        if not isinstance(given, Mapping) or given.get("format", 1) != 1 or isinstance(given.get("format"), bool):
            return given
        rest = {key: value for key, value in given.items() if key not in {"format", "input", "tokens"}}
        if "input" not in given:
            # Of format 2, or it is said what is missing.
            return given if "format" not in given else rest
        if "inputs" in given:
            raise ValueError("`input` and `inputs` both say what flows in: keep one")
        one = {"shape": given["input"], "tokens": given.get("tokens")}
        return {**rest, "inputs": ({"name": INPUT, **one},)}

    @field_validator("inputs")
    @classmethod
    def _named(cls, inputs: tuple[Input, ...]) -> tuple[Input, ...]:
        twice = _twice(i.name for i in inputs)
        if twice:
            raise ValueError(f"two inputs are named {twice!r}")
        return inputs

    @model_validator(mode="after")
    def _wired(self) -> "Network":
        """Every node reads nodes before it, so the order is one in which it can run; and all are read or outputs."""
        inputs = {i.name for i in self.inputs}
        known = {INPUT, *inputs}
        for node in self.nodes:
            if node.name in known:
                same = "a node and an input" if node.name in inputs | {INPUT} else "two nodes"
                raise ValueError(f"{same} are named {node.name!r}")
            missing = [i for i in node.inputs if i not in known or (i == INPUT and i not in inputs)]
            if missing:
                raise ValueError(f"node {node.name!r} reads {missing[0]!r}, which no node before it is named")
            if len(node.inputs) > (2 if node.layer.second else 1) and not node.layer.merges:
                most = f"one, and one as {node.layer.second}" if node.layer.second else "one"
                raise ValueError(f"node {node.name!r} reads several nodes, but {node.layer.canonical()} reads {most}")
            if len(node.inputs) < 2 and node.layer.merges:
                raise ValueError(f"node {node.name!r} reads one node, but {node.layer.canonical()} merges several")
            if node.share is not None and (node.share not in known or node.share in inputs):
                raise ValueError(
                    f"node {node.name!r} shares the weights of {node.share!r}, and no node before it is that"
                )
            if node.share is not None and not node.layer.has_weights:
                raise ValueError(f"node {node.name!r} shares weights, and {node.layer.canonical()} has none")
            known.add(node.name)
        self._require_outputs(inputs, known - inputs - {INPUT})
        self._require_parts()
        read = {i for node in self.nodes for i in node.inputs}
        unread = known - read - inputs - {INPUT} - {o.node for o in self.all_outputs}
        if unread:
            fix = "make it an output too" if self.outputs else "a network has one output, its last node"
            raise ValueError(f"no node reads {min(unread)!r}: {fix}")
        idle = sorted(inputs - read)
        if idle:
            raise ValueError(f"no node reads the input {idle[0]!r}")
        return self

    def _require_outputs(self, inputs: set[str], nodes: set[str]) -> None:
        """Raise ValueError where an output has a name that is taken, or is no node."""
        twice = _twice(o.name for o in self.outputs)
        if twice:
            raise ValueError(f"two outputs are named {twice!r}")
        for output in self.outputs:
            if output.name in inputs:
                raise ValueError(f"an input and an output are named {output.name!r}")
            if output.node not in nodes:
                raise ValueError(f"the output {output.name!r} is {output.node!r}, which no node is named")

    def _require_parts(self) -> None:
        """Raise ValueError where what is frozen, or has a rate of its own, is no part, or is named twice."""
        if not (self.freeze or self.unfreeze or self.rates):
            return
        parts = self.parts()
        for what, named in (
            ("frozen or not", [*(f.part for f in self.freeze), *self.unfreeze]),
            ("given a rate", [r.part for r in self.rates]),
        ):
            twice = _twice(part or "all" for part in named)
            if twice:
                raise ValueError(f"{twice!r} is {what} twice")
            lost = [part for part in named if part is not None and part not in parts]
            if lost:
                raise ValueError(f"{lost[0]!r} is to be {what}, and no node is named that")

    def parts(self) -> set[str]:
        """Return the names of what can be frozen: of the nodes, and of the uses of blocks that these are in."""
        return {part for node in self.nodes for part in parts_of(node.name)}

    def __repr__(self) -> str:
        # Another look upward: what an interpreter shows has the shapes in it.
        from netspec.describe.summary import network_summary  # noqa: PLC0415

        return network_summary(self)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from netspec.notebook.show import network_html  # noqa: PLC0415

        return network_html(self)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> "Network":
        """Return a copy with some fields replaced, which nothing is checked of; of one input also `input`, `tokens`."""
        changed = dict(update or {})
        one = {field: changed.pop(key) for key, field in (("input", "shape"), ("tokens", "tokens")) if key in changed}
        if one:
            changed["inputs"] = (self._one_input().model_copy(update=one),)
        return super().model_copy(update=changed, deep=deep)

    @property
    def all_outputs(self) -> tuple[Output, ...]:
        """What the network gives: the outputs as declared, else its last node."""
        if self.outputs:
            return self.outputs
        last = self.nodes[-1].name
        return (Output.model_construct(name=last, node=last),)

    def stated_loss(self, output: str) -> Loss | None:
        """Return the loss that is stated for an output: its own, else that of the recipe, for all that have none."""
        own = next((o.loss for o in self.outputs if o.name == output), None)
        return own or self.recipe.loss

    @property
    def input(self) -> tuple[int, ...]:
        """The shape of the one input; raises NetspecError where there are several."""
        return self._one_input().shape

    @property
    def tokens(self) -> int | None:
        """How many tokens the one input may be; raises NetspecError where there are several inputs."""
        return self._one_input().tokens

    def _one_input(self) -> Input:
        if len(self.inputs) != 1:
            names = listing([i.name for i in self.inputs], "and")
            raise NetspecError(f"the network has several inputs: {names}", "each is in network.inputs")
        return self.inputs[0]

    def input_named(self, name: str) -> Input | None:
        """Return the input of a name; None where no input is called that."""
        return next((i for i in self.inputs if i.name == name), None)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of one picture, (C, H, W): the input, or the images that are read as a row or a sequence."""
        if len(self.inputs) > 1:
            return ()
        info = find(self.data.name) if self.data and len(self.input) < 3 else None
        return info.shape if info and prod(info.shape) == prod(self.input) else self.input

    @property
    def reads_images(self) -> bool:
        """Whether its examples are images."""
        return len(self.inputs) == 1 and not self.tokens and len(self.image_shape) == 3

    @property
    def reads_volumes(self) -> bool:
        """Whether its examples are volumes, channels x depth x height x width."""
        return len(self.inputs) == 1 and len(self.input) == 4

    def reads_file(self, given: Input) -> bool:
        """Return whether an input is, of a table, what a file holds: a picture, or a sound where the data has some."""
        of_sound = self.data is not None and self.data.sound is not None and len(given.shape) == 2
        return len(given.shape) == 3 or of_sound

    def varies(self, shape: tuple[int, ...]) -> bool:
        """Return whether `augment` changes inputs of a shape: images, spectrograms or waveforms."""
        sound = self.data.sound if self.data else None
        return len(shape) == 3 or (sound is not None and shape == sound.shape)

    @property
    def reads_sounds(self) -> bool:
        """Whether a sound in a file is an example."""
        return len(self.inputs) == 1 and self.data is not None and self.data.sound is not None

    @property
    def reconstructs(self) -> bool:
        """Whether it learns to give its own input again, and no class."""
        return self.data is not None and self.data.target == "input" and not self.compares_nothing

    @property
    def compares_nothing(self) -> bool:
        """Whether the losses of all its outputs are of these alone, as `triplet` and `kl` are."""
        losses = [self.stated_loss(output.name) for output in self.all_outputs]
        return all(loss is not None and not loss.compares for loss in losses)

    @property
    def needs_targets(self) -> bool:
        """Whether data has to say what outputs are compared with: that is neither the input nor nothing."""
        return not (self.reconstructs or self.compares_nothing)

    @property
    def classifies(self) -> bool:
        """Whether it is known to learn the classes of a dataset."""
        if self.data is None or self.data.is_table:
            return False
        return self.data.target == "label" or bool(self.data.target_arrays)

    def at_once(self, batch: int) -> int:
        """Return how many examples inference computes at once for a batch: all views of them, where they are few."""
        return self.data.views.together(batch) if self.data and self.data.views else batch

    def graph(self) -> "Graph":
        """Return the operations, shapes, parameters and costs; raises SpecError where shapes do not fit."""
        # A look upward: `net.graph()` is what people type, tracing lives on the next floor.
        from netspec.graph.trace import trace  # noqa: PLC0415

        self.require_valid()
        return trace(self)

    @cached_property
    def folder(self) -> Path | None:
        """The folder of the spec file that it was read from, which its paths are relative to; None of other networks.

        It is no part of the network: that is equal to one from elsewhere, and its JSON does not have it.
        """
        return None

    def read_from(self, folder: Path | None) -> "Network":
        """Return the same network as one that was read from a file in a folder."""
        made = self.model_copy()
        made.__dict__["folder"] = folder  # where `cached_property` keeps it
        return made

    def require_valid(self) -> None:
        """Raise NetspecError where the network was changed to what it cannot be: `model_copy` looks at no value."""
        change = 'settings change with ns.load(path, set={"train.epochs": 3}); model_copy(update=…) checks nothing'
        try:
            Network.model_validate(self.model_dump(warnings=False))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "network"
            raise NetspecError(f"the network is not valid: {where}: {first['msg']}", change) from None
        except Exception:  # whatever a value of a wrong type leads Pydantic to
            raise NetspecError("the network is not valid: a part of it is of a wrong type", change) from None
