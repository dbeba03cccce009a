"""Damaged, hostile and mistaken files: one clear error each, in little memory, and nothing written."""

from __future__ import annotations

import random
import struct
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

from netspec.diagnostics.diagnostic import NetspecError
from netspec.formats.caffe.text_format import read_text
from netspec.workflows.import_model import import_model
from tests.formats.caffe_twin import blob, caffemodel, framed, layer, prototxt, varint
from tests.formats.damage import damaged
from tests.formats.darknet_twin import Twin

NET = [
    layer("Data", "data", "", "data label", 'transform_param { scale: 1 } data_param { source: "mnist" }'),
    layer("InnerProduct", "f", "data", "f", "inner_product_param { num_output: 3 }", np.ones((3, 784)), np.zeros(3)),
    layer("SoftmaxWithLoss", "loss", "f label", "loss"),
]
CFG = "[net]\ninputs=5\n[connected]\noutput=3\nactivation=linear\n[softmax]\n"
INPUT = 'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n'


def refused(folder: Path, files: dict[str, str | bytes], *, partial: bool = False) -> str:
    """Return the message that an import ends with; nothing may be written, nor may `--partial` be named in vain."""
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(NetspecError) as caught:
        import_model([folder / name for name in files], out=folder / "out.net", partial=partial)
    assert not list(folder.glob("out.*"))
    assert len(str(caught.value)) < 8000
    if "--partial writes the rest" in str(caught.value) and not partial:
        import_model([folder / name for name in files], out=folder / "partial.net", partial=True)
    elif not partial:
        assert refused(folder, files, partial=True) == str(caught.value)
    return str(caught.value)


def with_layer(text: str) -> str:
    return f'{INPUT}layer {{ name: "x" bottom: "data" top: "x" {text} }}'


