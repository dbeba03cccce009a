"""A model file is whole and fits its own spec, or it is refused with a ModelFileError: never loaded, never a crash."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import netspec as ns
from netspec.runs import model_file
from netspec.runs.model_file import ModelFile

SPEC = "input 4; fc 3 relu; batchnorm; fc 2 softmax"
LABELS = ("zero", "eins – ä")
TRAINING = {"epoch": 3, "test_accuracy": 0.9876543210123, "step": 12}
BLANK = "0" * 64


def made(spec: str = SPEC, **changes: Any) -> ModelFile:
    network = ns.parse(spec, name="tiny")
    graph = network.graph()
    rng = np.random.default_rng(1)
    arrays = {p.path: rng.standard_normal(p.shape, np.float32) for p in graph.parameters.values()}
    return replace(ModelFile(network, graph, arrays, LABELS, TRAINING), **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.safetensors"
    model_file.write(file, made())
    return file


def refused(path: Path) -> str:
    """Return what is said of a file that must not load; any other error than a ModelFileError passes through."""
    with pytest.raises(ns.ModelFileError) as caught:
        model_file.read(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value.message


def forge(path: Path, arrays: Mapping[str, np.ndarray] | None = None, **metadata: str | None) -> Path:
    """Rewrite a model file with other arrays or metadata and a hash that is right, as an attacker would."""
    with safetensors.safe_open(path, "numpy") as file:
        said = dict(file.metadata())
    kept = safetensors.numpy.load_file(path) if arrays is None else dict(arrays)
    said.update({"sha256": BLANK, **{k: v for k, v in metadata.items() if v is not None}})
    said = {k: v for k, v in said.items() if k not in metadata or metadata[k] is not None}
    file = safetensors.numpy.save(kept)
    length = int.from_bytes(file[:8], "little")
    return sealed(path, {**json.loads(file[8 : 8 + length]), "__metadata__": said}, file[8 + length :])


def sealed(path: Path, header: Any, data: bytes) -> Path:
    """Write a file with this header, and with its hash where the header has the blank one."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    whole = len(text).to_bytes(8, "little") + text + data
    digest = hashlib.sha256(whole).hexdigest()
    path.write_bytes(whole.replace(f'"sha256":"{BLANK}"'.encode(), f'"sha256":"{digest}"'.encode()))
    return path


# --- what is whole ------------------------------------------------------------------------------------------------


