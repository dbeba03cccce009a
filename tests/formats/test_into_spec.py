"""Which weights of a file go into which layers of a spec; and what is said where that cannot be told, word for word."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec.compiler import analyze, require
from netspec.diagnostics.diagnostic import Source
from netspec.formats.format import Options
from netspec.formats.into_spec import Matched, State, matched_weights
from netspec.formats.into_spec.fit import fit
from netspec.formats.into_spec.modules import Module, common_prefixes, modules_of
from netspec.formats.into_spec.units import Unit
from netspec.formats.program import Trained, program_of
from netspec.formats.reading import ModelImportError
from netspec.formats.torch import Torch
from netspec.formats.torch.origins import with_origins
from netspec.formats.torch.state import TorchWeights
from netspec.formats.torch.tensors import DTYPES, Storage, Tensor
from netspec.formats.weights import weights
from netspec.graph.graph import Graph
from netspec.graph.trace import trace
from netspec.ir.network import Network
from netspec.layers import LAYERS
from netspec.layers.base import Layer
from tests.formats.refusals import Refusals
from tests.small_models import SPECS as SMALL
from tests.small_models import small

REFUSALS = Refusals(Path(__file__).parent / "given" / "refusals.md")


class Stub:
    """A weight whose numbers are its own count."""

    def __init__(self, name: str, shape: tuple[int, ...], like: Stub | None = None) -> None:
        self.name, self.shape, self.like = name, shape, like or self

    def array(self) -> Any:
        return np.arange(prod(self.shape), dtype=np.float32).reshape(self.shape)

    @property
    def place(self) -> int:
        return id(self.like)


def state(text: str, *, ordered: bool = True) -> State:
    """Return the weights of lines such as `conv1: 8x3x3x3 8`, a module each, with weight, bias and running averages."""
    found: dict[str, Stub] = {}
    for line in text.strip().splitlines():
        name, _, shapes = line.strip().partition(":")
        sizes = [tuple(map(int, shape.split("x"))) for shape in shapes.split()]
        for part, shape in zip(("weight", "bias", "running_mean", "running_var"), sizes, strict=False):
            found[f"{name}.{part}"] = Stub(f"{name}.{part}", shape)
    return State("w.pth" if ordered else "w.safetensors", found, ordered)


def matched(spec: str, given: State, **options: Any) -> Matched:
    """Return what goes where."""
    network, graph = require(analyze(Source("net.net", spec)))
    return matched_weights(network, graph, given, "net.net", **options)


def pairs(found: Matched) -> dict[str, str]:
    """Return the module of each layer."""
    return {unit.node: module.name for unit, module, _ in found.taken}


CONV = "input 3x9x9\nconv 8 3x3 nobias; batchnorm relu\nconv 8 3x3; globalpool; fc 2"
DEFINED = "a: 8x3x3x3\nb: 8 8 8 8\nc: 8x8x3x3 8\nd: 2x8 2"


def test_by_order() -> None:
    assert pairs(matched(CONV, state(DEFINED))) == {"conv_1": "a", "batchnorm_1": "b", "conv_2": "c", "fc_1": "d"}


def test_by_order_of_each_shape() -> None:
    """Convolutions are often defined before the normalizations between them."""
    spec = "input 3x9x9\nconv 8 3x3 nobias; batchnorm; conv 8 3x3 nobias; batchnorm; conv 8 3x3 nobias"
    found = matched(spec, state("a: 8x3x3x3\nb: 8x8x3x3\nc: 8x8x3x3\nn: 8 8 8 8\nm: 8 8 8 8"))
    assert pairs(found) == {"conv_1": "a", "conv_2": "b", "conv_3": "c", "batchnorm_1": "n", "batchnorm_2": "m"}


def test_branches_in_any_order() -> None:
    spec = "input 3x9x9\nbranch { conv 8 1x1; conv 8 3x3 pad=1 } { conv 8 1x1 as short } add\nconv 2 1x1"
    body, short, end = "a: 8x3x1x1 8\nb: 8x8x3x3 8\n", "s: 8x3x1x1 8\n", "e: 2x8x1x1 2\n"
    for text in (body + short + end, short + body + end):
        assert pairs(matched(spec, state(text))) == {"conv_1": "a", "conv_2": "b", "short": "s", "conv_3": "e"}


@pytest.mark.parametrize("prefix", ["", "module.", "model.module."])
def test_by_name(prefix: str) -> None:
    spec = "input 4\nfc 4 as two\nfc 4 as one\nblock b { fc 4 as in }\nb as net"
    given = state(f"{prefix}one: 4x4 4\n{prefix}net.in: 4x4 4\n{prefix}two: 4x4 4")
    names = {"one": f"{prefix}one", "two": f"{prefix}two", "net/in": f"{prefix}net.in"}
    assert pairs(matched(spec, given)) == names


def test_a_very_long_name_has_few_prefixes() -> None:
    found = modules_of(state(f"{'a.' * 10_000}b: 2x2 2").weights, attention=False)
    assert len(found) == 1
    assert len(common_prefixes(found)) < 100


def test_names_tell_branches_apart() -> None:
    spec = "input 4\nfc 4 as trunk\nfc 2 as left\nfrom trunk; fc 2 as right\noutput left\noutput right"
    found = matched(spec, state("t: 4x4 4\nright: 2x4 2\nleft: 2x4 2"))
    assert pairs(found) == {"trunk": "t", "left": "left", "right": "right"}


def test_safetensors_by_the_numbers_in_their_names() -> None:
    given = state("a.2: 4x4 4\na.10: 4x4 4\nb: 3x4 3", ordered=False)
    assert pairs(matched("input 4\nfc 4; fc 4; fc 3", given)) == {"fc_1": "a.2", "fc_2": "a.10", "fc_3": "b"}


def test_tied_weights_are_taken_once() -> None:
    given = state("a: 4x4\nb: 2x4")
    head = given.weights["a.weight"]
    assert isinstance(head, Stub)
    both = {**given.weights, "head.weight": Stub("head.weight", (4, 4), head)}
    found = matched("input 4\nfc 4 nobias; fc 2 nobias", State("w.pth", both, True))
    assert pairs(found) == {"fc_1": "a", "fc_2": "b"}
    twice = matched(
        "input 4\nfc 4 nobias; fc 4 nobias", State("w.pth", {k: both[k] for k in ("a.weight", "head.weight")}, True)
    )
    assert pairs(twice) == {"fc_1": "a", "fc_2": "head"}


def test_shared_weights_are_there_once() -> None:
    spec = "input 4 as one\ninput 4 as two\nfrom one; fc 3 as tower\nfrom two; fc 3 share=tower as other; add tower"
    found = matched(spec, state("t: 3x4 3"))
    assert pairs(found) == {"tower": "t"}


def by_shapes(text: str) -> State:
    """Return weights of lines such as `encoder.weight 8x3`."""
    lines = [line.split() for line in text.strip().splitlines()]
    return State("w.bin", {n: Stub(n, tuple(map(int, s.split("x")))) for n, s in lines}, True)


def test_the_names_and_layouts_of_gpt2() -> None:
    block = """
        h.0.ln_1.weight 4
        h.0.ln_1.bias 4
        h.0.attn.c_attn.weight 4x12
        h.0.attn.c_attn.bias 12
        h.0.attn.c_proj.weight 4x4
        h.0.attn.c_proj.bias 4
        h.0.ln_2.weight 4
        h.0.ln_2.bias 4
        h.0.mlp.c_fc.weight 4x16
        h.0.mlp.c_fc.bias 16
        h.0.mlp.c_proj.weight 16x4
        h.0.mlp.c_proj.bias 4
    """
    text = f"wte.weight 9x4\nwpe.weight 6x4\n{block.strip()}\nln_f.weight 4\nln_f.bias 4"
    spec = (
        "input 6 tokens=9\nembedding 4 as vectors; position\nresidual { layernorm; attention 2 causal }\n"
        "residual { layernorm; fc 16 pointwise; fc 4 pointwise }\nlayernorm\nfc 9 nobias pointwise share=vectors"
    )
    arrays = matched(spec, by_shapes(text)).arrays()
    square = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(arrays["attention_1/out_proj_weight"], square.T)
    np.testing.assert_array_equal(arrays["fc_1/kernel"], np.arange(64).reshape(4, 16).T)
    as_linear = text.replace("4x12", "12x4").replace("4x16", "X").replace("16x4", "4x16").replace("X", "16x4")
    arrays = matched(spec, by_shapes(as_linear)).arrays()
    np.testing.assert_array_equal(arrays["attention_1/out_proj_weight"], square)


def test_the_names_of_bert() -> None:
    text = """
        bert.embeddings.word_embeddings.weight 9x4
        bert.embeddings.position_embeddings.weight 6x4
        bert.embeddings.token_type_embeddings.weight 2x4
        bert.embeddings.LayerNorm.gamma 4
        bert.embeddings.LayerNorm.beta 4
        bert.encoder.layer.0.attention.self.query.weight 4x4
        bert.encoder.layer.0.attention.self.query.bias 4
        bert.encoder.layer.0.attention.self.key.weight 4x4
        bert.encoder.layer.0.attention.self.key.bias 4
        bert.encoder.layer.0.attention.self.value.weight 4x4
        bert.encoder.layer.0.attention.self.value.bias 4
        bert.encoder.layer.0.attention.output.dense.weight 4x4
        bert.encoder.layer.0.attention.output.dense.bias 4
        bert.encoder.layer.0.attention.output.LayerNorm.gamma 4
        bert.encoder.layer.0.attention.output.LayerNorm.beta 4
        bert.encoder.layer.0.intermediate.dense.weight 16x4
        bert.encoder.layer.0.intermediate.dense.bias 16
        bert.encoder.layer.0.output.dense.weight 4x16
        bert.encoder.layer.0.output.dense.bias 4
        bert.encoder.layer.0.output.LayerNorm.gamma 4
        bert.encoder.layer.0.output.LayerNorm.beta 4
        bert.pooler.dense.weight 4x4
        bert.pooler.dense.bias 4
    """
    spec = (
        "input 6 tokens=9 as ids\ninput 6 tokens=2 as sentences\nfrom sentences; embedding 4 as of_sentence\n"
        "from ids; embedding 4; position; add of_sentence\nlayernorm\nresidual { attention 2 }\nlayernorm\n"
        "residual { fc 16 pointwise; fc 4 pointwise }\nlayernorm\ntake first; fc 4 tanh"
    )
    head = "\ncls.predictions.bias 9\ncls.seq_relationship.weight 2x4\ncls.seq_relationship.bias 2"
    for found in (
        matched(spec, by_shapes(text)),
        matched(spec, by_shapes(text.rstrip() + head), partial=True),
    ):
        names = pairs(found)
        assert names["of_sentence"].endswith("token_type_embeddings")
        assert names["layernorm_2"].endswith("attention.output.LayerNorm")
        assert names["fc_3"] == "bert.pooler.dense"
        weight = found.arrays()["attention_1/in_proj_weight"]
        np.testing.assert_array_equal(weight, np.concatenate([np.arange(16).reshape(4, 4)] * 3))


def test_weights_that_are_used_again_later() -> None:
    found = matched("input 4\nfc 4 as a; fc 4 as b; fc 4 share=a as c; fc 3", state("x: 4x4 4\ny: 4x4 4\nz: 3x4 3"))
    assert pairs(found) == {"a": "x", "b": "y", "fc_1": "z"}
    assert found.notes == []


def test_queries_of_another_size_than_keys_are_not_joined() -> None:
    given = state("a.q_proj: 4x4\na.k_proj: 2x4\na.v_proj: 2x4\nb.q_proj: 4x4\nb.k_proj: 4x4\nb.v_proj: 4x4")
    names = [module.name for module in modules_of(given.weights, attention=True)]
    assert names == ["a.q_proj", "a.k_proj", "a.v_proj", "b.q_proj k_proj v_proj"]


def test_a_parameter_alone_is_no_part_of_a_layer() -> None:
    alone = Module("token", "", {"": [Stub("token", (1, 1, 4))]})
    assert fit(Unit("n", "layernorm", "", {"scale": (4,), "offset": (4,)}), alone) is None
    assert fit(Unit("s", "scale", "", {"scale": (4,)}), alone) is not None


def test_a_norm_without_scale_or_offset() -> None:
    given = {f"b.{name}": Stub(name, (3,)) for name in ("running_mean", "running_var")}
    found = matched("input 3\nbatchnorm", State("w.pth", given, True))
    arrays = found.arrays()
    assert arrays["batchnorm_1/scale"].tolist() == [1, 1, 1]
    assert arrays["batchnorm_1/offset"].tolist() == [0, 0, 0]
    assert "1 and 0 stand for them" in found.notes[0]


def test_a_new_head() -> None:
    """With `--partial` what gives the output may be of another size, or of another name."""
    by_order = matched(CONV.replace("fc 2", "fc 5"), state(DEFINED), partial=True)
    assert [unit.node for unit in by_order.fresh] == ["fc_1"]
    assert [module.name for module in by_order.unused] == ["d"]
    backbone = matched(CONV.replace("; fc 2", ""), state(DEFINED), partial=True)
    assert (backbone.fresh, [module.name for module in backbone.unused]) == ([], ["d"])
    named = matched(
        "input 4\nfc 4 as a; fc 4 as b; fc 7 as top", state("a: 4x4 4\nb: 4x4 4\nhead: 9x4 9"), partial=True
    )
    assert pairs(named) == {"a": "a", "b": "b"}
    assert [unit.node for unit in named.fresh] == ["top"]
    # One name that agrees says less than the order of all.
    one = matched(CONV.replace("fc 2", "fc 5").replace("nobias;", "nobias as a;"), state(DEFINED), partial=True)
    assert pairs(one) == {"a": "a", "batchnorm_1": "b", "conv_1": "c"}


def test_heads_that_only_a_training_needs() -> None:
    """As of GoogLeNet, whose further heads stand before the last layer and end in the same shape."""
    spec = "input 4\nfc 4; fc 4; fc 3"
    given = state(
        "trunk.a: 4x4 4\ntrunk.b: 4x4 4\naux1.a: 2x4 2\naux1.b: 3x4 3\naux2.a: 2x4 2\naux2.b: 3x4 3\nfc: 3x4 3"
    )
    found = matched(spec, given, partial=True)
    assert pairs(found) == {"fc_1": "trunk.a", "fc_2": "trunk.b", "fc_3": "fc"}
    assert [module.name for module in found.unused] == ["aux1.a", "aux1.b", "aux2.a", "aux2.b"]
    with pytest.raises(
        ModelImportError, match=r"aux2\.b: weight 3x4, bias 3: no layer(.|\n)*--partial takes what fits"
    ):
        matched(spec, given)


def test_positions_are_rows_elsewhere() -> None:
    given = {
        "marks": Stub("marks", (1, 6, 4)),
        "fc.weight": Stub("fc.weight", (2, 24)),
        "fc.bias": Stub("fc.bias", (2,)),
    }
    arrays = matched("input 4x6\nposition; fc 2", State("w.pth", given, True)).arrays()
    np.testing.assert_array_equal(arrays["position_1/table"], np.arange(24).reshape(6, 4).T)


def test_heads_of_one_shape_by_name_where_others_are_new() -> None:
    spec = (
        "input 4\nfc 4 as trunk\nfc 2 as left\nfrom trunk; fc 2 as right\nfrom trunk; fc 7 as more\n"
        "output left\noutput right\noutput more"
    )
    given = state("trunk: 4x4 4\nright: 2x4 2\nleft: 2x4 2\nother: 9x4 9")
    assert pairs(matched(spec, given, partial=True)) == {"trunk": "trunk", "left": "left", "right": "right"}
    with pytest.raises(ModelImportError, match="more: kernel 7x4, bias 7; in its place there is other"):
        matched(spec, given)


SPECS: dict[str, tuple[str, State]] = {
    "a head of another size": (CONV.replace("fc 2", "fc 5"), state(DEFINED)),
    "another network": (CONV, state("a: 4x4 4\nb: 2x4 2")),
    "a layer that is missing in the spec": (CONV.replace("; batchnorm relu", ""), state(DEFINED)),
    "a layer that is missing in the file": (CONV, state("a: 8x3x3x3\nc: 8x8x3x3 8\nd: 2x8 2")),
    "a bias that the spec does not have": (CONV.replace("conv 8 3x3;", "conv 8 3x3 nobias;"), state(DEFINED)),
    "two heads of one shape": (
        "input 4\nfc 4 as trunk\nfc 2 as left\nfrom trunk; fc 2 as right\noutput left\noutput right",
        state("t: 4x4 4\na: 2x4 2\nb: 2x4 2"),
    ),
    "two heads of one shape in another order": (
        "input 4\nfc 4; layernorm; fc 4; layernorm as trunk\nfc 2 as left\nfrom trunk; fc 2 as right\n"
        "output left\noutput right",
        state("a: 4x4 4\nb: 4x4 4\nn: 4 4\nm: 4 4\nc: 2x4 2\nd: 2x4 2"),
    ),
    "names in no order": ("input 4x3\nattention 2", state("k: 4x4 4\nout: 4x4 4\nv: 4x4 4\nx: 4x4 4", ordered=False)),
    "words instead of numbers": ("input 4\nfc 4; fc 4", state("first: 4x4 4\nlast: 4x4 4", ordered=False)),
    "parts of layers in no order": (
        "input 4\nfc 4; layernorm; fc 4; layernorm",
        state("bn: 4 4\nfc1: 4x4 4\nfc2: 4x4 4\nln: 4 4", ordered=False),
    ),
    "a name in another place": (
        "input 4\nfc 4\nfc 4 as b\nfc 4\nfc 2",
        state("a: 4x4 4\nc: 4x4 4\nb: 4x4 4\nd: 2x4 2"),
    ),
    "a name of another shape": ("input 4\nfc 4 as a; fc 3 as b", state("a: 4x4 4\nb: 9x4 9")),
    "no layers with weights": ("input 4\nrelu", state("a: 4x4 4")),
    "left over": ("input 4\nfc 4 as a", state("a: 4x4 4\nb: 9x4 9")),
}


@pytest.mark.parametrize("name", SPECS)
def test_what_is_refused(name: str, *, update: bool) -> None:
    spec, given = SPECS[name]
    with pytest.raises(ModelImportError) as caught:
        matched(spec, given)
    REFUSALS.compare(name, str(caught.value), update=update)
    if "--partial takes what fits" in str(caught.value):
        assert matched(spec, given, partial=True).taken


def test_a_long_list_is_cut_on_each_side() -> None:
    given = state("\n".join(f"m{i}: 7x7 7" for i in range(60)))
    with pytest.raises(ModelImportError) as caught:
        matched("input 4\n" + "fc 4\n" * 55, given)
    lines = str(caught.value).splitlines()
    assert [line for line in lines if " more " in line] == ["  and 5 more layers", "  and 10 more modules"]
    assert len(lines) == 1 + 50 + 1 + 50 + 1 + 1


def test_every_refusal_has_its_case() -> None:
    assert REFUSALS.names() == list(SPECS)


# --- what is exported comes back --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer", [layer for layer in LAYERS.entries if layer.has_weights], ids=lambda cls: cls.canonical()
)
@pytest.mark.parametrize("form", ["torch", "names", "paths"])
def test_the_weights_of_every_layer_come_back(layer: type[Layer], form: str, tmp_path: Path) -> None:
    """What the exporters write is matched again, though a `.safetensors` keeps no order."""
    example = layer.example + (" affine" if layer.canonical() == "instancenorm" else "")
    analysis = analyze(Source("net.net", f"input {layer.example_input}\n{example} as own\n{example}\n"))
    if analysis.diagnostics:
        # What reads token numbers can be there once.
        analysis = analyze(Source("net.net", f"input {layer.example_input}\n{example} as own\n"))
    come_back(*require(analysis), form, tmp_path)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("form", ["torch", "names"])
def test_the_weights_of_every_ready_made_spec_come_back(name: str, form: str, tmp_path: Path) -> None:
    network = small(name)
    come_back(network, trace(network), form, tmp_path)


def come_back(network: Network, graph: Graph, form: str, folder: Path) -> None:
    """Raise AssertionError where the weights that are exported in a form are not matched, each with its layer."""
    rng = np.random.default_rng(0)
    arrays = {path: rng.random(p.shape).astype(np.float32) for path, p in graph.parameters.items()}
    program = program_of(Trained(network, graph, arrays))
    if form == "torch":
        Torch().write(program, folder / "w.py", Options())
        state = TorchWeights().read(folder / "w.safetensors", lambda path, most: path.read_bytes()[:most])
    else:
        own = weights(program, Options(torch_names=form == "names"))
        given = {name: Held(name, array) for name, array in sorted(own.items()) if array.dtype.kind == "f"}
        state = State("w.safetensors", given, False)
    found = matched_weights(network, graph, state, "net.net").arrays()
    assert found.keys() == arrays.keys()
    for path, array in arrays.items():
        np.testing.assert_array_equal(found[path], array, path)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 9000,
        '{"a": 1}',
        '{"a": "xyz"}',
        '{"a": []}',
        '{"a": [1]}',
        '{"a": ["b"]}',
        '{"c": ["d"]}',
    ],
)
def test_metadata_that_is_not_of_an_export_changes_no_name(said: str) -> None:
    tensor = Tensor(Storage("", DTYPES["float32"], 2, lambda: b""), DTYPES["float32"], 0, (2,), (1,))
    assert with_origins({"a": tensor, "b": tensor}, {"netspec": said}) == {"a": tensor, "b": tensor}


class Held(Stub):
    """A weight with numbers."""

    def __init__(self, name: str, held: Any) -> None:
        super().__init__(name, held.shape)
        self.held = held

    def array(self) -> Any:
        return self.held