TEXTS = {
    "empty": ("", "is empty"),
    "no text": ("\0\1", "is no text"),
    "another language": ("<html><body>404</body></html>", "line 1: this is no prototxt"),
    "no layers": ('name: "x"', "has no layers"),
    "open brace": ('layer { name: "a"', "line 1: this is no prototxt\n  fix: look at `layer {"),
    "deep": ("layer {" * 100_000, "more than 16 braces in each other"),
    "deep messages": ("layer { include " + "{ " * 20, "more than 16 braces"),
    "a flood of words": ("a:1 " * 133_400, "more than 400,000 words"),
    "too large": ("#" * 2_000_001, "larger than 2,000,000 bytes"),
    "a misspelt field": (with_layer('tpye: "ReLU"'), "line 2: a layer has no field `tpye`; did you mean type?"),
    "a word for a number": (with_layer('type: "ReLU" relu_param { negative_slope: big }'), "cannot be 'big'"),
    "a message for a number": (with_layer("type { }"), "`type` cannot be read; it has one value, without braces"),
    "a loop": (with_layer('type: "ReLU"').replace('bottom: "data"', 'bottom: "x"'), "reads 'x', which no layer before"),
    "an unknown layer": (with_layer('type: "Warp"'), "line 2: x: the layer `Warp`"),
    "no size": (with_layer('type: "Convolution" convolution_param { num_output: 3 }'), "its kernel_size is no height"),
    "a huge kernel": (
        with_layer('type: "Convolution" convolution_param { num_output: 3 kernel_size: 999 }'),
        "x does not fit: the 999x999 kernel is larger",
    ),
    "a huge layer": (
        with_layer('type: "InnerProduct" inner_product_param { num_output: 999999999 }'),
        "at most 4,000,000,000",
    ),
    "a code layer": (with_layer('type: "Python" python_param { module: "os" }'), "no code from a file is run"),
    "dropout of everything": (with_layer('type: "Dropout" dropout_param { dropout_ratio: 1 }'), "a dropout_ratio of 1"),
    "a clip without bounds": (with_layer('type: "Clip"'), "line 2: x: `clamp` needs a bound"),
    "an input without a shape": ('layer { name: "d" type: "Data" top: "d" }', "say it: --shape CxHxW"),
    "a negative input": (INPUT.replace("8", "-8") + with_layer('type: "ReLU"')[len(INPUT) :], "--shape"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(tmp_path: Path, name: str) -> None:
    content, message = TEXTS[name]
    assert message in refused(tmp_path, {"net.prototxt": content})


def test_everything_unknown_is_listed_at_once(tmp_path: Path) -> None:
    layers = [layer(kind, f"l{i}", "data", f"t{i}") for i, kind in enumerate(("Warp", "MVN", "SPP", "Python"))]
    message = refused(tmp_path, {"net.prototxt": INPUT + prototxt(layers)})
    for line, kind in ((3, "Warp"), (4, "MVN"), (5, "SPP"), (6, "Python")):
        assert f"net.prototxt, line {line}: l{line - 3}: the layer `{kind}`" in message or kind == "Python"
    assert "line 6" in message


BINARIES = {
    "a huge length": (varint(100 << 3 | 2) + varint(2**60), "bytes are announced, and 0 are left"),
    "a number without an end": (b"\xa2\x06" + b"\xff" * 20, "a number does not end"),
    "a group": (varint(100 << 3 | 3), "a field of no known kind"),
    "no layers": (framed(1, b"x"), "has no layers"),
    "a text": (b'name: "x"\n', "is damaged, or no caffemodel"),
    "packed numbers": (
        framed(100, framed(7, framed(7, framed(1, b"\1" * 2_000_000)))),
        "numbers that describe a layer",
    ),
    "half a float": (framed(100, framed(7, framed(5, b"123"))), "are no whole numbers"),
}


@pytest.mark.parametrize("name", BINARIES)
def test_binaries(tmp_path: Path, name: str) -> None:
    content, message = BINARIES[name]
    assert message in refused(tmp_path, {"net.prototxt": prototxt(NET), "net.caffemodel": content})


def test_a_flood_of_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.formats.caffe.wire._MAX_FIELDS", 1000)
    weights = framed(100, framed(3, b"")) * 600
    assert "more than 1,000 fields" in refused(tmp_path, {"net.prototxt": prototxt(NET), "net.caffemodel": weights})


@pytest.mark.parametrize("content", [BINARIES["a huge length"][0], BINARIES["packed numbers"][0], b"\1" * 99])
def test_what_a_file_announces_takes_no_memory(tmp_path: Path, content: bytes) -> None:
    tracemalloc.start()
    try:
        refused(tmp_path, {"net.prototxt": prototxt(NET), "net.caffemodel": content})
        refused(tmp_path, {"net.cfg": CFG, "net.weights": content})
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_a_shape_that_does_not_fit_its_data(tmp_path: Path) -> None:
    huge = framed(5, struct.pack("<3f", 1, 2, 3)) + framed(7, framed(1, varint(10**9) * 4))
    weights = framed(100, framed(1, b"f") + framed(2, b"InnerProduct") + framed(7, huge) + framed(7, blob(np.zeros(3))))
    assert "these are the weights of another network" in refused(
        tmp_path, {"net.prototxt": prototxt(NET), "net.caffemodel": weights}
    )


def changed(**fields: object) -> list[object]:
    """Return the network with its weighted layer changed."""
    return [NET[0], {**NET[1], **fields}, NET[2]]


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (changed(name="g"), "no layer of the network is named as those of the weights (g …)"),
        (changed(blobs=(np.ones((3, 784)),)), "1 blobs in the weights, and the layer has 2"),
        (changed(blobs=(np.ones((4, 784)), np.zeros(3))), "is 4x784, and the layer needs 3x784"),
        (changed(blobs=(np.full((3, 784), np.nan), np.zeros(3))), "has numbers that are not finite"),
        (changed(blobs=(np.full((3, 784), np.inf), np.zeros(3))), "has numbers that are not finite"),
    ],
)
def test_weights_that_are_no_weights_of_it(tmp_path: Path, net: list[dict[str, object]], message: str) -> None:
    assert message in refused(tmp_path, {"net.prototxt": prototxt(NET), "net.caffemodel": caffemodel(net)})


