"""The studio: who may ask, what a text means, what may be trained, tried and looked at, and what is refused."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from untrained import untrained

import netspec as ns
from netspec.cli.verbs.studio import _copy_beside_runs
from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import NetspecError, Source
from netspec.studio.look import Looks
from netspec.studio.spec_facts import drawing_of, spec_facts
from netspec.studio.things import things
from netspec.studio.training import Training
from netspec.studio.trial import Trial
from netspec.studio.words import words
from netspec.studio.workspace import Workspace
from netspec.workflows.tagging import facts_of_tagged

SPEC = "input 1x8x8\nconv 4 3x3 relu; pool 2\nfc 10 softmax\ndata digits\n"


# --- what a text means --------------------------------------------------------------------------------------------


def test_each_line_has_what_its_last_layer_gives(tmp_path: Path) -> None:
    facts = spec_facts(SPEC, "t.net", tmp_path)
    assert [(line["line"], line["shape"], line["parameters"]) for line in facts["lines"]] == [
        (1, "1x8x8", 0),
        (2, "4x3x3", 40),
        (3, "10", 370),
    ]
    assert facts["summary"].startswith("3 layers, 410 parameters")
    assert facts["data"] == "digits"
    assert drawing_of(SPEC, "t.net", tmp_path).startswith("<svg ")
    assert drawing_of("fc 3 softmax", "t.net", tmp_path) == ""


def test_a_block_counts_where_it_is_used(tmp_path: Path) -> None:
    facts = spec_facts(
        "input 1x8x8\nblock two(c) { conv c 3x3\n conv c 3x3 }\ntwo 4\nfc 2 softmax\n", "t.net", tmp_path
    )
    assert [(line["line"], line["parameters"]) for line in facts["lines"]] == [(1, 0), (4, 40 + 148), (5, 130)]


@pytest.mark.parametrize(
    "wrong",
    [
        "input 1x8x8\ncnv 4 3x3\nfc 2 softmax",
        "input 1x8x8\nfc 2 softmx",
        "input 1x8x8\nfc 2 softmax\ntrain { epoch 3 }",
    ],
)
def test_a_fix_that_is_offered_takes_its_error_away(wrong: str, tmp_path: Path) -> None:
    (error,) = spec_facts(wrong, "t.net", tmp_path)["errors"]
    edit = error["edit"]
    lines = wrong.split("\n")
    line = lines[edit["line"] - 1]
    lines[edit["line"] - 1] = line[: edit["begin"]] + edit["text"] + line[edit["end"] :]
    assert not analyze(Source("t.net", "\n".join(lines))).diagnostics


@given(st.text(alphabet=st.sampled_from(list('abcfnov 123x;{}()#"\n\t=.é')), max_size=80))
def test_any_text_has_facts(text: str) -> None:
    facts = spec_facts(text, "t.net", Path())
    json.dumps(facts)
    assert bool(facts["errors"]) != bool(facts["summary"])


def test_the_words_are_those_of_the_language() -> None:
    found = words()
    assert {"conv", "fc", "lstm"} <= found["layers"].keys()
    assert "stride=" in found["layers"]["conv"]["arguments"]
    assert {"input", "train", "data", "block"} <= found["commands"].keys()
    assert "epochs" in found["settings"]["train"]
    assert "digits" in found["datasets"]
    assert {"relu", "adam", "epochs", "augment"} <= found["meanings"].keys()
    assert all(found["meanings"].values())
    json.dumps(found)


# --- the folder ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec and a trained run."""
    made = tmp_path_factory.mktemp("studio")
    (made / "own.net").write_text(SPEC)
    rng = np.random.default_rng(0)
    arrays = rng.integers(0, 256, (40, 1, 8, 8)).astype(np.uint8), rng.integers(0, 10, 40)
    network = ns.parse(SPEC.replace("data digits", "train { epochs 1; batch 20 }"), name="own")
    for _ in ns.train(network, data=(*arrays, *arrays), out=made / "runs" / "own" / "001"):
        pass
    return made


def test_only_runs_that_are_listed_are_opened(folder: Path) -> None:
    workspace = Workspace(folder / "own.net")
    assert [run["name"] for run in workspace.runs()] == ["own/001"]
    assert workspace.metrics("own/001")["result"]["epochs"] == 1
    for name in ("../own", "own/002", "", None, "own/001/../001", str(folder)):
        with pytest.raises(NetspecError, match="there is no run"):
            workspace.run_folder(name)


