"""The names of nodes: given by a label, or by a kind and a number; and which node a label stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from netspec.diagnostics.diagnostic import Place, Related, listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.context import Context
from netspec.elaborate.evaluate import LabelledWord
from netspec.elaborate.scope import Scope
from netspec.syntax import ast

__all__ = ["MAX_NAME", "NodeNames", "TooLargeError", "place_of"]

MAX_NAME = 500
"""So many characters has the name of a node, with the blocks it is in."""

_MAX_LABEL = 200
_COMMANDS = frozenset({"init", "data", "train", "compile"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")


class TooLargeError(Exception):
    """The network has too many layers, or a name is too long; already reported."""


class NodeNames:
    """The names that nodes have so far.

    Attributes:
        places: where each name is given.
        labelled: the labels of nodes, by their names.
        outer: the labels around each block that is being used, the outermost first.
    """

    def __init__(self, context: Context, places: dict[str, Place]) -> None:
        self.context, self.places = context, places
        self.labelled: dict[str, str] = {}
        self.outer: list[Mapping[str, str]] = []

    def of(self, kind: str, command: ast.Command, scope: Scope) -> str:
        """Return the full name of a new node: by its label where that is free, else by its kind and number."""
        return self.of_label(command, scope) or self._numbered(kind, command, scope)

    def of_label(self, command: ast.Command, scope: Scope) -> str | None:
        """Return the full name that a label gives, where it is free."""
        if command.label is None:
            return None
        label = command.label
        name = f"{scope.frame.prefix}{label.text}{scope.suffix}"
        if len(name) > MAX_NAME:
            self._too_long(label)
            return None
        if label.text == "input" or not _NAME.fullmatch(name):
            message = "`input` names what flows in" if label.text == "input" else "this is no name for a layer"
            fix = f"letters, digits and _, at most {_MAX_LABEL} characters"
            self.context.error("E0214", message, label.span, fix="choose another" if label.text == "input" else fix)
            return None
        if name in _COMMANDS:
            # Places are kept by name, and these are the commands'; a later `train { }` would seem to be a second one.
            fix = "choose another: it is the name of a command"
            self.context.error("E0214", f"the name `{label.text}` is taken", label.span, fix=fix)
            return None
        taken = self.places.get(name)
        if taken:
            related = Related(taken.span, "this has it")
            fix = "choose another name"
            self.context.error("E0214", f"the name `{label.text}` is taken", label.span, fix=fix, related=(related,))
            return None
        return name

    def _numbered(self, kind: str, command: ast.Command, scope: Scope) -> str:
        """Return the full name of a kind and the first number that is free.

        Raises:
            TooLargeError: it is too long, which is reported.
        """
        frame = scope.frame
        if len(frame.prefix) + len(kind) > MAX_NAME - 8:
            self._too_long(command.name)
            raise TooLargeError
        while True:
            frame.counts[kind] += 1
            short = f"{kind}_{frame.counts[kind]}"
            if short not in frame.reserved and frame.prefix + short not in self.places:
                return frame.prefix + short

    def _too_long(self, name: ast.Name) -> None:
        message = f"the name of this layer, with the blocks it is in, has more than {MAX_NAME} characters"
        self.context.error("E0214", message, name.span, fix="give the blocks or their uses shorter names")

    def node(
        self,
        argument: ast.Argument,
        scope: Scope,
        none: str = "no layer before this",
        fix: str = "",
        example: str = "add c2",
    ) -> str | None:
        """Return the node that a word names.

        Args:
            argument: the word.
            scope: where it is written.
            none: what is said where there is none.
            fix: what would be right there, where that is known.
            example: how a label is read where it is written.
        """
        value = argument.value
        text = value.text if isinstance(value, ast.Word) else value.value if isinstance(value, ast.String) else ""
        if argument.key is not None or not text:
            fix = fix or f"for example `conv 64 3x3 as c2`, and later `{example}`"
            self.context.error("E0207", "a label is a word", argument.span, fix=fix)
            return None
        passed = scope.values.get(text)
        if isinstance(passed, LabelledWord):
            return passed.node
        if text in scope.labels:
            return scope.labels[text]
        fix = fix or self._hidden(text, scope) or self._label_fix(text, scope)
        self.context.error("E0215", f"{none} is labelled `{text}`", argument.span, fix=fix)
        return None

    def _hidden(self, text: str, scope: Scope) -> str:
        """Say why a label that was given is not known here."""
        prefix = scope.frame.prefix
        if any(text in labels for labels in self.outer):
            return f"`{text}` is outside: a block sees only its own labels and `input`"
        rounds = {f"{prefix}{text}", f"{prefix}{text}_1"} & self.labelled.keys()
        if rounds and "/" not in text:
            label = text if f"{prefix}{text}_1" in self.labelled else text.rpartition("_")[0]
            return f"`{label}` is known within its round only; label the layer behind the repetition"
        inner = next((n for n in self.labelled if n == text or n.endswith(f"/{text}")), "")
        use, _, label = inner.rpartition("/")
        if not use:
            return ""
        named = f"`{use}` stands for its last layer" if use in scope.labels else "label its use: that is its last layer"
        return f"`{label}` is known inside the block only; {named}"

    def _label_fix(self, text: str, scope: Scope) -> str:
        """Say what would be right in place of a label that there is not."""
        if scope.frame.prefix + text in self.places:
            return "give that layer a label: `… as a`; numbers change when lines are inserted"
        if text in scope.frame.reserved:
            return "the layer that carries it comes later, or is inside a repetition or an `if` that does not run"
        known = [name for name in scope.labels if name != "input"]
        near = nearest(text, scope.labels)
        fix = f"did you mean `{near}`?" if near else f"labelled are {listing(known, 'and')}" if known else ""
        return fix or f"label one: `conv 64 3x3 as {text}`"


def place_of(command: ast.Command, uses: tuple[Related, ...] = ()) -> Place:
    """Return where a command stands and its words, without bodies."""
    span = command.head
    # Of one line of a megabyte, with thousands of commands in it, each takes only its own part.
    end = span.end_column - 1 if span.end_line == span.line else None
    text = " ".join(span.source.line(span.line)[span.column - 1 : end][: 2 * _MAX_LABEL].split())
    return Place(span, text if len(text) <= _MAX_LABEL else f"{text[:_MAX_LABEL]}…", uses)