SECTIONS = {
    "no section": ("height=3\n", "line 1: neither `[section]` nor `key=value`"),
    "another file": ("[section]\nkey=1\n", "does not begin with [net]"),
    "no text": ("\0", "is no text"),
    "no size": ("[net]\n[connected]\n", "say it: --shape CxHxW"),
    "a route ahead": (CFG + "[route]\nlayers=5\n", "line 8: [route]: layers=5 is no layer before it"),
    "a route to itself": (CFG + "[route]\nlayers=2\n", "layers=2 is no layer before it"),
    "a route far back": (CFG + "[route]\nlayers=-9\n", "layers=-9 is no layer before it"),
    "no number": (CFG.replace("output=3", "output=many"), "line 4: `output=many` is no number"),
    "a long number": (CFG.replace("output=3", "output=" + "9" * 5000), "is no number"),
    "no layer": (CFG.replace("output=3", "output=0"), "a number is out of range"),
    "an unknown function": (CFG.replace("linear", "stair"), "line 5: [connected]: activation=stair"),
    "an unknown section": (CFG + "[warp]\n", "line 7: [warp]: a section that is not known"),
    "a value of another Darknet": (
        "[net]\nheight=9\nwidth=9\nchannels=1\n[convolutional]\nsize=3\npad=1\npadding=0\ndilation=2\nactivation=relu\n",
        "line 9: [convolutional]: dilation=2; nothing is known of this value",
    ),
    "a negative batch": ("[net]\ninputs=5\nbatch=-7\npolicy=what\n[connected]\n", "policy=what"),
    "a million sections": ("[net]\ninputs=5\n" + "[avgpool]\n" * 9000, "sections; at most"),
    "too many values": (
        "[net]\nheight=999999\nwidth=999999\nchannels=3\n[convolutional]\nfilters=9999\n",
        "does not fit",
    ),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_sections(tmp_path: Path, name: str) -> None:
    content, message = SECTIONS[name]
    assert message in refused(tmp_path, {"net.cfg": content})


def twin() -> bytes:
    made = Twin(CFG)
    made.forward(np.zeros((1, 5)))
    return made.weights()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (b"PK\3\4", "shorter than the header"),
        (b"PK\3\4" + bytes(40), "does not begin as Darknet's weights do"),
        (struct.pack("<iiiQ", 0, 2, 0, 0) + b"\1", "ends within a number"),
        (struct.pack("<iiiQ", 0, 2, 0, 0), "ends before the bias of 3"),
        (twin()[:20] + struct.pack("<f", float("nan")) * 18, "not finite"),
    ],
)
def test_weights_of_darknet(tmp_path: Path, weights: bytes, message: str) -> None:
    assert message in refused(tmp_path, {"net.cfg": CFG, "net.weights": weights})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": "x"}, "of no format that can be imported"),
        ({"a.weights": b"x"}, "give the .cfg first"),
        ({"a.cfg": CFG, "a.prototxt": prototxt(NET)}, "import one network at a time"),
        ({"a.cfg": CFG, "b.cfg": CFG}, "one .cfg and at most one .weights"),
        ({"a.caffemodel": caffemodel(NET), "b.caffemodel": caffemodel(NET)}, "is a second weights"),
        ({"a.prototxt": "base_lr: 1"}, "there is no network in these files"),
    ],
)
def test_files_that_do_not_go_together(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    assert message in refused(tmp_path, files)


def test_a_network_that_gives_no_numbers_is_refused(tmp_path: Path) -> None:
    net = [NET[0], {**NET[1], "blobs": (np.full((3, 784), 3e38), np.zeros(3))}, NET[2]]
    files = {"net.prototxt": prototxt(net), "net.caffemodel": caffemodel(net)}
    assert "gives numbers that are not finite" in refused(tmp_path, files)


@pytest.mark.parametrize("name", ["net.prototxt", "net.caffemodel", "net.cfg", "net.weights", "net.json", "net.keras"])
def test_nothing_is_read_of_a_file_that_is_too_large(tmp_path: Path, name: str) -> None:
    files = {"net.caffemodel": ["net.prototxt"], "net.weights": ["net.cfg"]}.get(name, [])
    for each in files:
        (tmp_path / each).write_text({"net.cfg": CFG, "net.prototxt": prototxt(NET)}[each])
    with (tmp_path / name).open("wb") as stream:
        stream.truncate(2**36)  # a hole, which takes no room
    tracemalloc.start()
    try:
        with pytest.raises(NetspecError, match=rf"^{name} is larger than [\d,]+ bytes"):
            import_model([tmp_path / each for each in [*files, name]], out=tmp_path / "out.net")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_network_that_is_too_large_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.workflows.import_model._MOST_VALUES", 2)
    monkeypatch.setattr("netspec.workflows.import_model.Model", None)
    (tmp_path / "net.cfg").write_text(CFG)
    (tmp_path / "net.weights").write_bytes(twin())
    made = import_model([tmp_path / "net.cfg", tmp_path / "net.weights"], out=tmp_path / "out.net")
    assert "the network was not run, and nothing shows yet that it gives numbers" in made.notes[-1]
    assert made.model is not None


def test_a_long_text_takes_no_memory_to_match() -> None:
    text = 'name: "' + "\\101" * 200_000 + '"'
    tracemalloc.start()
    try:
        assert read_text(text, "Net", "net.prototxt", []).get("name") == "A" * 1000
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_merges_deep_in_each_other_are_written_with_labels(tmp_path: Path) -> None:
    layers = [layer("ReLU", f"r{i}", f"s{i}" if i else "data", f"r{i}") for i in range(40)]
    sums = [layer("Eltwise", f"s{i + 1}", f"r{i} data", f"s{i + 1}") for i in range(40)]
    net = [each for pair in zip(layers, sums, strict=True) for each in pair]
    (tmp_path / "net.prototxt").write_text(INPUT + prototxt(net))
    text = import_model([tmp_path / "net.prototxt"], out=tmp_path / "out.net", partial=True).spec.read_text()
    assert max(len(line) - len(line.lstrip()) for line in text.splitlines()) <= 2 * 17
    assert text.count("residual") + text.count("add ") >= 40


def test_what_is_no_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NetspecError, match=r"^\. is of no format that can be imported"):
        import_model([Path()])


