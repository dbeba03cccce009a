"""How nodes are joined: layers in a row, ways that part and meet, blocks and their uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeAlias

from netspec.diagnostics.diagnostic import Place, Related
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.binder import bind
from netspec.elaborate.blocks import bind_parameters, given_at
from netspec.elaborate.context import Context
from netspec.elaborate.control import Rounds
from netspec.elaborate.limits import Expansion
from netspec.elaborate.node_names import NodeNames, TooLargeError, place_of
from netspec.elaborate.scope import Block, Scope, weight
from netspec.elaborate.spellings import SPELLINGS
from netspec.elaborate.suggestions import command_word, with_number
from netspec.layers import LAYERS
from netspec.layers.base import Broken, Layer
from netspec.syntax import ast
from netspec.syntax.printer import print_argument, print_value

__all__ = ["MAX_DEPTH", "MAX_NODES", "MAX_STEPS", "Placed", "Wiring"]

MAX_NODES = 100_000
"""A spec that expands to more layers is refused."""

MAX_STEPS = 400_000
"""So many commands are run, in all rounds of repetitions and all uses of blocks."""

MAX_DEPTH = 80
"""So deep may bodies, uses of blocks and includes be inside each other."""

Run: TypeAlias = Callable[[Iterable[ast.Command], Scope], None]
"""Gives some commands their meaning in a scope."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A layer in its place."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    share: str | None = None

    def reading(self, names: Mapping[str, str]) -> Placed:
        """Return the node with some of what it reads under other names."""
        return replace(self, inputs=tuple(names.get(name, name) for name in self.inputs))

    def without(self, source: str) -> Placed:
        """Return what stands in the node's place where what it reads is not known."""
        return replace(self, layer=Broken(), inputs=(source,), share=None)


@dataclass(slots=True)
class _Sharing:
    """A use of a block whose nodes share the weights of those of an earlier use."""

    prefix: str
    earlier: str
    argument: ast.Argument
    odd: str = ""
    """A node of this use that the earlier one has not."""