def test_the_way_there_and_back_is_exact(path: Path) -> None:
    before, after = made(), model_file.read(path)
    assert after.network == before.network
    assert after.labels == LABELS
    assert after.training == TRAINING
    assert after.arrays.keys() == before.arrays.keys()
    for name, array in before.arrays.items():
        assert after.arrays[name].dtype == np.float32
        assert after.arrays[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("value", [np.nan, -0.0, np.inf, 1e-45, 3.4e38])
def test_odd_floats_keep_their_bits(tmp_path: Path, value: float) -> None:
    model = made()
    arrays = {name: np.full_like(array, value) for name, array in model.arrays.items()}
    model_file.write(tmp_path / "m.safetensors", replace(model, arrays=arrays))
    found = model_file.read(tmp_path / "m.safetensors").arrays
    assert all(found[name].tobytes() == array.tobytes() for name, array in arrays.items())


def test_arrays_that_are_not_contiguous_are_written_as_they_read(tmp_path: Path) -> None:
    model = made()
    arrays = {name: np.asfortranarray(array) for name, array in model.arrays.items()}
    model_file.write(tmp_path / "m.safetensors", replace(model, arrays=arrays))
    found = model_file.read(tmp_path / "m.safetensors").arrays
    assert all((found[name] == array).all() for name, array in arrays.items())


def test_the_same_model_is_the_same_file(tmp_path: Path) -> None:
    model = made()
    other = replace(model, arrays=dict(reversed(model.arrays.items())))
    model_file.write(tmp_path / "a", model)
    model_file.write(tmp_path / "b", other)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_programs_can_read_it(path: Path) -> None:
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
        assert sorted(file.keys()) == sorted(made().arrays)
    assert metadata["format"] == "netspec"
    assert metadata["version"] == "1", "nothing in it needs a newer one"
    assert ns.parse(metadata["spec"], name="tiny") == made().network
    assert json.loads(metadata["labels"]) == list(LABELS)


def test_forging_without_a_change_is_read(path: Path) -> None:
    assert model_file.read(forge(path)).labels == LABELS


def test_the_preprocessing_and_the_recipe_travel_with_it(tmp_path: Path) -> None:
    spec = (
        "input 1x8x8; fc 10 softmax; data digits { normalize mean=0.1307 std=0.3081; shuffle buffer=7; validation 9 }; "
        "train { optimizer sgd lr=0.01 momentum=0.9 nesterov; schedule cosine warmup=0.5; l2 0.0001; clip 1.0; seed 7 }"
    )
    model_file.write(tmp_path / "m.safetensors", made(spec))
    assert model_file.read(tmp_path / "m.safetensors").network == ns.parse(spec, name="tiny")


@pytest.mark.parametrize("name", ["arrays", "my.npz", "/somewhere/else/my.npz", "../my.npz", "C:\\data\\my.npz"])
def test_a_model_trained_on_data_of_ones_own_can_be_read(tmp_path: Path, name: str) -> None:
    network = ns.parse('input 4; fc 2 softmax; data "my.npz" { scale -1..1 }')
    assert network.data is not None
    network = network.model_copy(update={"data": network.data.model_copy(update={"name": name})})
    arrays = {p.path: np.zeros(p.shape, np.float32) for p in network.graph().parameters.values()}
    file = tmp_path / "m.safetensors"
    model_file.write(file, ModelFile(network, network.graph(), arrays, LABELS, {}))
    found = model_file.read(file).network
    assert found.data is not None
    assert found.data.scale == network.data.scale


# --- what is damaged ----------------------------------------------------------------------------------------------


def test_every_truncation_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert "damaged" in refused(path)


@pytest.mark.parametrize("more", [b"\x00", b"\x00" * 8, b"x" * 1000])
def test_bytes_too_many_are_refused(path: Path, more: bytes) -> None:
    path.write_bytes(path.read_bytes() + more)
    assert "damaged: it has" in refused(path)


def test_every_flip_in_the_first_bytes_is_refused(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for bit in range(16 * 8):
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        refused(path)
        data[bit // 8] ^= 1 << bit % 8


def test_random_flips_are_refused(path: Path) -> None:
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for bit in rng.integers(0, len(data) * 8, 600):
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        refused(path)
        data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    model_file.read(path)


def test_swapped_and_overwritten_stretches_are_refused(path: Path) -> None:
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(100):
        start, length = int(rng.integers(0, len(data) - 8)), int(rng.integers(1, 60))
        changed = data[:start] + rng.bytes(length) + data[start + length :]
        if changed != data:
            path.write_bytes(changed)
            refused(path)


def test_capitals_in_the_hash_are_refused(path: Path) -> None:
    with safetensors.safe_open(path, "numpy") as file:
        digest = file.metadata()["sha256"]
    path.write_bytes(path.read_bytes().replace(digest.encode(), digest.upper().encode()))
    refused(path)


# --- what is no model of netspec ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\x00" * 8,
        b"\x00" * 100,
        b"input 1x8x8\nfc 10 softmax\n",
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 64,
        (2**63).to_bytes(8, "little") + b"{}",
        (2**64 - 1).to_bytes(8, "little") + b"{}",
        (100_000_001).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        (4).to_bytes(8, "little") + b"\xff\xfe\xff\xfe",
        (21).to_bytes(8, "little") + b'{"__metadata__":null}',
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
        (100_000).to_bytes(8, "little") + b'{"a":' * 20_000,
        (10_000).to_bytes(8, "little") + b"9" * 10_000,
    ],
    ids=lambda content: f"{len(content)} bytes {content[:12]!r}",
)
def test_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "best.safetensors"
    file.write_bytes(content)
    refused(file)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "run",))

    file = tmp_path / "best.safetensors"
    file.write_bytes(pickle.dumps(Evil()))
    refused(file)
    assert not (tmp_path / "run").exists()


