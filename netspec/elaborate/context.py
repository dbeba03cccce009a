"""What is known at a line of a text while it is given its meaning, and the mistakes found so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from netspec.diagnostics.diagnostic import Diagnostic, Related, Span
from netspec.elaborate.evaluate import Scope

__all__ = ["Context", "Given"]


@dataclass(frozen=True, slots=True)
class Given:
    """What a use of a block gives one of its parameters, and where."""

    block: str
    span: Span
    fix: Callable[[], str]
    """What would be right; worked out only where something is wrong, as there may be thousands."""


@dataclass
class Context:
    """What binding knows and gathers: the names in scope, how one came here, and the diagnostics so far."""

    scope: Scope
    diagnostics: list[Diagnostic] = field(default_factory=list)
    uses: tuple[Related, ...] = ()
    """The uses of blocks and the includes that the current line is in, the outermost first."""
    seen: set[tuple[str, Span | None, str]] = field(default_factory=set)
    blocks: Mapping[str, Any] = field(default_factory=dict)
    """The blocks that are defined."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The labels that are known."""
    given: Mapping[str, Given] = field(default_factory=dict)
    """What the innermost use of a block gives its parameters."""
    overridden: frozenset[str] = frozenset()
    """The names of `let` whose values come from outside the text."""
    blamed: set[Span | str] = field(default_factory=set)
    """The arguments of uses, and the names from outside, that are already reported."""
    notes: list[Diagnostic] = field(default_factory=list)
    """What is right, and may be meant otherwise."""
    limit: int = 1_000
    """So many mistakes are noted, and no more."""
    full: bool = False
    """Whether there were more."""

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        label: str = "",
        fix: str = "",
        related: tuple[Related, ...] = (),
    ) -> None:
        """Note a mistake, as `report` does."""
        self.report(Diagnostic(code, message, span, label, (), fix, related))

    def report(self, mistake: Diagnostic) -> None:
        """Note a mistake; one in a block is noted once, not for each use, and one without a code is already noted."""
        code, message, span = mistake.code, mistake.message, mistake.span
        if code and not self.noted(code, message, span):
            self.full = len(self.diagnostics) >= self.limit
            if self.full:
                return
            self.seen.add((code, span, message))
            self.diagnostics.append(replace(mistake, related=(*mistake.related, *reversed(self.uses))))

    def note(self, message: str, span: Span, *, related: tuple[Related, ...] = ()) -> None:
        """Note what is no mistake, once for each place."""
        if not self.noted("", message, span) and len(self.notes) < self.limit:
            self.seen.add(("", span, message))
            self.notes.append(Diagnostic("", message, span, related=related))

    def noted(self, code: str, message: str, span: Span | None) -> bool:
        """Return whether a mistake is noted already."""
        return (code, span, message) in self.seen

    @contextmanager
    def within(self, use: Related, given: Mapping[str, Given] | None = None) -> Iterator[None]:
        """Enter a use of a block or an included file: every mistake in it names the use.

        Args:
            use: where it is.
            given: what the use gives the block's parameters; None where there are none, as in a file.
        """
        before = (self.uses, self.given)
        self.uses = (*self.uses, use)
        self.given = self.given if given is None else given
        try:
            yield
        finally:
            self.uses, self.given = before

    def extend(self, diagnostics: Iterable[Diagnostic], related: tuple[Related, ...]) -> None:
        """Note the mistakes of an included file."""
        chain = (*related, *reversed(self.uses))
        more = [replace(d, related=(*d.related, *chain)) for d in diagnostics]
        left = self.limit - len(self.diagnostics)
        self.full = self.full or len(more) > left
        self.diagnostics += more[:left]
