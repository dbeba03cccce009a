"""A served model answers what `netspec predict --json` answers for the same examples, and refuses what it refuses."""

from __future__ import annotations

import base64
import io
import json
import random
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.command_line import cli, lines
from jsonschema import Draft202012Validator
from PIL import Image
from sources.workbooks import xlsx
from starlette.testclient import TestClient
from untrained import untrained

from netspec.serving import sentences
from netspec.serving.app import Limits, Service
from netspec.workflows.tagging import facts_of_tagged
from netspec.workflows.trained import open_run

JSON, HERE = "application/json", "http://localhost"

SPECS = {
    "digits": "data digits\ninput 1x8x8\nconv 4 3x3 relu; fc 10 softmax\n",
    "labels": "input 1x4x4\nfc 3 sigmoid\n",
    "tokens": "input 5 tokens=9\nembedding 4; globalpool; fc 3 softmax\n",
    "twins": "input 3 as left\ninput 1x4x4 as right\nfrom right; flatten as r\nfrom left; concat r as both\n"
    "fc 4 softmax as kind\nfrom both; fc 2 as size\noutput kind\noutput size\n",
    "fruit": 'data "fruit.csv" { target field; drop grams; test 20% }\ninput picture 3x8x8 as picture\n'
    "globalpool; fc classes softmax\n",
    "weigh": 'data "fruit.csv" { target grams; test 20% }\ninput picture 3x8x8 as look\ninput field as place\n'
    "from place; embedding 4; flatten as p\nfrom look; globalpool; concat p\nfc 1\n",
    "reviewed": 'data "rows.csv" { target kind; text words length=6; drop stars }\n'
    "embedding 4; globalpool; fc classes softmax\n",
}
WORDS = "text,stars,kind\n" + "".join(f"a {w} film {i},{i % 5},{w}\n" for i, w in enumerate(["good", "bad"] * 20))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "rows.csv").write_text(WORDS, encoding="utf-8")
    yield folder
    while _SERVED:
        _SERVED.popitem()[1].end()


_MODELS: dict[tuple[Path, str], Path] = {}
_SERVED: dict[tuple[Path, str], Service] = {}


def model(folder: Path, name: str) -> Path:
    """Return a model file, made once."""
    if (folder, name) not in _MODELS:
        _MODELS[folder, name] = untrained(folder, name, SPECS.get(name, ""))
    return _MODELS[folder, name]


@contextmanager
def served(folder: Path, name: str) -> Iterator[TestClient]:
    """Give who asks a model, which is served in this process until the last test has ended."""
    if (folder, name) not in _SERVED:
        _SERVED[folder, name] = Service(open_run(model(folder, name)), Limits(batch=4, wait=0))
    yield TestClient(_SERVED[folder, name], base_url=HERE)


