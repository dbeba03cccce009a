"""Limits: what a spec of a megabyte may ask for, and that it is refused by its size before time is spent on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import netspec
from netspec.compiler import Analysis, analyze
from netspec.diagnostics.diagnostic import Source
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.context import Context
from netspec.elaborate.limits import Expansion, Size
from netspec.elaborate.scope import Block, Scope, weight
from netspec.elaborate.wiring import MAX_DEPTH, MAX_NODES, MAX_STEPS
from netspec.graph.trace import MAX_DIAGNOSTICS
from netspec.syntax.parser import MAX_PARTS, MAX_TOKENS, parse


def analysis(text: str) -> Analysis:
    return analyze(Source("t.net", text))


def codes(text: str) -> list[str]:
    return [d.code for d in analysis(text).diagnostics]


# --- the text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "cov 3,\n" * 70_000,
        "fc " + "x".join("1" * 300_000),
        "fc (" + "+".join(["1"] * 450_000) + ")",
        "fc " + "(" * 450_000 + "1" + ")" * 450_000,
        "a{" * 300_000 + "}" * 300_000,
        "fc " + "-" * 900_000 + "1",
        ";" * 900_000 + "@",
        "\n" * 900_000 + "fc 3",
        "fc " + "1 " * 400_000,
    ],
    ids=["lines", "size", "sum", "parentheses", "braces", "signs", "separators", "blank", "arguments"],
)
def test_too_many_words(text: str) -> None:
    found = analysis("input 4\n" + text).diagnostics
    assert [d.code for d in found] == ["E0115"]
    assert found[0].span is not None


def test_the_limit_of_words_counts_no_comments_and_no_blanks() -> None:
    assert codes("input 4 # " + "a b " * 60_000 + "\nfc 3" + " " * 300_000) == []
    assert codes("input 4\nfc 3" + ";" * (MAX_TOKENS - 5)) == []
    assert codes("input 4\nfc 3" + ";" * (MAX_TOKENS - 4)) == ["E0115"]


@pytest.mark.parametrize(
    "text",
    [
        "concat " + "a " * (MAX_PARTS + 1),
        "branch " + "{ } " * (MAX_PARTS + 1) + "concat",
        "fc 3 init=normal(" + ",".join("1" * (MAX_PARTS + 1)) + ")",
        "fc " + "x".join("1" * (MAX_PARTS + 1)),
    ],
    ids=["arguments", "bodies", "call", "size"],
)
def test_too_many_parts_of_one_command(text: str) -> None:
    assert codes(f"input 4\nrelu as a\n{text}\nfc 3") == ["E0115"]


def test_ten_thousand_ways_may_meet() -> None:
    found = analysis("input 1\nbranch " + "{ } " * MAX_PARTS + "concat\nfc 3")
    assert found.graph is not None
    assert found.graph.parameter_count == 3 * MAX_PARTS + 3


def test_long_numbers_are_counted_but_not_read() -> None:
    assert codes("input 4\nfc " + "1" * 900_000) == ["E0111"]
    assert codes("input 4\nfc 0." + "1" * 900_000) == ["E0111"]
    assert codes("input 4\nassert params < 0." + "0" * 900_000 + "1k") == ["E0111"]
    assert len(codes("input 4\n" + "fc 1111111111111111111111\n" * 1_000)) <= 51


# --- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "fc " + "1 " * 9_000,
        "fc " + " ".join(f"a{i}=1" for i in range(9_000)),
        "relu as a\n" + "from a; relu\n" * 5_000,
        "relu as a\n" + "from a; conv 3 5x5\n" * 5_000,
        "train {" + "epoch 3\n" * 5_000 + "}",
    ],
    ids=["arguments", "keys", "unread", "shapes", "settings"],
)
def test_a_flood_of_mistakes_ends(text: str) -> None:
    found = codes("input 4x4x4\n" + text)
    assert found[-1] == "E0002"
    assert len(found) == MAX_DIAGNOSTICS + 1


def test_missed_budgets_are_worked_out_once() -> None:
    assert set(codes("input 4\nfc 3\n" + "assert flops < 9\n" * 10_000)) == {"E0501"}


def test_a_mistake_behind_a_long_way_looks_for_the_last_pool_once() -> None:
    # It was looked for among all operations at every step of the way back.
    (found,) = analysis("input 1x9x9\npool 1\n" + "relu\n" * 8_000 + "conv 3 11x11\n").diagnostics
    assert "drop `pool 1` on line 2" in found.fix


def test_neighbours_are_looked_for_among_the_first_names() -> None:
    names = [f"w{i}" for i in range(100_000)]
    assert nearest("w10", names) == "w10"
    assert nearest("w99999", names) in {*names[:2_000], None}


def test_commands_on_one_long_line_each_take_their_own_part() -> None:
    found = analysis("input 4;" + "relu;" * 20_000)
    assert found.places["relu_20000"].text == "relu"


# --- expansion -----------------------------------------------------------------------------------------------------


def sizes(text: str) -> Size:
    """Return the least size of the body of the first command, with the blocks of the file."""
    file = parse(Source("t.net", text))
    scope = Scope.of_file(file.commands, {})
    for command in file.commands[:-1]:
        name = command.arguments[0].value.text  # type: ignore[union-attr]
        scope.blocks[name] = Block(command.name, (), command.bodies[0], scope)
    return Expansion(MAX_DEPTH).body(file.commands[-1].bodies[0], scope.blocks)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("repeat 3 { }", (0, 0)),
        ("repeat 3 { relu; conv 3 3 as a; add a }", (3, 3)),
        ("repeat 3 { repeat 4 { relu } }", (4, 5)),
        ("repeat 3 { repeat n { relu } }", (0, 1)),
        ("repeat 3 { repeat (2*5) { let a = 1 } }", (0, 11)),
        ("repeat 3 { residual { relu; relu } { } ; branch { relu } { relu } concat }", (6, 6)),
        ("repeat 3 { let a = 1; from a; unknown }", (1, 3)),
        ("block b { relu; relu }; repeat 3 { b; b }", (4, 6)),
        ("block b { b; relu }; repeat 3 { b }", (1, 3)),
    ],
)
def test_the_least_size(text: str, size: tuple[int, int]) -> None:
    assert sizes(text) == size


def doubling(times: int) -> str:
    blocks = [f"block b{i} {{ b{i - 1}; b{i - 1} }}" for i in range(1, times)]
    return "\n".join(["input 4", "block b0 { relu }", *blocks, f"b{times - 1}"])


def test_what_is_too_large_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr("netspec.elaborate.wiring.Wiring.place", lambda self, *a, **k: made.append(a))
    for text in (
        doubling(40),
        "input 4\nrepeat 1000000000 { relu }",
        "input 4\nrepeat 1000000000 { let a = 1 }",
        "input 4\n" + "repeat 10 { " * 20 + "relu" + " }" * 20,
        "input 4\nblock b { repeat 1000 { relu } }\nrepeat 1000 { b }",
    ):
        assert codes(text) == ["E0218"]
    assert made == []


@pytest.mark.parametrize(
    "text",
    [
        f"let n = {MAX_NODES + 1}\nrepeat n {{ relu }}",
        f"block b(n) {{ repeat n {{ relu }} }}\nb {MAX_NODES + 1}",
        f"block b {{ }}\nrepeat {MAX_STEPS} {{ b }}\nrelu",
    ],
)
def test_what_depends_on_a_name_is_refused_when_it_is_known(text: str) -> None:
    assert codes(f"input 4\n{text}") == ["E0218"]


def test_deep_chains_of_blocks_are_refused() -> None:
    for count in (MAX_DEPTH + 2, 5_000):
        blocks = [f"block b{i} {{ b{i - 1} }}" for i in range(1, count)]
        found = codes("\n".join(["input 4", "block b0 { relu }", *blocks, f"b{count - 1}"]))
        # The names in them may be too long before.
        assert found in (["E0110"], ["E0214"])


def test_bodies_and_blocks_count_together() -> None:
    nested = "\n".join(f"block b{i} {{ {'residual { ' * 40} b{i - 1} {'}' * 40} }}" for i in range(1, 4))
    assert codes(f"input 4\nblock b0 {{ relu }}\n{nested}\nb1") == []
    assert codes(f"input 4\nblock b0 {{ relu }}\n{nested}\nb3") == ["E0110"]


# --- names in scope are chained, not copied ------------------------------------------------------------------------


def test_inner_scopes_copy_no_names() -> None:
    scope = Scope.of_file((), {})
    scope.values.update({f"a{i}": i for i in range(1_000)})
    (command,) = parse(Source("t.net", "repeat 3 { relu }")).commands
    inner = scope.round(command.bodies[0], 2, {}, {}).way(command.bodies[0])
    assert inner.values.maps[-1] is scope.values.maps[-1]
    assert inner.blocks.maps[-1] is scope.blocks.maps[-1]
    assert inner.labels.maps[-1] is scope.labels.maps[-1]
    inner.values["a1"] = 5
    assert scope.values["a1"] == 1


def test_a_line_is_bound_anew_where_its_values_are_of_another_type() -> None:
    # 1 and 1.0 are equal, and the second is no number of filters.
    assert codes("input 4\nblock b(n) { fc n }\nb 1\nb 1.0") == ["E0207"]


def test_a_block_sees_the_lets_of_the_time_of_its_use() -> None:
    text = "input 4\nblock b { fc n }\nlet n = 3\nb\nrepeat 1 { let n = 5; b }\nblock c { let n = 7; fc n; b }\nc"
    found = analysis(text)
    assert found.network is not None
    assert [node.layer.units for node in found.network.nodes] == [3, 3, 7, 3]  # type: ignore[attr-defined]


def test_a_context_keeps_so_many_mistakes() -> None:
    context = Context({}, limit=2)
    (command,) = parse(Source("t.net", "a")).commands
    for text in ("one", "two", "two"):
        context.error("E0201", text, command.span)
        assert not context.full
    context.error("E0201", "three", command.span)
    assert context.full
    assert [d.message for d in context.diagnostics] == ["one", "two"]


# --- memory --------------------------------------------------------------------------------------------------------


def test_a_trillion_parameters_are_refused_with_the_layer_named_and_without_jax() -> None:
    code = (
        "import sys\n"
        "from netspec.compiler import analyze\n"
        "from netspec.diagnostics.diagnostic import Source\n"
        "text = 'input 1000000\\nfc 10 relu\\nfc 100000 as small\\nfc 10000000 as huge'\n"
        "(d,) = analyze(Source('t.net', text)).diagnostics\n"
        "print(d.code, 'huge' in d.message, '1,000,0' in d.message)\n"
        "print(sorted({'jax', 'jaxlib', 'numpy', 'optax'} & set(sys.modules)))\n"
    )
    root = Path(netspec.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root)
    assert (done.stdout, done.stderr) == ("E0307 True True\n[]\n", "")


def test_sizes_that_double_are_refused() -> None:
    assert codes("input 8x8x8\n" + "concat input input\n" * 3 + "repeat 500 { relu as a; concat a a }") == ["E0307"]


@pytest.mark.parametrize(
    "text",
    [
        "block b(" + ",".join(f"p{i}=1" for i in range(900)) + ") { fc 3 }\nrepeat 20000 { b }",
        "block b(" + ",".join(f"p{i}=1" for i in range(900)) + ") { }\nrepeat 20000 { b " + "1 " * 900 + "}",
        "relu as a\nrepeat 20000 { concat " + "a " * 900 + "; fc 4 }",
        pytest.param("repeat 9000 { branch " + "{ } " * 900 + "add }", marks=pytest.mark.slow),
        "repeat 30000 { let a = " + "x".join(["1"] * 900) + " }",
    ],
    ids=["parameters", "arguments", "labels", "bodies", "size"],
)
def test_long_commands_that_are_repeated_count_as_many(text: str) -> None:
    assert codes(f"input 4\n{text}\nfc 3") == ["E0218"]


def test_lines_of_a_usual_length_count_as_one() -> None:
    line = "conv 4 3x3 stride=1 pad=same dilation=1 groups=1 nobias init=normal(0.01) relu"
    (command,) = parse(Source("t.net", line)).commands
    assert weight(command.arguments) == 0


def test_what_an_unknown_name_may_mean_is_looked_up_once_not_for_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("netspec.elaborate.elaborator.unknown_command", lambda *given: asked.append(given) or "nothing")
    assert codes("input 8x6x6\nrepeat 500 { peual100 }\nfc 3") == ["E0201"]
    assert len(asked) == 1
