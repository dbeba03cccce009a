"""Language models of characters on Shakespeare's plays: an LSTM and a small GPT."""

from __future__ import annotations

from math import log
from pathlib import Path

import netspec as ns
from learned.frame import Effort, Found, trained

__all__ = ["SPECS", "TEXT", "TITLE", "measure"]

TITLE = "Text: the next character"
TEXT = (
    "Shakespeare's plays, 1.1 million characters (of Karpathy's char-rnn), the last tenth for the test. Bits per "
    "character are those of the test part: its loss divided by ln 2. Each example begins with nothing before it, so "
    "its first characters are hard to tell."
)
SPECS = {
    "LSTM": """data "shakespeare.txt" { text chars length=100; target next }
embedding 32; lstm 128; fc tokens softmax pointwise
train { optimizer adam lr=0.005; schedule cosine; batch 32; clip 1; epochs 6 }""",
    "GPT": """data "shakespeare.txt" { text chars length=64; target next }

block layer(width) {
  residual { layernorm; attention 4 causal }
  residual { layernorm; fc (4 * width) gelu pointwise; fc width pointwise }
}
embedding 64; position
repeat 3 { layer 64 }
layernorm; fc tokens softmax pointwise

train {
  optimizer adamw lr=0.003 weight_decay=0.1 kernels; schedule cosine warmup=0.1
  batch 16; clip 1; epochs 4
}""",
}

_PROMPT, _TEMPERATURE = "ROMEO:", 0.8


def measure(effort: Effort) -> Found:
    """Return the bits per character of each, and what each writes."""
    text = effort.file("text/shakespeare.txt").read_text(encoding="utf-8")
    # The specs name the text, which must be in their own folder.
    (effort.folder / "shakespeare.txt").write_text(text[: 4_000 if effort.short else None], encoding="utf-8")
    figures, samples = {}, {}
    for name, spec in SPECS.items():
        file, folder = effort.folder / f"{name}.net", effort.folder / name
        file.write_text(spec, encoding="utf-8")
        end = trained(file, None, effort.seed, name=name, epochs=1 if effort.short else None, out=folder)
        result = end.result
        assert result.test_loss is not None
        assert result.test_accuracy is not None
        figures[name] = {
            "bits per character": (result.test_loss / log(2),),
            "accuracy": (result.test_accuracy,),
            "parameters": (float(result.parameters),),
            "seconds": (round(result.seconds, 1),),
        }
        samples[f"{name} writes behind `{_PROMPT}`, at temperature {_TEMPERATURE}"] = _sample(folder, effort)
    return Found(figures=figures, samples=samples)


def _sample(folder: Path, effort: Effort) -> str:
    """Return what the model writes behind the prompt."""
    run = ns.open(folder)
    # The short form learns from a text without capitals.
    known = run.vocabulary is not None and not run.vocabulary.missing(_PROMPT)
    prompt = _PROMPT if known else ""
    return prompt + str(run.generate(prompt, length=effort.of(300, 5), temperature=_TEMPERATURE, seed=effort.seed))
