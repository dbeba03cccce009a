"""What a language model writes on: from a prompt, token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.decoding import Continuation, Decoder
from netspec.backends.jax.exhausted import enough_memory
from netspec.backends.jax.model import Model, Variables
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.graph.causality import reads_ahead
from netspec.ir.text import layer_text
from netspec.sources.texts.vocabulary import GrowingText, Vocabulary
from netspec.system.arguments import as_whole, described
from netspec.workflows.predictions import class_scores, gives_probabilities
from netspec.workflows.sampling import Chance, Sampling

__all__ = ["LENGTH", "SEED", "LanguageModel"]

LENGTH, SEED = 200, 0
"""How many tokens are written, and the seed of the chance that chooses them, where nothing else is said."""

_BEGINNING = "\n"
"""What is read where there is no prompt: a text goes on behind a line break as at its beginning."""

_SHOWN = 5


class LanguageModel:
    """A trained model that has learned which token of a text follows.

    Args:
        file: the model file, for messages.
        model: compiled for the device.
        variables: the trained arrays.
        vocabulary: what its tokens stand for; None where it learned from no text.

    Raises:
        DataError: it is no language model, or one that reads what it is to write.
    """

    def __init__(self, file: Path, model: Model, variables: Variables, vocabulary: Vocabulary | None) -> None:
        self.file, self.variables = file, variables
        self.vocabulary = _vocabulary(file, model, vocabulary)
        self.graph = model.graph
        (self.length,) = self.graph.input
        self._decoder = Decoder(model)
        ahead = reads_ahead(model.network, model.training)
        if ahead:
            layer = f"`{layer_text(ahead.layer)}` ({ahead.name})"
            raise DataError(
                f"{file} cannot write on: {layer} reads tokens that come after the one it is to give",
                "train one whose layers look back only: `lstm`, `gru`, `attention 4 causal`, `conv 64 3 pad=causal`; "
                "or one that gives the token behind an example: `take last` before the last layer",
            )

    def write(
        self,
        prompt: object,
        *,
        length: object = LENGTH,
        temperature: object = 1.0,
        top_k: object = None,
        top_p: object = 1.0,
        seed: object = SEED,
        stop: object = None,
    ) -> Iterator[str]:
        """Return what is written behind a prompt, piece by piece; all arguments are checked at once.

        Args:
            prompt: what is gone on from; empty for the beginning of a text.
            length: how many tokens are written.
            temperature: as of `Sampling`.
            top_k: likewise.
            top_p: likewise.
            seed: of the chance.
            stop: a token before which it ends; None for none.

        Raises:
            NetspecError: an argument is not what it should be.
            DataError: the model does not know a token of the prompt, or cannot begin with it.
        """
        sampling = Sampling.of(temperature, top_k, top_p)
        count = as_whole(length, "length", LENGTH)
        chance = Chance(seed)
        end = None if stop is None else self._stop(stop)
        text = self._prompt(prompt)
        return self._pieces(text, self._numbers(text), count, sampling, chance, end)

    def unknown(self, prompt: str) -> list[str]:
        """Return the words of a prompt that the model does not know, and reads as its token for all others."""
        return self.vocabulary.missing(prompt) if self.vocabulary.unit == "words" else []

    def _pieces(
        self, prompt: str, tokens: Sequence[int], count: int, sampling: Sampling, chance: Chance, stop: int | None
    ) -> Iterator[str]:
        growing = GrowingText(self.vocabulary, prompt)
        with enough_memory("close what else computes there"):
            continuation = Continuation(self._decoder, self.variables)
            logits = continuation.read(tokens)
            for left in range(count, 0, -1):
                token = chance.choose(self._of_tokens(logits), sampling)
                if token == stop:
                    break
                if piece := growing.add(token):
                    yield piece
                if left > 1:
                    logits = continuation.read([token])
        if piece := growing.finish():
            yield piece

    def _of_tokens(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the logarithm of how likely each token is; the one that stands for unknown ones is never written."""
        if self.graph.link == "softmax":
            found = logits.astype(np.float64)
        else:
            with np.errstate(divide="ignore"):
                found = np.log(class_scores(self.graph, logits[None])[0].astype(np.float64))
        if self.vocabulary.unknown:
            found[-1] = -np.inf
        return found

    def _prompt(self, prompt: object) -> str:
        """Return a prompt with the line ends of texts."""
        if not isinstance(prompt, str):
            raise DataError(f"the prompt must be a text, not {described(prompt)}", 'for example "ROMEO:"')
        try:
            prompt.encode("utf-8")
        except UnicodeEncodeError:
            raise DataError("the prompt is no UTF-8", "write it in UTF-8") from None
        return prompt.replace("\r\n", "\n").replace("\r", "\n")

    def _numbers(self, prompt: str) -> list[int]:
        """Return the numbers of a prompt's tokens."""
        missing = self.vocabulary.missing(prompt)
        if missing and self.vocabulary.unit == "chars":
            shown = listing([repr(token) for token in missing[:_SHOWN]], "and")
            more = f", and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            fix = "leave it out: the text that the model learned from has no such characters"
            if "\\" in missing and "\\n" in prompt:
                fix = r"a shell writes a line break as $'\n'; `--prompt -` reads standard input"
            raise DataError(f"the prompt has what the model has never seen: {shown}{more}", fix)
        numbers = self.vocabulary.encode(prompt)
        if not numbers:
            if self.vocabulary.missing(_BEGINNING):
                raise DataError(
                    "there is no prompt, and no line break to begin behind: the text that the model learned from has "
                    "none",
                    'give a prompt: --prompt "…"',
                )
            numbers = self.vocabulary.encode(_BEGINNING)
        self._require_length(numbers)
        return numbers

    def _require_length(self, numbers: Sequence[int]) -> None:
        """Refuse a prompt of which the model cannot see the beginning, or that is less than it reads at once."""
        known = self._decoder.causality
        has = f"the prompt has {plural(len(numbers), 'token')}"
        if known.steps and known.limited and len(numbers) > self.length:
            raise DataError(
                f"{has}, and the model sees {self.length:,} at once, as it has learned",
                f"give the last {self.length:,} of them, or train it on longer examples: `text … length=`",
            )
        if not known.steps and len(numbers) < self.length:
            raise DataError(
                f"{has}, and {self.file} reads {self.length:,} at once",
                f"give a prompt of {self.length:,} tokens or more",
            )

    def _stop(self, stop: object) -> int:
        """Return the number of a token."""
        if not isinstance(stop, str):
            raise DataError(f"stop must be a text, not {described(stop)}", r'for example stop="\n"')
        known = self.vocabulary
        missing = known.missing(stop)
        numbers = [] if missing else known.encode(stop)
        if len(numbers) == 1:
            return numbers[0]
        each = {"chars": "character", "words": "word", "bytes": "byte", "bpe": "token"}[known.unit]
        fix = f"give one {each} of the text that the model learned from"
        if "\\n" in stop:
            fix = r"a shell writes a line break as $'\n'"
        if missing:
            raise DataError(f"the model never writes {missing[0]!r}, so it would not stop", fix)
        raise DataError(f"stop must be one token, and {stop!r} is {plural(len(numbers), each)}", fix)