def png(side: int, mode: str = "L", kind: str = "PNG") -> bytes:
    """Return a picture of a dark stroke on light ground."""
    values = np.full((side, side + (side // 4 if side > 8 else 0)), 230, np.uint8)
    values[side // 4 : side // 2, side // 3 : side // 3 + side // 8 + 1] = 20
    stream = io.BytesIO()
    Image.fromarray(values).convert(mode).save(stream, kind)
    return stream.getvalue()


def wav(rate: int = 4000) -> bytes:
    """Return a sound of 0.1 s."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((9000 * np.sin(np.arange(rate // 10) / 3)).astype("<i2").tobytes())
    return stream.getvalue()


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


def text64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def predicted(folder: Path, name: str, *words: str) -> list[dict[str, Any]]:
    """Return what the command line answers, without what it calls the examples."""
    done = cli(folder, "predict", model(folder, name).name, *words, "--json")
    assert done.returncode == 0, done.stderr
    found = lines(done.stdout)
    for each in found:
        each.pop("file", None)
        each.pop("text", None)
    return found


def as_predicted(response: Any) -> list[dict[str, Any]]:
    """Return what a server answers in the form of the command line, which repeats the notes for each example."""
    assert response.status_code == 200, response.text
    answer = response.json()
    notes = {"notes": answer["notes"]} if "notes" in answer else {}
    return [{**each, **notes} for each in answer["predictions"]]


def same(found: Any, expected: Any) -> None:
    """Compare two answers, numbers to the rounding of batches of different sizes."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            same(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
    else:
        assert found == expected


RNG = np.random.default_rng(0)
FLOATS = RNG.random((6, 1, 4, 4)).astype(np.float32)
TOKENS = [[1, 2, 3, 4, 0], [8, 8, 0, 0, 0]]
LEFT, RIGHT = RNG.random((3, 3)).astype(np.float32), RNG.random((3, 1, 4, 4)).astype(np.float32)
PLANTS = [
    {"height": 33.5, "leaves": 26, "soil": "bog", "shade": "yes"},
    {"height": None, "leaves": 3, "soil": "moon", "shade": "no"},
]
FLAT = {"area": 55, "rooms": 3, "town": "east", "title": "balcony flat, dark"}


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def file_of(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return name


PLANT = xlsx([["height", "leaves", "soil", "shade"], [33.5, 26, "bog", "yes"]])

ONE_EXAMPLE = [
    ("digits", "own.png", png(8), "image/png"),
    ("digits", "large.png", png(90), "image/png"),
    ("digits", "color.jpg", png(60, "RGB", "JPEG"), "image/jpeg"),
    ("pictures", "color.webp", png(60, "RGB", "WEBP"), "image/webp"),
    ("pictures", "plain.png", png(30), ""),
    ("masks", "cell.png", png(40), "image/png"),
    ("fruit", "fruit.png", png(30, "RGB"), "image/png"),
    ("sound", "chirp.wav", wav(), "audio/wav"),
    ("sound", "other.wav", wav(22_050), ""),
    ("labels", "one.npy", npy(FLOATS[0]), "application/x-npy"),
    ("plants", "one.csv", b"height,leaves,soil,shade\n33.5,26,bog,yes\n", "text/csv"),
    ("plants", "one.xlsx", PLANT, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("plants", "two.xlsx", PLANT, ""),
]


@pytest.mark.parametrize(("name", "file", "content", "media"), ONE_EXAMPLE, ids=[case[1] for case in ONE_EXAMPLE])
def test_one_example_has_the_very_answer_of_the_command_line(
    here: Path, name: str, file: str, content: bytes, media: str
) -> None:
    name = {"plants": "table"}.get(name, name)
    expected = predicted(here, name, file_of(here, file, content))
    with served(here, name) as client:
        headers = {"content-type": media} if media else {}
        assert as_predicted(client.post("/predict", content=content, headers=headers)) == expected


def test_pictures_in_json_and_in_forms(here: Path) -> None:
    own, large = png(8), png(90)
    expected = predicted(here, "digits", file_of(here, "a.png", own), file_of(here, "b.png", large))
    assert [each.get("framed_as") for each in expected] == [None, "digits"]
    with served(here, "digits") as client:
        urls = [text64(own), f"data:image/png;base64,{text64(large)}"]
        same(as_predicted(client.post("/predict", json=urls)), expected)
        assert as_predicted(client.post("/predict", json=text64(large))) == expected[1:]
        form = [("x", ("a.png", own, "image/png")), ("x", ("b.png", large, "application/octet-stream"))]
        same(as_predicted(client.post("/predict", files=form)), expected)
        top = client.post(
            "/predict?top=1&as_is=true&invert=false", content=large, headers={"content-type": "image/png"}
        )
        same(as_predicted(top), predicted(here, "digits", "b.png", "--top", "1", "--as-is", "--no-invert"))


def test_sounds_in_json_and_what_is_none(here: Path) -> None:
    expected = predicted(here, "sound", file_of(here, "a.wav", wav()))
    with served(here, "sound") as client:
        assert as_predicted(client.post("/predict", json=text64(wav()))) == expected
        refused = client.post("/predict", content=png(30), headers={"content-type": "image/png"})
        assert (refused.status_code, "audio/wav" in refused.json()["fix"]) == (415, True)
        damaged = client.post("/predict", content=wav()[:60], headers={"content-type": "audio/wav"})
        assert damaged.status_code in {400, 422}
        assert damaged.json()["error"] == "the request is cut off: it has 8 of 400 samples"
        assert "sound.wav" in client.get("/").text


def test_arrays_of_examples(here: Path) -> None:
    expected = predicted(here, "labels", file_of(here, "six.npy", npy(FLOATS)))
    with served(here, "labels") as client:
        same(as_predicted(client.post("/predict", json=FLOATS.tolist())), expected)
        same(as_predicted(client.post("/predict", json=FLOATS[0, 0].tolist())), expected[:1])
        same(as_predicted(client.post("/predict", content=npy(FLOATS))), expected)
        high = as_predicted(client.post("/predict?threshold=0.9", content=npy(FLOATS)))
        same(high, predicted(here, "labels", "six.npy", "--threshold", "0.9"))
    with served(here, "tokens") as client:
        expected = predicted(here, "tokens", file_of(here, "t.npy", npy(TOKENS)))
        same(as_predicted(client.post("/predict", json=TOKENS)), expected)
        same(as_predicted(client.post("/predict", json={"input": TOKENS[0]})), expected[:1])


def test_several_inputs_and_outputs_by_their_names(here: Path) -> None:
    packed = io.BytesIO()
    np.savez(packed, left=LEFT, right=RIGHT)
    expected = predicted(here, "twins", file_of(here, "both.npz", packed.getvalue()))
    assert list(expected[0]["outputs"]) == ["kind", "size"]
    with served(here, "twins") as client:
        both = {"left": LEFT.tolist(), "right": RIGHT.tolist()}
        same(as_predicted(client.post("/predict", json=both)), expected)
        same(as_predicted(client.post("/predict", content=packed.getvalue())), expected)
        twice = client.post("/predict", files=[("left", ("l.npy", npy(LEFT), ""))] * 2)
        assert (twice.status_code, twice.json()["error"]) == (400, "the request has the field 'left' twice")
        form = {"left": ("l.npy", npy(LEFT), ""), "right": (None, json.dumps(RIGHT.tolist()))}
        same(as_predicted(client.post("/predict", files=form)), expected)
        each = [{"left": a.tolist(), "right": b.tolist()} for a, b in zip(LEFT, RIGHT, strict=True)]
        same(as_predicted(client.post("/predict", json=each[0])), expected[:1])
        same(as_predicted(client.post("/predict", json=each)), expected)
        same(as_predicted(client.post("/predict", json={"instances": each})), expected)


def test_rows_of_a_table(here: Path) -> None:
    expected = predicted(here, "table", file_of(here, "rows.jsonl", jsonl(PLANTS)))
    assert any("the model has never seen" in note for note in expected[0]["notes"])
    with served(here, "table") as client:
        same(as_predicted(client.post("/predict", json=PLANTS)), expected)
        same(as_predicted(client.post("/predict", json={"instances": PLANTS})), expected)
        for media in ("application/x-ndjson", "application/octet-stream"):
            response = client.post("/predict", content=jsonl(PLANTS), headers={"content-type": media})
            same(as_predicted(response), expected)
        first = predicted(here, "table", file_of(here, "first.jsonl", jsonl(PLANTS[:1])))
        assert as_predicted(client.post("/predict", json=PLANTS[0])) == first
        fields = {key: str(value) for key, value in PLANTS[0].items()}
        assert as_predicted(client.post("/predict", files={k: (None, v) for k, v in fields.items()})) == first


def test_numbers_are_in_the_unit_of_their_column(here: Path) -> None:
    expected = predicted(here, "numbers", file_of(here, "flat.jsonl", jsonl([FLAT])))
    with served(here, "numbers") as client:
        assert as_predicted(client.post("/predict", json=FLAT)) == expected
    assert expected[0]["outputs"][0] > 50, "prices, not what is learned of them"


def test_texts(here: Path) -> None:
    for name in ("reviews", "reviewed"):
        expected = predicted(here, name, "--text", "a good film", "--text", "bad")
        with served(here, name) as client:
            same(as_predicted(client.post("/predict", json=["a good film", "bad"])), expected)
            assert as_predicted(client.post("/predict", json="a good film")) == expected[:1]
            plain = client.post("/predict", content=b"a good film\n", headers={"content-type": "text/plain"})
            assert as_predicted(plain) == expected[:1]
            same(as_predicted(client.post("/predict", json={"text": "a good film"})), expected[:1])


def test_words_get_their_labels(here: Path) -> None:
    """Law: what is served is what `run.tag` returns for as many at once, bit for bit, however sentences are given."""
    texts = ["Cleo Stone lives in Port Luma .", "Has May seen Marn", "No", "It is late ."]
    run = open_run(model(here, "words"))
    expected = [facts_of_tagged(each) for each in run.tag(texts)]
    alone = [facts_of_tagged(run.tag(text)[0]) for text in texts]
    same(alone, expected)
    cut = [each["tokens"] for each in expected]
    said = predicted(here, "words", *(word for text in texts for word in ("--text", text)))
    assert said == [{"sentence": 0, **each} for each in alone]
    with served(here, "words") as client:
        every = (texts, cut, [texts[0], cut[1], {"tokens": cut[2]}, {"words": cut[3], "labels": None}])
        for body in (*every, {"instances": texts}, [{"tokens": words} for words in cut]):
            found = client.post("/predict", json=body).json()
            assert found["predictions"] == expected
            assert found["notes"] == ["the request: 4 of 16 words are unknown to the model"]
        for body in (texts[0], {"tokens": cut[0]}, [cut[0]]):
            assert client.post("/predict", json=body).json() == {"predictions": alone[:1]}
        lines = "\n\n".join(texts).encode()
        objects = jsonl([{"tokens": words} for words in cut])
        for content, media in ((lines, "text/plain"), (objects, "application/x-ndjson")):
            response = client.post("/predict", content=content, headers={"content-type": media})
            assert response.json()["predictions"] == expected
        form = client.post("/predict", files={"a": (None, texts[0]), "b": ("b.txt", texts[1], "text/plain")})
        same(form.json()["predictions"], expected[:2])
        long = client.post("/predict", json=" ".join(["Marn"] * 20)).json()
    assert long["predictions"][0]["predicted"][15:] == [long["predictions"][0]["predicted"][15], "", "", "", ""]
    assert long["predictions"][0]["probability"][16:] == [0, 0, 0, 0]
    assert long["notes"] == ["the request: 4 words behind the first 16 of a sentence get no label"]


def test_too_many_words_or_sentences_are_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(here, "words") as client:
        monkeypatch.setattr(sentences, "_MOST_WORDS", 5)
        many = client.post("/predict", json=["Marn is old", "So is it"])
        assert (many.status_code, many.json()["error"]) == (413, "the request has 6 words")
        monkeypatch.setattr(client.app.served, "most_examples", 2)
        many = client.post("/predict", json=["a", "b", "c"])
        assert (many.status_code, many.json()["error"]) == (413, "the request has 3 examples")
        for media in ("text/csv", "application/x-npy", "image/png", "application/octet-stream", ""):
            response = client.post("/predict", content=b"a,b", headers={"content-type": media} if media else {})
            assert response.status_code == 415
            assert "application/json, text/plain or application/x-ndjson" in response.json()["fix"]
        response = client.post("/predict?threshold=0.5", json="Marn")
        assert (response.status_code, response.json()["fix"]) == (400, "leave threshold out")


def test_pictures_in_the_cells_of_rows_are_never_files_of_the_server(here: Path) -> None:
    rows = "picture,field\nfruit/0.png,south\nfruit/1.png,north\n"
    expected = predicted(here, "weigh", file_of(here, "files.csv", rows.encode()))
    contents = [(here / f"fruit/{i}.png").read_bytes() for i in range(2)]
    with served(here, "weigh") as client:
        given = [{"picture": text64(c), "field": f} for c, f in zip(contents, ("south", "north"), strict=True)]
        same(as_predicted(client.post("/predict", json=given)), expected)
        form = {"picture": ("a.png", contents[0], "image/png"), "field": (None, "south")}
        same(as_predicted(client.post("/predict", files=form)), expected[:1])
        for body, media in ((rows.encode(), "text/csv"), (rows.encode(), ""), (rows.encode(), "image/png")):
            response = client.post("/predict", content=body, headers={"content-type": media} if media else {})
            assert response.status_code == 400
            assert "is no picture in base64" in response.text or "is a picture, but" in response.text
        for cell in ("fruit/0.png", str(here / "fruit" / "0.png"), "../served/fruit/0.png"):
            wrong = client.post("/predict", json={"picture": cell, "field": "south"})
            assert wrong.json()["error"] == "the request: picture in line 1 is no picture in base64"


WRONG = [
    ("table", b"soil\nbog\n", "text/csv"),
    ("table", b"height,leaves,soil,shade\ntall,2,bog,yes\n", "text/csv"),
    ("table", b"height,leaves,soil,shade\n", "text/csv"),
    ("table", b'{"height": {"m": 2}}\n{"height": 3}', "application/jsonl"),
    ("table", b'{"height": 2, "height": 3}', "application/jsonl"),
    ("digits", b"\x89PNG\r\n\x1a\n" + bytes(40), "image/png"),
    ("digits", b"no picture at all", "image/png"),
    ("digits", npy(np.zeros((2, 3, 5))), "application/x-npy"),
    ("digits", npy(np.full((2, 1, 8, 8), np.nan)), "application/x-npy"),
    ("digits", npy(np.zeros((0, 1, 8, 8))), "application/x-npy"),
    ("labels", b"\x93NUMPY\x01\x00garbage", "application/octet-stream"),
    ("tokens", npy([[1, 2, 3, 4, 9]]), "application/x-npy"),
    ("twins", b"PK\x03\x04 no archive", "application/octet-stream"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_wrong_examples_have_the_messages_of_the_command_line(here: Path, number: int) -> None:
    name, content, media = WRONG[number]
    done = cli(here, "predict", model(here, name).name, "-", "--json", stdin=b"")
    assert done.returncode == 1
    suffix = {"text/csv": "csv", "application/jsonl": "jsonl", "image/png": "png", "application/x-npy": "npy"}
    file = file_of(here, f"wrong{number}.{suffix.get(media, 'npz' if content[:2] == b'PK' else 'npy')}", content)
    done = cli(here, "predict", model(here, name).name, file, "--json")
    assert (done.returncode, done.stdout) == (1, "")
    with served(here, name) as client:
        response = client.post("/predict", content=content, headers={"content-type": media})
    assert response.status_code == 400
    found = response.json()
    said = f"error: {found['error']}\n  fix: {found['fix']}\n"
    assert said.replace("the request", file) == done.stderr


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("table", "[]", "the request has no rows"),
        ("table", "[1]", "row 1 of the request is no JSON object"),
        ("table", "3", "the request is no JSON object"),
        ("table", '"a text"', "the request is a text, which the model does not read"),
        ("table", '{"height": NaN}', "the request is no JSON: NaN is no JSON"),
        ("table", '{"a": 1, "a": 2}', "the request has 'a' twice"),
        ("table", "{" + '"a":{' * 100_000, "the request is no JSON"),
        ("labels", "[" * 100_000, "the request is no JSON"),
        ("labels", "[" * 100_000 + "]" * 100_000, "the request is no JSON: it is nested too deeply"),
        ("labels", "[" * 500 + "]" * 500, "the request is not a rectangular array"),
        ("labels", "1" * 10_000, "the request is no JSON"),
        ("labels", "[[1, 2], [3]]", "the request is not a rectangular array"),
        ("labels", "[[null]]", "the request"),
        ("labels", "[[1e999]]", "the request"),
        ("labels", "[]", "the request"),
        ("labels", "null", "the request is no example"),
        ("labels", "{}", "the request lacks input"),
        ("labels", "[[123456789012345678901234567890]]", "the request"),
        ("twins", '{"left": [1, 2, 3]}', "the request lacks right"),
        ("twins", '{"left": [1, 2, 3], "rihgt": []}', "the request has 'rihgt', which is no input of the network"),
        ("twins", '[{"left": [1, 2, 3]}]', "example 1 of the request has 'left'"),
        ("twins", "[1]", "the request: the network has several inputs: left and right"),
        ("digits", '["AAAA", 3]', "the request"),
        ("digits", '["%%%"]', "picture 1 of the request is no picture in base64"),
        ("digits", '"/etc/passwd"', "the request is no picture in base64"),
        ("reviews", '" "', "the request is empty"),
        ("reviews", '{"text": "\\ud800"}', "the request: 'text' has half a character"),
        ("words", '" "', "the request has no words"),
        ("words", "[]", "the request has no sentences"),
        ("words", "3", "the request is no sentence"),
        ("words", '["Ada", null]', "sentence 2 of the request is no sentence"),
        ("words", '["Ada", []]', "sentence 2 of the request has no words"),
        ("words", '[["Ada", 3]]', "word 2 of sentence 1 of the request is no text"),
        ("words", '[["Ada", " "]]', "word 2 of sentence 1 of the request is no text"),
        ("words", '[[["Ada"]]]', "word 1 of sentence 1 of the request is no text"),
        ("words", '{"tokens": "Ada codes"}', "the request: `tokens` is a text, and no list of words"),
        ("words", '{"text": "Ada codes"}', "the request has no list `tokens`"),
        ("words", '{"tokens": [], "tokens": []}', "the request has 'tokens' twice"),
    ],
)
def test_wrong_json(here: Path, name: str, body: str, says: str) -> None:
    with served(here, name) as client:
        response = client.post("/predict", content=body.encode(), headers={"content-type": JSON})
    assert response.status_code == 400, response.text
    assert set(response.json()) == {"error", "fix"}
    assert response.json()["error"].startswith(says)
    assert response.json()["fix"]


BODIES = [
    *[content for _, _, content, _ in ONE_EXAMPLE],
    *[content for _, content, _ in WRONG],
    json.dumps(PLANTS).encode(),
    json.dumps(TOKENS).encode(),
    json.dumps({"left": LEFT.tolist(), "right": RIGHT.tolist()}).encode(),
    json.dumps(text64(png(8))).encode(),
    json.dumps([["Ada", "codes"], "May is here", {"tokens": ["Marn"]}]).encode(),
    b'--x\r\nContent-Disposition: form-data; name="left"; filename="a"\r\n\r\n' + npy(LEFT) + b"\r\n--x--\r\n",
    b'--x\r\nContent-Disposition: form-data; name="height"\r\n\r\n3\r\n--x--\r\n',
]
MEDIA = [JSON, "image/png", "text/csv", "text/plain", "application/x-ndjson", "multipart/form-data; boundary=x", ""]
PIECES = [
    b"null",
    b"NaN",
    b"1e400",
    b"-1",
    b'"\\ud800"',
    b"[[",
    b"]]",
    b"{}",
    b'"',
    b"true",
    b",",
    b"9" * 30,
    b"\r\n--x",
]


def mutated(draw: random.Random) -> bytes:
    """Return a body that was right for some model, or nearly."""
    body = bytearray(draw.choice(BODIES))
    for _ in range(draw.choice([0, 1, 1, 2, 5])):
        at = draw.randrange(len(body) + 1)
        match draw.randrange(3):
            case 0:
                body[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                del body[at : at + draw.randrange(1, 20)]
            case _:
                body[at:at] = draw.choice(PIECES)
    return bytes(body)


@pytest.mark.parametrize("name", ["digits", "tokens", "twins", "table", "reviews", "words", "weigh"])
def test_whatever_is_sent_is_answered_or_refused(here: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(name)
    reports: list[str] = []
    with served(here, name) as client:
        monkeypatch.setattr(client.app, "_report", reports.append)
        for _ in range(80):
            media, query = draw.choice(MEDIA), draw.choice(["", "?top=2", "?as_is=1", "?threshold=0.5"])
            body = mutated(draw)
            response = client.post(f"/predict{query}", content=body, headers={"content-type": media} if media else {})
            assert response.status_code in {200, 400, 413, 415}, (media, body, response.text)
            assert set(response.json()) <= (
                {"predictions", "notes"} if response.status_code == 200 else {"error", "fix"}
            )
    assert reports == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("tpo=3", "did you mean top?"),
        ("top=0", "no whole number of 1 to 1,000"),
        ("top=x", "no whole number"),
        ("threshold=nan", "no number of 0 to 1"),
        ("as_is=perhaps", "neither true nor false"),
        ("top=1&top=2", "given twice"),
        ("threshold=0.5", "leave threshold out"),
    ],
)
def test_wrong_parameters(here: Path, query: str, says: str) -> None:
    with served(here, "digits") as client:
        response = client.post(f"/predict?{query}", content=png(8), headers={"content-type": "image/png"})
    assert response.status_code == 400
    assert says in response.text


@pytest.mark.parametrize(
    "name", ["digits", "labels", "tokens", "twins", "table", "numbers", "reviews", "words", "weigh", "masks"]
)
def test_the_description_is_true(here: Path, name: str) -> None:
    """Law: what is answered fits the schema, the example of a body is answered, and other bodies fit no schema."""
    with served(here, name) as client:
        document = client.get("/openapi.json").json()
        page = client.get("/")
        post = document["paths"]["/predict"]["post"]
        schema = post["requestBody"]["content"][JSON]["schema"]
        answers = post["responses"]["200"]["content"][JSON]["schema"]
        for each in (schema, answers, *document["components"]["schemas"].values()):
            Draft202012Validator.check_schema(each)
        whole = Draft202012Validator({**answers, "components": document["components"]})
        whole.validate(post["responses"]["200"]["content"][JSON]["example"])
        example = post["requestBody"]["content"][JSON].get("example")
        if example is not None and name != "weigh":
            Draft202012Validator(schema).validate(example)
            response = client.post("/predict", json=example)
            assert response.status_code == 200, response.text
            whole.validate(response.json())
        assert not Draft202012Validator(schema).is_valid(None)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "{{" not in page.text
    assert "src=" not in page.text
    assert "http://localhost/predict" in page.text


def test_a_model_that_gives_its_input_again_is_not_served(here: Path) -> None:
    (here / "again.net").write_text("data digits { target input }\ninput 1x8x8\nfc 4 relu; fc 64 sigmoid\n")
    again = untrained(here, "again", (here / "again.net").read_text())
    done = cli(here, "serve", again.name, "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: the model gives its input again: there are no answers to serve")