class Wiring:
    """The nodes so far, and the one that the next command reads (`cursor`)."""

    def __init__(self, context: Context, run: Run, places: dict[str, Place]) -> None:
        self.context, self.run, self.places = context, run, places
        self.nodes: list[Placed] = []
        self.kinds: dict[str, type[Layer]] = {}
        self.read: set[str] = set()
        self.cursor = "input"
        self.stack: list[Block] = []
        self.used: dict[str, Block] = {}
        self.names = NodeNames(context, places)
        self.silent: set[int] = set()
        self.steps = 0
        self.weights: dict[int, int] = {}
        self.expansion = Expansion(MAX_DEPTH)
        self.jumped: set[int] = set()
        """By their numbers, the nodes that begin with a `from`."""
        self.bound: dict[tuple[int, Any, int], Layer | None] = {}
        self.sharing: list[_Sharing] = []

    # --- layers -------------------------------------------------------------------------------------------------

    def layer(self, command: ast.Command, scope: Scope) -> None:
        """Put a layer behind the last one; its line is bound once for all places where it means the same."""
        key = (id(command), scope.key, scope.rebound)
        cls = LAYERS[command.name.text]
        arguments, share = self._apart(command.arguments, "share")
        arguments, second = self._apart(arguments, cls.second)
        if key not in self.bound:
            self.bound[key] = bind(cls, command.name, arguments, self.context)
            if self.bound[key] or not self._runs_on(command):
                self.no_body(command)
        layer = self.bound[key] or Broken()
        shared = self._shared(cls, share, scope) if share else None
        other = self._second(second, scope) if second else None
        good = (shared or not share) and (other or not second)
        sources = (self.cursor, other) if other else (self.cursor,)
        self.place(command, layer if good else Broken(), sources, scope, shared)

    def _second(self, argument: ast.Argument, scope: Scope) -> str | None:
        """Return what `memory=LABEL` names; None where there is none, which is reported."""
        key = argument.key.text if argument.key else ""
        return self.names.node(replace(argument, key=None), scope, example=f"{key}=c2")

    def _apart(self, arguments: Sequence[ast.Argument], key: str) -> tuple[Sequence[ast.Argument], ast.Argument | None]:
        """Return the arguments of a line but `KEY=LABEL`, and that; a second one of it is reported."""
        found = [a for a in arguments if key and a.key and a.key.text == key and a.relation == "="]
        for again in found[1:]:
            self.context.error("E0209", f"`{key}` is given twice", again.span, fix="keep one")
        return [a for a in arguments if a not in found] if found else arguments, found[0] if found else None

    def _shared(self, cls: type[Layer], argument: ast.Argument, scope: Scope) -> str | None:
        """Return the layer whose weights are shared: `share=words`; None where there is none, which is reported."""
        if not cls.has_weights:
            message = f"`{cls.canonical()}` has no weights that it could share"
            self.context.error("E0315", message, argument.span, fix=f"leave `{print_argument(argument)}` out")
            return None
        node = self.names.node(replace(argument, key=None), scope, example="share=c2")
        if node is not None and node not in self.kinds:
            message = f"`{print_value(argument.value)}` is an input, and has no weights"
            self.context.error("E0215", message, argument.span, fix="share the weights of a labelled layer")
            return None
        return node

    def merge(self, command: ast.Command, scope: Scope) -> None:
        """Join what flows in with the labelled values: `add c2`, `concat c2 c4`."""
        self.no_body(command)
        cls = LAYERS[command.name.text]
        if not command.arguments and command.name.span.line not in self.silent:
            fix = f"label a layer, `conv 64 3x3 as c2`, and name it: `{cls.canonical()} c2`"
            self.context.error("E0206", f"`{command.name.text}` needs a label", command.name.span, fix=fix)
        kind, values = cls.canonical(), scope.values
        labels = self._labels(command, scope)
        sources = [self.names.node(a, scope, fix=with_number(kind, a.value, values)) for a in labels]
        whole = [s for s in sources if s is not None]
        good = bool(whole) and len(whole) == len(command.arguments)
        spelling = SPELLINGS.get(command.name.text)
        for text, _ in spelling.remarks if good and spelling else ():
            self.context.note(f"`{command.name.text}`: {text}", command.name.span)
        if good:
            self._taken_twice(command, cls, whole)
        self.place(command, cls.model_validate({}) if good else Broken(), (self.cursor, *whole), scope)

    def _taken_twice(self, command: ast.Command, cls: type[Layer], sources: Sequence[str]) -> None:
        """Note a label of what flows in already: `concat a b` behind the layer `b` is b, a and b."""
        again = [a for a, source in zip(command.arguments, sources, strict=True) if source == self.cursor]
        others = [print_argument(a) for a in command.arguments if a not in again]
        # The product of a value with itself is its square.
        if again and (others or cls.canonical() != "multiply"):
            message = f"`{print_argument(again[0])}` flows in from the line above, and is taken a second time"
            once = f"; `{' '.join([command.name.text, *others])}` takes it once" if others else ""
            self.context.note(message + once, again[0].span)

    def _labels(self, command: ast.Command, scope: Scope) -> Sequence[ast.Argument]:
        """Return the arguments of a merge, up to a word that begins another command."""
        for at, argument in enumerate(command.arguments[1:], 1):
            word = argument.value.text if argument.key is None and isinstance(argument.value, ast.Word) else ""
            kind = command_word(word, self.context.blocks)
            if kind and word not in scope.labels:
                fix = f"put `;` before `{word}`"
                self.context.error("E0215", f"`{word}` is {kind} of its own, no label", argument.span, fix=fix)
                return command.arguments[:at]
        return command.arguments

    def jump(self, command: ast.Command, scope: Scope) -> None:
        """Go on from a labelled value: `from c2`."""
        self.no_body(command)
        if len(command.arguments) != 1:
            python = any(isinstance(a.value, ast.Word) and a.value.text == "import" for a in command.arguments)
            fix = (
                "a spec runs no code: write one layer a line, `conv 20 5x5 relu`" if python else "for example `from c2`"
            )
            self.context.error("E0206", "`from` needs one label", command.head, fix=fix)
            return
        source = self.names.node(command.arguments[0], scope)
        if source is None:
            self.place(command, Broken(), (self.cursor,), scope)
        else:
            self.cursor = source
            self.jumped.add(len(self.nodes))

    def broken(self, command: ast.Command, scope: Scope) -> None:
        """Stand in for a command that was not understood."""
        self.place(command, Broken(), (self.cursor,), scope)

    # --- ways that part and meet --------------------------------------------------------------------------------

    def residual(self, command: ast.Command, scope: Scope) -> None:
        """Add what a body makes of its input to that input, or to what a second body makes of it."""
        for argument in command.arguments[:1]:
            fix = "put it on a line of its own behind the `}`"
            self.context.error("E0205", "`residual` takes bodies only", argument.span, fix=fix)
        if not 1 <= len(command.bodies) <= 2:
            span = command.bodies[2].span if command.bodies else command.name.span
            fix = "`residual { layers }`, or with a second body for the shortcut"
            self.context.error("E0206", "`residual` needs one body or two", span, fix=fix)
            self.broken(command, scope)
            return
        start = self.cursor
        ends = [*self._ways(command.bodies, scope), start][:2]
        self.place(command, LAYERS["add"].model_validate({}), ends, scope)

    def branch(self, command: ast.Command, scope: Scope) -> None:
        """Run several bodies on one input and merge what they make: `branch { } { } concat`."""
        words = [a.value.text if a.key is None and isinstance(a.value, ast.Word) else "" for a in command.arguments]
        known = len(words) == 1 and words[0] in LAYERS and LAYERS[words[0]].merges
        if not known or len(command.bodies) < 2:
            merges = [cls.canonical() for cls in LAYERS.entries if cls.merges]
            near = nearest(words[0], merges) if words else None
            fix = f"did you mean `{near}`?" if near and not known else "`branch { … } { … } concat`"
            fix = self._merge_below(command) or fix
            message = "`branch` needs two bodies or more, then a merge such as add, multiply or concat"
            span = command.arguments[0].span if words and not known else command.name.span
            if words[1:] and words[0] in merges and len(command.bodies) > 1:
                message, span = f"`{words[0]}` merges the bodies and takes no more", command.arguments[1].span
                fix = f"put what follows on a line of its own behind `{words[0]}`"
            self.context.error("E0206", message, span, fix=fix)
            self._ways(command.bodies, scope)
            self.broken(command, scope)
            return
        self.place(command, LAYERS[words[0]].model_validate({}), self._ways(command.bodies, scope), scope)

    def _merge_below(self, command: ast.Command) -> str:
        """Return where the merge word belongs that stands below the last `}`, and leave that line silent."""
        end = command.bodies[-1].span.end_line if command.bodies and not command.arguments else 0
        below = command.name.span.source.line(end + 1).split("#")[0].split() if end else []
        if len(below) == 1 and below[0] in LAYERS and LAYERS[below[0]].merges:
            self.silent.add(end + 1)
            return f"`{below[0]}` belongs on the line of the last `}}`"
        return ""

    def _ways(self, bodies: Sequence[ast.Body], scope: Scope) -> list[str]:
        """Run each body from where the last one began; return their ends."""
        start, ends = self.cursor, []
        for body in bodies:
            self.cursor = start
            self.run(body.commands, scope.way(body))
            ends.append(self.cursor)
        self.cursor = start
        return ends

    def repeat(self, command: ast.Command, rounds: Rounds, scope: Scope) -> None:
        """Run a body several times, one behind the other, each time with its own values of the names of a `for`."""
        (body,) = command.bodies
        self._bounded(command, body, scope, rounds.count)
        for number, values in enumerate(rounds.values if body.commands else (), 1):
            self.run(body.commands, scope.round(body, number, values, rounds.named))

    # --- blocks -------------------------------------------------------------------------------------------------

    def use(self, command: ast.Command, scope: Scope) -> None:
        """Put a block's layers here: a name, a prefix for the names in it, and values for its parameters."""
        self.no_body(command)
        block = scope.blocks[command.name.text]
        # Told apart by identity: comparing what is in them takes as long as they are.
        again = next((at for at, b in enumerate(self.stack) if b.body is block.body), None)
        if again is not None:
            chain = " → ".join(f"`{b.name.text}`" for b in [*self.stack[again:], block])
            fix = "a block is built of other blocks and layers only; `repeat` makes many of one"
            self.context.error("E0216", f"the block uses itself: {chain}", command.name.span, fix=fix)
            self.broken(command, scope)
            return
        takes_share = any(p.key and p.key.text == "share" for p in block.parameters)
        arguments, share = (command.arguments, None) if takes_share else self._apart(command.arguments, "share")
        command = replace(command, arguments=tuple(arguments))
        values = bind_parameters(block, command, self.context)
        earlier = self._earlier_use(block, share, scope) if share else None
        if values is None or (share and earlier is None):
            self.broken(command, scope)
            return
        self._bounded(command, block.body, block.scope)
        self._count(command, block.weight)
        name = self.names.of(block.name.text, command, scope)
        self.places[name] = place_of(command, self.context.uses)
        self.used[name] = block
        first = len(self.nodes)
        self.stack.append(block)
        self.names.outer.append(scope.labels)
        if share and earlier:
            self.sharing.append(_Sharing(f"{name}/", f"{earlier}/", share))
        given = given_at(block, command, values, self.context)
        with self.context.within(Related(command.head, f"`{block.name.text}` is used here"), given):
            self.run(block.body.commands, block.scope.use(block, values, name, self.cursor))
        self.stack.pop()
        self.names.outer.pop()
        if share and earlier:
            self._require_twins(self.sharing.pop(), self.nodes[first:])
        if command.label:
            scope.labels[command.label.text] = self.cursor
            scope.uses[command.label.text] = name

    def _earlier_use(self, block: Block, share: ast.Argument, scope: Scope) -> str | None:
        """Return the use of a block whose weights another use of it shares, or None, which is reported."""
        value = share.value
        text = value.text if isinstance(value, ast.Word) else value.value if isinstance(value, ast.String) else ""
        use = scope.uses.get(text)
        if use is not None and self.used[use].body is block.body:
            return use
        if self.names.node(replace(share, key=None), scope) is not None:
            message = f"`{text}` is no use of `{block.name.text}`, and has other weights"
            fix = f"label the use that comes first, `{block.name.text} … as a`, and say `share=a`"
            self.context.error("E0315", message, share.span, fix=fix)
        return None

    def _require_twins(self, sharing: _Sharing, nodes: Sequence[Placed]) -> None:
        """Report a use that came out with other layers than the one whose weights it shares."""
        missing = len(nodes) < sum(1 for name in self.kinds if name.startswith(sharing.earlier))
        if sharing.odd or missing:
            earlier = sharing.earlier.rstrip("/")
            what = f"`{sharing.odd}`, and there is none like it" if sharing.odd else "fewer layers"
            message = f"this use has {what} in `{earlier}`, whose weights it shares"
            fix = "use the block with the same arguments in both places"
            self.context.error("E0315", message, sharing.argument.span, fix=fix)

    def _runs_on(self, command: ast.Command) -> bool:
        """Return whether a line goes on with another command, whose body is then no mistake of its own."""
        words = [a.value.text for a in command.arguments if a.key is None and isinstance(a.value, ast.Word)]
        return any(command_word(word, self.context.blocks) for word in words)

    # --- limits -------------------------------------------------------------------------------------------------

    def step(self, command: ast.Command) -> None:
        """Count a command that is run, one with thousands of arguments or bodies as many."""
        if id(command) not in self.weights:
            self.weights[id(command)] = 1 + weight(command.arguments) + len(command.bodies) // 4
        self._count(command, self.weights[id(command)])

    def _count(self, command: ast.Command, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            self._too_large(command, f"the spec expands to more than {MAX_STEPS:,} commands")

    def _bounded(self, command: ast.Command, body: ast.Body, scope: Scope, rounds: int = 1) -> None:
        """Refuse what would become too large before time is spent on it."""
        least = self.expansion.body(body, scope.blocks)
        if len(self.nodes) + rounds * least.nodes > MAX_NODES:
            self._too_large(command, f"this brings the network to more than {MAX_NODES:,} layers")
        if self.steps + rounds * least.steps > MAX_STEPS:
            self._too_large(command, f"this expands to more than {MAX_STEPS:,} commands")

    def _too_large(self, command: ast.Command, message: str) -> NoReturn:
        self.context.error("E0218", message, command.head, fix="use fewer repetitions")
        raise TooLargeError

    # --- nodes --------------------------------------------------------------------------------------------------

    def place(
        self, command: ast.Command, layer: Layer, inputs: Iterable[str], scope: Scope, share: str | None = None
    ) -> None:
        """Append a node, named by its label or by its kind and number."""
        if len(self.nodes) >= MAX_NODES:
            self._too_large(command, f"the network has more than {MAX_NODES:,} layers")
        name = self.names.of(layer.canonical(), command, scope)
        node = Placed(name, layer, tuple(inputs), share or self._twin(name, layer))
        self.nodes.append(node)
        self.kinds[name] = type(layer)
        self.read.update(node.inputs)
        self.places[name] = place_of(command, self.context.uses)
        self.cursor = name
        if command.label:
            scope.labels[command.label.text] = name
            self.names.labelled[name] = command.label.text

    def _twin(self, name: str, layer: Layer) -> str | None:
        """Return the node of an earlier use of a block whose weights this node shares, where its use shares them."""
        sharing = self.sharing[-1] if self.sharing else None
        if sharing is None or isinstance(layer, Broken):
            return None
        twin = sharing.earlier + name.removeprefix(sharing.prefix)
        if self.kinds.get(twin) is type(layer):
            return twin if layer.has_weights else None
        if self.kinds.get(twin) is not Broken:
            sharing.odd = sharing.odd or name
        return None

    def no_body(self, command: ast.Command) -> None:
        """Report a body where none belongs."""
        if command.bodies:
            message = f"`{command.name.text}` takes no body"
            self.context.error("E0211", message, command.bodies[0].span, fix="remove `{ … }`")