@pytest.mark.parametrize(("run", "name"), [("runs/own/001", "own"), ("runs/mine", "mine")])
def test_the_spec_of_a_run_is_opened_beside_the_runs(run: str, name: str, tmp_path: Path) -> None:
    (tmp_path / run).mkdir(parents=True)
    spec = tmp_path / run / "spec.net"
    spec.write_text(SPEC)
    first = _copy_beside_runs(spec)
    assert (first, first.read_text()) == (tmp_path / f"{name}_from_run.net", SPEC)
    assert _copy_beside_runs(spec) == first
    first.write_text("input 3\n")
    assert _copy_beside_runs(spec) == tmp_path / f"{name}_from_run_2.net"


def test_what_is_typed_is_kept_and_saved(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new.net")
    assert not analyze(Source("new.net", workspace.text)).diagnostics
    workspace.type("input 3\n")
    assert not (tmp_path / "new.net").exists()
    workspace.save("input 3\n")
    assert (tmp_path / "new.net").read_text() == "input 3\n"
    for wrong in (None, 3, "x" * 20_000_000):
        with pytest.raises(NetspecError, match="a text of at most"):
            workspace.type(wrong)


def test_what_is_opened_is_a_spec_or_a_run(tmp_path: Path) -> None:
    from netspec.cli.verbs.studio import _spec  # noqa: PLC0415

    assert _spec(tmp_path / "new.net") == tmp_path / "new.net"
    with pytest.raises(NetspecError, match="there is no such run"):
        _spec(tmp_path / "runs" / "lenet")
    (tmp_path / "rows.csv").write_text("a,b\n")
    with pytest.raises(NetspecError, match=r"netspec studio rows\.net"):
        _spec(tmp_path / "rows.csv")


def test_several_files_keep_their_own_texts(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "own.net")
    workspace.begin("mine", "input 3")
    assert (workspace.file.name, workspace.text, workspace.saved) == ("mine.net", "input 3", False)
    assert not (tmp_path / "mine.net").exists()
    # A page in which the first file is open still types into that.
    workspace.type("input 4", "own.net")
    workspace.save("input 4", "own.net")
    assert (tmp_path / "own.net").read_text() == "input 4"
    workspace.type("input 5", "mine.net")
    workspace.open("own.net")
    (tmp_path / "own.net").write_text("input 6")
    workspace.open("own.net")
    assert (workspace.text, workspace.saved) == ("input 6", True)
    workspace.open("mine.net")
    assert workspace.text == "input 5"
    assert workspace.specs() == ["mine.net", "own.net"]
    workspace.begin_for("own", "input 7")
    assert workspace.file.name == "own_2.net"
    workspace.begin_for("-a b/c", "input 8")
    assert workspace.file.name == "a_b_c.net"


@pytest.mark.parametrize(
    "name", ["own", "own.net", "there", "", "  ", "../x", "a/b", "a\\b", ".x", "-x", "x" * 200, "a\nb", None, 3]
)
def test_no_other_name_is_one_of_a_new_file(name: Any, tmp_path: Path) -> None:
    (tmp_path / "there.net").write_text("")
    workspace = Workspace(tmp_path / "own.net")
    with pytest.raises(NetspecError, match=r"no name of a file|already"):
        workspace.begin(name, "input 3")
    assert workspace.file.name == "own.net"


def test_what_lies_in_the_folder(tmp_path: Path) -> None:
    for name in ("rows.csv", "said.txt", "own.net", "a.npz", "photos.zip", ".hidden.csv", "read.me"):
        (tmp_path / name).write_bytes(b"")
    for name in ("photos/cats/1.png", "texts/a/1.txt", "runs/own/curves.png", "empty/x.bin"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "link.csv").symlink_to(tmp_path / "rows.csv")
    assert {thing["name"]: thing["kind"] for thing in things(tmp_path)} == {
        "a.npz": "arrays",
        "photos": "a folder of pictures",
        "photos.zip": "an archive",
        "rows.csv": "a table",
        "said.txt": "a text",
        "texts": "a folder of texts",
    }


# --- requests -----------------------------------------------------------------------------------------------------


class Client:
    """A browser that knows the token."""

    def __init__(self, folder: Path) -> None:
        testclient = pytest.importorskip("starlette.testclient", reason="pip install 'netspec[test]'")
        from netspec.studio.app import Studio  # noqa: PLC0415

        self.reports: list[str] = []
        self.studio = Studio(Workspace(folder / "own.net"), "secret", 8000, self.reports.append)
        self.client = testclient.TestClient(self.studio, base_url="http://127.0.0.1:8000")
        self.client.cookies["netspec-8000"] = "secret"

    def post(self, path: str, value: Any, **more: Any) -> Any:
        return self.client.post(path, json=value, **more)


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    made = Client(folder)
    yield made
    made.studio.end()
    assert made.reports == []


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"Host": "evil.example"}, "secret"),
        ({"Host": "127.0.0.1:9000"}, "secret"),
        ({"Origin": "http://evil.example"}, "secret"),
        ({"Origin": "null"}, "secret"),
        ({"Origin": "http://["}, "secret"),
        ({}, "wrong"),
        ({}, ""),
        ({}, "secret\u00e9"),
    ],
)
def test_who_may_not_ask(client: Client, headers: dict[str, str], token: str) -> None:
    client.client.cookies.clear()
    for path in ("/", "/api/state", "/studio.js"):
        assert client.client.get(path, params={"token": token}, headers=headers).status_code == 403