def test_nothing_here_knows_pickle() -> None:
    text = Path(model_file.__file__).read_text(encoding="utf-8")
    assert "import pickle" not in text
    assert "allow_pickle" not in text


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {"format": "mlx", "version": "1"}])
def test_a_safetensors_file_of_somebody_else_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    file = tmp_path / "other.safetensors"
    safetensors.numpy.save_file(dict(made().arrays), file, metadata)
    assert "not a netspec model" in refused(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.safetensors")
    refused(tmp_path)


# --- what was tampered with, the hash made right again ------------------------------------------------------------


@pytest.mark.parametrize("version", ["3", "99", "", "one", "-1", "1.0", "٢", "²", "9" * 5000])
def test_another_version_is_refused(path: Path, version: str) -> None:
    assert "format" in refused(forge(path, version=version))


def test_a_missing_version_and_a_missing_hash_are_refused(path: Path) -> None:
    data = path.read_bytes()
    assert "format" in refused(forge(path, version=None))
    path.write_bytes(data)
    assert "hash" in refused(forge(path, sha256=None))


def test_a_missing_array_is_refused(path: Path) -> None:
    arrays = dict(made().arrays)
    del arrays["fc_2/bias"]
    assert "fc_2/bias" in refused(forge(path, arrays))


def test_missing_state_is_refused(path: Path) -> None:
    arrays = {k: v for k, v in made().arrays.items() if k != "batchnorm_1/mean"}
    assert len(arrays) < len(made().arrays), "the running mean is in the file"
    assert "batchnorm_1/mean" in refused(forge(path, arrays))


def test_a_surplus_array_is_refused(path: Path) -> None:
    assert "fc_9/kernel" in refused(forge(path, {**made().arrays, "fc_9/kernel": np.zeros((2, 2), np.float32)}))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 4), np.float32),
        np.zeros((3, 2), np.float32),
        np.zeros((6,), np.float32),
        np.zeros((2, 3, 1), np.float32),
        np.zeros((0, 3), np.float32),
        np.zeros((2, 3), np.float64),
        np.zeros((2, 3), np.float16),
        np.zeros((2, 3), np.int32),
    ],
    ids=lambda a: f"{a.dtype} {a.shape}",
)
def test_an_array_of_another_shape_or_type_is_refused(path: Path, array: np.ndarray) -> None:
    message = refused(forge(path, {**made().arrays, "fc_2/kernel": array}))
    assert "fc_2/kernel" in message
    assert "(2, 3)" in message


def test_a_spec_that_wants_other_weights_is_refused(path: Path) -> None:
    assert "its spec wants" in refused(forge(path, spec="input 4; fc 5 relu; batchnorm; fc 2 softmax"))


@pytest.mark.parametrize("spec", ["", "fc", "input 4; cov 3", "input 4; fc 1000000000000", "{" * 1000, "\x00"])
def test_a_spec_that_is_not_valid_is_refused(path: Path, spec: str) -> None:
    refused(forge(path, spec=spec))


def test_a_missing_spec_is_refused(path: Path) -> None:
    refused(forge(path, spec=None))


def test_a_huge_spec_is_refused(path: Path) -> None:
    refused(forge(path, spec=SPEC + "\n" + "# much ado\n" * 200_000))


@pytest.mark.parametrize("labels", ["", "7", "null", "[", "[" * 100_000, "true"])
def test_labels_that_cannot_be_read_are_refused(path: Path, labels: str) -> None:
    refused(forge(path, labels=labels))


@pytest.mark.parametrize("training", ["", "7", "[1]", '{"a":' * 50_000])
def test_training_facts_that_cannot_be_read_are_refused(path: Path, training: str) -> None:
    refused(forge(path, training=training))


@pytest.mark.parametrize("field", ["labels", "training"])
def test_a_missing_field_is_refused(path: Path, field: str) -> None:
    refused(forge(path, **{field: None}))


def test_an_impossible_name_is_refused(path: Path) -> None:
    refused(forge(path, name="x" * 500))


def test_a_second_hash_in_the_file_is_refused_at_writing(tmp_path: Path) -> None:
    """A label could hold the marker the hash goes to; JSON escapes its quotes, so it is no second one."""
    file = tmp_path / "m.safetensors"
    model_file.write(file, made(labels=(f'"sha256":"{BLANK}"', f"{BLANK}")))
    assert model_file.read(file).labels == (f'"sha256":"{BLANK}"', f"{BLANK}")