def test_an_existing_spec_stays(tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text(CFG)
    (tmp_path / "net.net").write_text("mine")
    with pytest.raises(NetspecError, match=r"exists already\n.*--force"):
        import_model([tmp_path / "net.cfg"], out=tmp_path / "net.net")
    assert (tmp_path / "net.net").read_text() == "mine"
    import_model([tmp_path / "net.cfg"], out=tmp_path / "net.net", force=True)
    assert (tmp_path / "net.net").read_text().startswith("# net, from Darknet: 18 parameters.")


def test_mutations_end_in_errors_of_netspec(tmp_path: Path) -> None:
    chosen = random.Random(5)
    seeds = [
        {"a.prototxt": prototxt(NET).encode(), "a.caffemodel": caffemodel(NET)},
        {"a.cfg": CFG.encode(), "a.weights": twin()},
    ]
    for _ in range(150):
        files = dict(chosen.choice(seeds))
        name = chosen.choice(list(files))
        data = damaged(files[name], chosen, [b"{", b"}", b"-1", b"9" * 30, b"\xff\xff", b"[", b'"'])
        for each, content in {**files, name: data}.items():
            (tmp_path / each).write_bytes(content)
        try:
            import_model([tmp_path / each for each in files], out=tmp_path / "out.net", force=True)
        except NetspecError:
            continue


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.cfg", "[net]\nheight=8\n\x06\n"), ("a.prototxt", 'laye\x02 { name: "f" }'), ("a.json", '{"\x1b[31m": 1}')],
)
def test_what_is_quoted_of_a_file_steers_no_terminal(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(NetspecError) as error:
        import_model([tmp_path / name], out=tmp_path / "x.net")
    assert all(c.isprintable() or c == "\n" for c in str(error.value))


def test_escapes_of_texts_are_those_of_protocol_buffers() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = read_text(r'name: "a\n\101\x42\'\q\\é"', "Net", "x.prototxt", [])
    assert net.get("name") == "a\nAB'q\\é"