def test_the_page_and_its_files(client: Client) -> None:
    client.client.cookies.clear()
    page = client.client.get("/", params={"token": "secret"})
    assert page.status_code == 200
    assert "HttpOnly" in page.headers["set-cookie"]
    assert "unsafe" not in page.headers["content-security-policy"]
    for name in (
        "studio.js",
        "editor.js",
        "studio.css",
        "vendor/codemirror/codemirror.js",
        "vendor/codemirror/LICENSE",
    ):
        assert client.client.get(f"/{name}").status_code == 200
    for name in ("../app.py", "%2e%2e/app.py", "vendor/../../app.py", "api/none", "etc/passwd"):
        assert client.client.get(f"/{name}").status_code == 404


def test_texts_are_checked_and_kept(client: Client) -> None:
    found = client.post("/api/check", {"text": "input 3\nfc 2 softmx\n"}).json()
    assert found["errors"][0]["edit"]["text"] == "softmax"
    assert client.client.get("/api/state").json()["text"] == "input 3\nfc 2 softmx\n"
    assert client.post("/api/drawing", {"text": SPEC}).json()["svg"].startswith("<svg ")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/check", b"{", 400),
        ("/api/check", b"[]", 400),
        ("/api/check", b'{"text": 3}', 400),
        ("/api/check", b"[" * 100_000, 400),
        ("/api/check", b"x" * (9 * 2**20), 413),
        ("/api/check", b'{"text": "fc 3", "file": "none.net"}', 400),
        ("/api/save", b'{"text": "fc 3", "file": "../x.net"}', 400),
        ("/api/open", b'{"file": "../own.net"}', 400),
        ("/api/open", b'{"file": ["own.net"]}', 400),
        ("/api/new", b'{"file": "own.net"}', 400),
        ("/api/new", b'{"file": "x", "text": 3}', 400),
        ("/api/new_for", b'{"data": "../x.csv"}', 400),
        ("/api/new_for", b'{"data": "digits"}', 400),
        ("/api/new_from", b'{"run": "../own"}', 400),
        ("/api/train", b'{"text": "fc 3"}', 400),
        ("/api/train", b'{"text": "input 3; fc 2 softmax"}', 400),
        ("/api/train", b'{"text": "input 3; fc 2 softmax", "epochs": "1; rm"}', 400),
        ("/api/look", b'{"data": "/etc/passwd"}', 400),
        ("/api/look", b'{"data": "../x.csv"}', 400),
        ("/api/look", b'{"data": ""}', 400),
        ("/api/look", b'{"data": "' + b"x" * 5000 + b'"}', 400),
        ("/api/look", b'{"data": "\\ud800"}', 400),
        ("/api/resume", b'{"run": "../../x"}', 400),
        ("/api/answer?run=none", b"", 400),
        ("/api/answer?run=own/001", b"no picture", 400),
        ("/api/nothing", b"", 404),
    ],
)
def test_what_is_refused(client: Client, path: str, body: bytes, status: int) -> None:
    answer = client.client.post(path, content=body, headers={"Content-Type": "image/png"})
    assert answer.status_code == status
    assert answer.json().keys() == {"error", "fix"}


