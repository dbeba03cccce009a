"""Names of other programs: each means what it means there, or a note says what is different; formatting keeps both."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec as ns
from netspec.compiler import Analysis, analyze
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import Source
from netspec.elaborate.spellings import SPELLINGS
from netspec.layers import LAYERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.schema.definition import parameters

IMAGE, SEQUENCE, RECIPE = "input 4x9x9\n{}", "input 4x8\n{}", "input 4\nfc 4 softmax\ntrain {{ {} }}"


def analysis(text: str) -> Analysis:
    return analyze(Source("t.net", text))


def network(text: str) -> ns.Network:
    return ns.parse(text, name="t")


# What a line of another program means, in the words of this one.
MEANS = [
    (IMAGE, "Pooling 3 stride=2", "pool 3 stride=2 ceil"),
    (IMAGE, "Pooling 2", "pool 2 stride=1 ceil"),
    (IMAGE, "Pooling 3 stride=2 noceil", "pool 3 stride=2"),
    (IMAGE, "LRN 5", "lrn 5 alpha=1.0"),
    (IMAGE, "LRN 5 alpha=0.1", "lrn 5 alpha=0.1"),
    (IMAGE, "BatchNorm2d momentum=0.1", "batchnorm momentum=0.9"),
    (IMAGE, "BatchNorm2d momentum=1 relu", "batchnorm momentum=0.0 relu"),
    (SEQUENCE, "BatchNorm1d momentum=0.03", "batchnorm momentum=0.97"),
    (SEQUENCE, "BatchNorm1d", "batchnorm"),
    (SEQUENCE, "let m = 0.4\nBatchNorm1d momentum=m", "let m = 0.4\nbatchnorm momentum=0.6"),
    (IMAGE, "BatchNormalization", "batchnorm momentum=0.99 epsilon=0.001"),
    (IMAGE, "BatchNormalization relu momentum=0.9", "batchnorm relu momentum=0.9 epsilon=0.001"),
    (IMAGE, "LayerNormalization", "layernorm epsilon=0.001"),
    (IMAGE, "GroupNormalization 2 epsilon=0.1", "groupnorm 2 epsilon=0.1"),
    (IMAGE, "GroupNormalization 2", "groupnorm 2 epsilon=0.001"),
    (IMAGE, "leaky", "leaky_relu 0.1"),
    (IMAGE, "leaky 0.3", "leaky_relu 0.3"),
    (IMAGE, "conv 8 1 leaky", "conv 8 1 leaky_relu(0.1)"),
    (IMAGE, "conv 8 1 activation=leaky(slope=0.3)", "conv 8 1 leaky_relu(0.3)"),
    (IMAGE, "let act = leaky\nconv 8 1 act", "let act = leaky\nconv 8 1 leaky_relu(0.1)"),
    (IMAGE, "block b(act) { conv 4 1 act }\nb leaky", "block b(act) { conv 4 1 act }\nb leaky_relu(0.1)"),
    (SEQUENCE, "SimpleRNN 4", "rnn 4 last bias=one"),
    (SEQUENCE, "SimpleRNN 4 nolast", "rnn 4 bias=one"),
    # A word of the file's own is not what the name carries.
    (SEQUENCE, "let last = 3\nSimpleRNN 4\nfc last", "let last = 3\nrnn 4 last=true bias=one\nfc last"),
    (IMAGE, "let max = 3\nGlobalMaxPooling2D\nfc max", "globalpool max\nfc 3"),
    (IMAGE, "GlobalMaxPooling2D", "globalpool max"),
    (SEQUENCE, "GlobalMaxPooling1D", "globalpool max"),
]


@pytest.mark.parametrize(("around", "there", "here"), MEANS)
def test_a_name_that_one_program_has_means_what_it_means_there(around: str, there: str, here: str) -> None:
    assert network(around.format(there)) == network(around.format(here))


NOTED = [
    (IMAGE, "AvgPool2d 3 stride=1 pad=1", "PyTorch counts the padding"),
    (SEQUENCE, "AvgPool1d 3 pad=1", "PyTorch counts the padding"),
    (IMAGE, "convolutional 8 1", "`logistic`"),
    (IMAGE, "convolutional 8 5 pad=1 relu", "half the kernel"),
    (IMAGE, "deconvolutional 8 1", "`logistic`"),
    (IMAGE, "connected 8", "`logistic`"),
    (IMAGE, "Conv2DTranspose 8 2 stride=3", "stride x the input"),
    (IMAGE, "relu as a; tanh; route a", "what flows in comes first"),
    (IMAGE, "UpSampling2D 2 bicubic", "Keras's has -0.5"),
    (IMAGE, "LeakyReLU", "Keras's is 0.3"),
    (IMAGE, "conv 8 1 LeakyReLU", "Keras's is 0.3"),
    (IMAGE, "PReLU", "one for all"),
    (IMAGE, "LayerScale", "begins with 1"),
    (IMAGE, "GLU", "last axis"),
    (IMAGE, "maxpool 2", "`pad=same`"),
    (SEQUENCE, "LSTM 8", "`last`"),
    (SEQUENCE, "GRU 8", "`last`"),
    (SEQUENCE, "Linear 8", "`pointwise`"),
    (RECIPE, "optimizer Adam weight_decay=0.1", "`adamw`"),
    (RECIPE, "optimizer SGD weight_decay=0.1", "`adamw`"),
    (RECIPE, "optimizer AdamW", "0.004"),
    (RECIPE, "optimizer RMSprop lr=0.1", "0.9"),
    (RECIPE, "optimizer Adagrad", "begin at 0"),
    (RECIPE, "optimizer Adadelta", "0.95"),
    (RECIPE, "schedule OneCycleLR", "momentum"),
    ("input 4\nfc 4\ntrain {{ {} }}", "loss EuclideanLoss", "half the sum"),
    *((around, there, "read as") for around, there, here in MEANS[:2] + MEANS[3:4] + MEANS[5:6] + MEANS[19:20]),
]


@pytest.mark.parametrize(("around", "line", "said"), NOTED)
def test_a_name_that_means_something_else_elsewhere_is_noted_once(around: str, line: str, said: str) -> None:
    (note,) = analysis(around.format(line)).notes
    assert said in note.message
    assert note.span
    assert str(note.render()).startswith(f"{note.span}: note: ")
    assert note.to_json()["severity"] == "note"


QUIET = [
    (IMAGE, "AvgPool2d 3 stride=1 pad=1 count_padding"),
    (IMAGE, "AvgPool2d 3; AvgPool2d 3 pad=0 stride=1; AveragePooling2D 3 pad=same stride=1"),
    (IMAGE, "convolutional 8 3 pad=1 relu; convolutional 8 5 pad=same logistic; conv 8 1"),
    (IMAGE, "Conv2DTranspose 8 3 stride=2; MaxPool2d 2; maxpool 2 ceil; maxpool 1"),
    (IMAGE, "LeakyReLU 0.2; leaky_relu; PReLU shared; PReLU noshared; BatchNorm2d; LayerNorm; GroupNorm 2"),
    (IMAGE, "Linear 8; Dense 8; InnerProduct 8"),
    (IMAGE, "UpSampling2D 2 bilinear; Upsample 2 bicubic"),
    (SEQUENCE, "LSTM 8 nolast; lstm 8; GRU 8 last"),
    (SEQUENCE, "Linear 8 pointwise; Flatten; Linear 4"),
    (RECIPE, "optimizer Adam; schedule cosine; loss CrossEntropyLoss"),
    (RECIPE, "optimizer SGD lr=0.1 momentum=0.9 nesterov"),
    (RECIPE, "optimizer AdamW weight_decay=0.1"),
]


@pytest.mark.parametrize(("around", "lines"), QUIET)
def test_where_nothing_is_different_nothing_is_said(around: str, lines: str) -> None:
    found = analysis(around.format(lines))
    assert (found.diagnostics, found.notes) == ((), ())


@pytest.mark.parametrize(
    ("around", "line"),
    [*((around, there) for around, there, _ in MEANS), *((around, line) for around, line, _ in NOTED), *QUIET],
)
def test_formatting_keeps_the_meaning_and_what_is_not_said_in_the_text(around: str, line: str) -> None:
    before = around.format(line)
    after = format_source(Source("t.net", before))
    assert network(after) == network(before)
    names = {name for name, spelling in SPELLINGS.items() if not spelling.carries and not spelling.turned}
    said = [note.message for note in analysis(before).notes if note.message.split("`")[1] in names]
    assert [note.message for note in analysis(after).notes if note.message.split("`")[1] in names] == said


def test_a_note_in_a_block_or_a_round_is_said_once() -> None:
    found = analysis("input 4x9x9\nblock b { leaky }\nrepeat 3 { b; conv 4 1 leaky }")
    assert [str(n.span) for n in found.notes] == ["t.net:2:11", "t.net:3:24"]


def test_the_table_names_what_there_is() -> None:
    families = (LAYERS, OPTIMIZERS, SCHEDULES, LOSSES)
    for name, spelling in SPELLINGS.items():
        (family,) = (f for f in families if name in f)
        assert family.canonical(name) == spelling.kind != name
        known = {p.name for p in parameters(family[name])}
        assert {*spelling.carries, *filter(None, [spelling.turned])} <= known
        assert spelling.program or spelling.remarks


def test_no_spec_of_ours_has_a_note() -> None:
    for path in sorted((Path(__file__).parents[2] / "specs").rglob("*.net")):
        assert analyze(Source(str(path), path.read_text(encoding="utf-8"), path.parent)).notes == (), path