def _vocabulary(file: Path, model: Model, vocabulary: Vocabulary | None) -> Vocabulary:
    """Return the vocabulary of a language model.

    Raises:
        DataError: the model is none.
    """
    network, graph = model.network, model.graph
    fix = 'train one on a text: `data "book.txt" { target next }`'
    if vocabulary is None:
        if network.data is not None and (network.data.has_classes_of_texts or network.data.is_tagged):
            what = "gives each word a label" if network.data.is_tagged else "gives a text its class"
        elif any(given.tokens for given in network.inputs):
            what = "learned from token numbers, and has no vocabulary that says what they stand for"
        else:
            what = "reads images, not a text" if network.reads_images else "reads numbers, not a text"
        raise DataError(f"{file} is no language model: it {what}", fix)
    tokens = len(vocabulary)
    shapes = [graph.shape(output.index) for output in graph.outputs]
    heads = {tokens, 1} if tokens == 2 else {tokens}
    follows = network.data is None or network.data.is_text or network.data.target == "next"
    one = follows and len(shapes) == len(graph.inputs) == 1
    if not one or shapes[0][0] not in heads or shapes[0][1:] not in {(), graph.input}:
        raise DataError(f"{file} is no language model: it does not give one of its {tokens} tokens", fix)
    if not gives_probabilities(graph):
        ends = "let it end in `softmax`, or learn with `loss cross_entropy`"
        raise DataError(f"{file} is no language model: it gives numbers, not how likely each token is", ends)
    return vocabulary