def test_no_file_outside_the_folder_is_read(client: Client, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"")
    (folder / "out.npz").symlink_to(tmp_path / "x.npz")
    (folder / "out.net").symlink_to(tmp_path / "x.npz")
    (folder / "outside").symlink_to(tmp_path)
    (folder / "circle").symlink_to(folder / "circle")
    before = (folder / "own.net").read_text()
    for name in ("out.npz", "outside/x.npz", "outside", f"{tmp_path}/x.npz"):
        assert "outside of the folder" in client.post("/api/look", {"data": name}).json()["error"]
    assert client.post("/api/look", {"data": "circle"}).status_code == 400
    for line in (
        'data "out.npz"',
        'data "outside/x.npz"',
        'data "../x.npz"',
        f'data "{tmp_path}/x.npz"',
        'data digits else "out.npz"',
        'weights "outside/x.npz"',
        'include "out.net"',
    ):
        text = SPEC.replace("data digits", line)
        assert "E0403" in {error["code"] for error in client.post("/api/check", {"text": text}).json()["errors"]}, line
        refused = client.post("/api/train", {"text": text})
        assert (refused.status_code, refused.json()["error"]) == (400, "the spec has errors"), line
    assert (folder / "own.net").read_text() == before
    for link in ("out.npz", "out.net", "outside", "circle"):
        (folder / link).unlink()


def test_a_file_that_leads_out_of_the_folder_is_not_opened(client: Client, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.net").write_text("input 3")
    (folder / "out.net").symlink_to(tmp_path / "x.net")
    assert "out.net" not in client.client.get("/api/state").json()["files"]
    assert client.post("/api/open", {"file": "out.net"}).status_code == 400
    assert client.post("/api/new", {"file": "out"}).status_code == 400
    (folder / "out.net").unlink()


def test_the_text_of_a_run_is_opened_as_a_new_file(client: Client, folder: Path) -> None:
    found = client.post("/api/new_from", {"run": "own/001"}).json()
    assert (found["file"], found["saved"]) == ("own_from_run.net", False)
    assert found["text"] == (folder / "runs" / "own" / "001" / "spec.net").read_text()


def test_a_network_is_written_for_a_table(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 3},{'cat' if i % 3 else 'dog'}\n" for i in range(60))
    (tmp_path / "pets.csv").write_text(f"weight,legs,kind\n{rows}")
    client = Client(tmp_path)
    assert client.client.get("/api/files").json()["data"] == [{"name": "pets.csv", "kind": "a table"}]
    looked = client.post("/api/look", {"data": "pets.csv"}).json()
    assert [column["column"] for column in looked["columns"]] == ["weight", "legs", "kind"]
    assert "next:" not in looked["text"]
    found = client.post("/api/new_for", {"data": "pets.csv", "target": "kind"}).json()
    assert (found["file"], found["saved"], found["files"]) == ("pets.net", False, ["own.net", "pets.net"])
    facts = client.post("/api/check", {"text": found["text"], "file": "pets.net"}).json()
    assert (facts["errors"], facts["data"]) == ([], "pets.csv")
    assert "target kind" in found["text"]
    refused = client.post("/api/new_for", {"data": "pets.csv", "target": "knd"})
    assert refused.status_code == 400
    assert "knd" in refused.json()["error"]
    client.studio.end()


def test_data_that_is_not_there_is_said_beside_the_shapes(tmp_path: Path) -> None:
    facts = spec_facts(SPEC.replace("data digits", 'data "none.npz"'), "t.net", tmp_path)
    assert [error["code"] for error in facts["errors"]] == ["E0314"]
    assert facts["lines"][-1]["shape"] == "10"


def test_the_text_that_was_checked_is_trained(client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec.studio import app  # noqa: PLC0415

    def checked(text: str, *_: Any) -> dict[str, Any]:
        # Another tab types meanwhile.
        client.studio._workspace.type("something else")
        return {"errors": [], "data": "digits"}

    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(app, "spec_facts", checked)
    monkeypatch.setattr(Training, "start", lambda self, *words: started.append(words))
    assert client.post("/api/train", {"text": SPEC, "epochs": 2}).status_code == 200
    assert started == [("train", "--epochs", "2", "--", "own.net")]
    assert (folder / "own.net").read_text() == SPEC
    assert client.client.get("/api/state").json()["saved"] is False


def test_a_fault_of_the_machine_is_answered(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Workspace) -> Any:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Workspace, "runs", fails)
    answer = client.client.get("/api/runs")
    assert answer.status_code == 500
    assert answer.json().keys() == {"error", "fix"}
    assert "Too many open files" in client.reports.pop()


def test_a_look_ends_with_the_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(slow))
    looks = Looks(tmp_path)
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(looks, "digits")
        until(lambda: looks._process is not None)
        looks.end()
        with pytest.raises(NetspecError, match="digits cannot be shown"):
            found.result(20)
    with pytest.raises(NetspecError, match="the studio ends"):
        looks("digits")