def test_an_array_declared_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    said = {"format": "netspec", "version": "1", "name": "m", "spec": SPEC, "labels": "[]", "training": "{}"}
    header = {
        "__metadata__": {**said, "sha256": BLANK},
        "fc_1/kernel": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]},
    }
    message = refused(sealed(file, header, b""))
    assert "batchnorm_1" in message, "the spec's arrays are looked at before any is read"


def test_the_version_before_the_first_is_no_version(path: Path) -> None:
    for version in ("0", "01", "1 ", "+1"):
        assert "does not say which version" in refused(forge(path, version=version))


def test_a_newer_version_says_what_to_do(path: Path) -> None:
    with pytest.raises(ns.ModelFileError) as caught:
        model_file.read(forge(path, version="7", other="what this netspec knows nothing of"))
    assert "has version 7 of the netspec model format; this netspec reads up to 2" in caught.value.message
    assert caught.value.fix == "update netspec"


@pytest.mark.parametrize("labels", ["{}", "[1]", "[null]", '[["a"]]', '"ab"'])
def test_labels_that_are_no_texts_are_refused(path: Path, labels: str) -> None:
    assert "list of texts" in refused(forge(path, labels=labels))


def test_labels_that_come_twice_are_refused(path: Path) -> None:
    assert "two of its classes have the same name" in refused(forge(path, labels='["a", "b", "a"]'))


@pytest.mark.parametrize("training", ["[]", '[["epoch", 1]]', '"x"', "NaN"])
def test_training_facts_that_are_no_object_are_refused(path: Path, training: str) -> None:
    assert "not an object" in refused(forge(path, training=training))


def test_a_spec_that_asks_for_a_billion_weights_is_refused_before_any_is_read(path: Path) -> None:
    spec = "input 1000000; fc 1000000; fc 2 softmax"
    assert "the spec inside is not valid" in refused(forge(path, spec=spec))


def test_a_spec_inside_reads_no_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other.net").write_text(SPEC, encoding="utf-8")
    message = refused(forge(path, spec='input 4; include "other.net"; fc 2 softmax'))
    assert "a text that is no file cannot include one" in message


@pytest.mark.parametrize("spec", ["input 4\ud800; fc 2", "input 4; \x1b[2Jfc 2", "input 4; fc 2\u202e", "\0"])
def test_what_steers_a_terminal_is_not_repeated(path: Path, spec: str) -> None:
    assert refused(forge(path, arrays={}, spec=spec)).isprintable()


def test_names_that_a_file_made_up_are_shown_in_a_line(path: Path) -> None:
    message = refused(forge(path, {**made().arrays, "aa\x1b[31m\n" + "x" * 10_000: np.zeros(1, np.float32)}))
    assert message.isprintable()
    assert len(message) < 1000


def test_pipes_devices_and_loops_are_refused_at_once(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes in folders")
    pipe, loop = tmp_path / "pipe.safetensors", tmp_path / "loop.safetensors"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    assert "is not a file" in refused(pipe)
    assert "is not a file" in refused(Path("/dev/zero"))
    assert "cannot be read" in refused(loop)
    assert "cannot be read" in refused(tmp_path / ("x" * 5_000))


def test_odd_names_of_files_are_read(path: Path) -> None:
    for name in ("a b.safetensors", "ä \N{SNOWMAN}.safetensors", "'\"$(x).safetensors", "-x"):
        other = path.with_name(name)
        other.write_bytes(path.read_bytes())
        assert model_file.read(other).labels == LABELS


# --- writing ------------------------------------------------------------------------------------------------------


def test_a_name_that_is_no_text_can_be_written_and_read(tmp_path: Path) -> None:
    """A spec's file may be named by any bytes; the network is called after it."""
    network = made().network.model_copy(update={"name": "a\udcff\n"})
    model_file.write(tmp_path / "m.safetensors", made(network=network))
    assert model_file.read(tmp_path / "m.safetensors").network.name == "a" + "\N{REPLACEMENT CHARACTER}" * 2


def test_a_failed_writing_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        model_file.write(path, made(labels=("a", "b")))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
