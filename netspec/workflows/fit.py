"""A training from end to end: its events shown as they come, and what came out of it as one value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

from netspec.backends.jax.model import Model, Variables
from netspec.diagnostics.diagnostic import NetspecError, plural
from netspec.training.events import Epoch, Event, Finished, Result

__all__ = ["Fitted", "fitted"]


@dataclass(frozen=True, slots=True, repr=False)
class Fitted(Result):
    """What a training came to: all that `Result` says, and the model.

    Attributes:
        model: the compiled network.
        variables: the trained arrays.
        folder: the run folder, if one was written.
        history: what was measured after each epoch, in their order.
    """

    model: Model = field(kw_only=True, repr=False)
    variables: Variables = field(kw_only=True, repr=False)
    folder: Path | None = field(kw_only=True, default=None)
    history: tuple[Epoch, ...] = field(kw_only=True, default=(), repr=False)

    def __repr__(self) -> str:
        accuracy = "" if self.test_accuracy is None else f"test accuracy {100 * self.test_accuracy:.2f} %, "
        kept = f", kept in {self.folder}" if self.folder else ""
        return (
            f"Fitted to {self.dataset}: {accuracy}test loss {self.test_loss:.4f} after {plural(self.epochs, 'epoch')} "
            f"(best: {self.best_epoch}), {self.seconds:.1f} s{kept}\n{self.model!r}"
        )


def fitted(events: Iterator[Event], show: Callable[[Event], None]) -> Fitted:
    """Return what a training comes to, each of its events shown as it comes.

    Raises:
        NetspecError: when the events end before the training does.
    """
    history: list[Epoch] = []
    for event in events:
        show(event)
        if isinstance(event, Epoch):
            history.append(event)
        elif isinstance(event, Finished):
            result = {f.name: getattr(event.result, f.name) for f in fields(Result)}
            return Fitted(
                **result,
                model=event.model,
                variables=event.variables,
                folder=event.folder,
                history=tuple(history),
            )
    raise NetspecError("the training was stopped before its end", "ns.train yields the events of one that may stop")