def test_an_example_is_answered_as_by_predict(client: Client, folder: Path) -> None:
    import io  # noqa: PLC0415

    from PIL import Image  # noqa: PLC0415

    pixels = np.random.default_rng(3).integers(0, 256, (8, 8)).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "png")
    assert client.client.get("/api/reads", params={"run": "own/001"}).json()["kind"] == "picture"
    answer = client.client.post(
        "/api/answer?run=own/001", content=content.getvalue(), headers={"Content-Type": "image/png"}
    ).json()
    run = ns.open(folder / "runs" / "own" / "001")
    (expected,) = run.predict(run.read(content.getvalue()))
    assert answer["answer"]["label"] == expected.label
    assert answer["answer"]["probability"] == pytest.approx(expected.probability)
    assert [layer["name"] for layer in answer["layers"]] == ["input", "conv_1", "pool_1", "fc_1"]
    assert answer["saliency"].startswith("data:image/png;base64,")


def test_each_of_several_outputs_is_answered_by_its_name(tmp_path: Path) -> None:
    spec = "input 4\nfc 3 relu as both\nfc 4 softmax as kind\nfrom both; fc 2 as size\noutput kind\noutput size\n"
    found = Trial().answer(untrained(tmp_path, "two", spec), b"[1, 2, 3, 4]", "application/json")
    assert len(found["answer"]["outputs"]["kind"]["top"]) == 4
    assert len(found["answer"]["outputs"]["size"]["outputs"]) == 2


def test_words_are_answered_with_their_labels(tmp_path: Path) -> None:
    model = untrained(tmp_path, "words")
    assert Trial().reads(model) == {"kind": "sentences"}
    found = Trial().answer(model, b"Cleo lives in Marn .\nSo it is\n", "text/plain")
    expected = [facts_of_tagged(each) for each in ns.open(model).tag(["Cleo lives in Marn .", "So it is"])]
    assert found["answer"] == {"sentences": expected}
    assert found["notes"] == ["the request: 3 of 8 words are unknown to the model"]
    assert (found["saliency"], found["layers"][0]["name"]) == ("", "embedding_1")
    looked = Looks(tmp_path)("names.conll")
    assert "300 sentences" in looked["text"]
    assert not looked["picture"]
    assert "entity_f1" in Looks(tmp_path).spec_for("names.conll", None)


def test_a_sound_is_answered(tmp_path: Path) -> None:
    model = untrained(tmp_path, "sound")
    assert Trial().reads(model) == {"kind": "sound"}
    with zipfile.ZipFile(tmp_path / "sounds.zip") as archive:
        content = archive.read("rising/0.wav")
    found = Trial().answer(model, content, "audio/wav")
    (expected,) = ns.open(model).predict(ns.open(model).read(content))
    assert found["answer"]["label"] == expected.label
    assert found["saliency"].startswith("data:image/png")
    assert "54 sounds" in Looks(tmp_path)("sounds.zip")["text"]


def test_texts_are_looked_at_without_a_picture(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "said" / name).mkdir(parents=True)
        for i in range(3):
            (tmp_path / "said" / name / f"{i}.txt").write_text(f"{name} said {i}\n")
    found = Looks(tmp_path)("said")
    assert "6" in found["text"]
    assert not found["picture"]


# --- trainings ----------------------------------------------------------------------------------------------------


def until(condition: Any, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_events_come_and_the_end_of_a_training_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.net").write_text("input 1x8x8; fc 10 softmax; data digits; train { epochs 1; batch 500 }")
    training = Training(tmp_path)
    training.start("train", "t.net")
    with pytest.raises(NetspecError, match="stop it first"):
        training.start("train", "t.net")
    until(lambda: training.events and training.events[-1]["event"] == "ended")
    kinds = [event["event"] for event in training.events]
    assert {"started", "epoch", "finished"} <= set(kinds)
    assert [event["id"] for event in training.events] == sorted({event["id"] for event in training.events})
    assert (tmp_path / "runs" / "t" / "001" / "best.safetensors").exists()
    training.start("train", "--", "none.net")
    until(lambda: training.events and training.events[-1]["event"] == "ended")
    assert "there is no such file" in training.events[-2]["text"]


def test_a_training_that_is_stopped_is_saved(tmp_path: Path) -> None:
    (tmp_path / "t.net").write_text("input 1x8x8; fc 10 softmax; data digits; train { epochs 100000; batch 8 }")
    training = Training(tmp_path)
    training.start("train", "t.net")
    until(lambda: any(event["event"] == "step" for event in training.events))
    training.stop()
    until(lambda: training.events[-1]["event"] == "ended")
    assert training.events[-1]["stopped"]
    assert (tmp_path / "runs" / "t" / "001" / "checkpoints").exists()
