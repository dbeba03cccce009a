"""The floors of the house: a file imports only from floors below it, and what must stay out stays out."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec import ops
from netspec.family import Family
from netspec.reference import FAMILIES

PACKAGE = Path(netspec.__file__).parent
FILES = {
    ".".join(("netspec", *p.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): p
    for p in sorted(PACKAGE.rglob("*.py"))
    if "_bundled" not in p.parts
}

# The most specific name decides. Within one floor files may import one another, as long as that is no circle.
FLOORS = {
    "netspec.characters": 0,
    "netspec.diagnostics": 0,
    "netspec.codes": 0,
    "netspec.resources": 0,
    "netspec.records": 0,
    "netspec.files": 0,
    "netspec.nearby": 0,
    "netspec.background": 0,
    "netspec.syntax": 1,
    "netspec.ops": 1,
    "netspec.formulas": 1,
    "netspec.family": 1,
    "netspec.signature": 1,
    "netspec.arguments": 1,
    "netspec.recipe": 2,
    "netspec.layers": 2,
    "netspec.ir": 3,
    "netspec.values": 4,
    "netspec.scope": 4,
    "netspec.commands": 4,
    "netspec.expansion": 4,
    "netspec.words": 4,
    "netspec.proposals": 4,
    "netspec.context": 4,
    "netspec.rebinding": 4,
    "netspec.spellings": 4,
    "netspec.spelled": 4,
    "netspec.binder": 4,
    "netspec.argument_binder": 4,
    "netspec.binding": 4,
    "netspec.blocks": 4,
    "netspec.includes": 4,
    "netspec.wiring": 4,
    "netspec.declarations": 4,
    "netspec.memory": 4,
    "netspec.outline": 4,
    "netspec.summary": 4,
    "netspec.alignment": 4,
    "netspec.compare": 4,
    "netspec.budgets": 4,
    "netspec.inputs": 4,
    "netspec.elaborate": 4,
    "netspec.resolve": 4,
    "netspec.graph": 4,
    "netspec.tracing": 4,
    "netspec.passes": 4,
    "netspec.planning": 4,
    "netspec.data_fit": 4,
    "netspec.data_look": 4,
    "netspec.overrides": 4,
    "netspec.compiler": 4,
    "netspec.formatting": 4,
    "netspec.reference": 4,
    "netspec.library_page": 4,
    "netspec.backends": 5,
    "netspec.data": 5,
    "netspec.training": 6,
    "netspec.compile_cache": 6,
    "netspec.runs": 6,
    "netspec.run_files": 6,
    "netspec.run_lists": 6,
    "netspec.networks": 6,
    "netspec.model_file": 6,
    "netspec.sealed": 6,
    "netspec.recipe_fit": 4,
    "netspec.run_lock": 6,
    "netspec.checkpoints": 6,
    "netspec.completeness": 6,
    "netspec.environment": 6,
    "netspec.recorder": 6,
    "netspec.resuming": 7,
    "netspec.replaying": 7,
    "netspec.sealed_header": 6,
    "netspec.loading": 7,
    "netspec.preview": 7,
    "netspec.session": 7,
    "netspec.bench": 7,
    "netspec.trained": 7,
    "netspec.answers": 7,
    "netspec.reading": 7,
    "netspec.report": 7,
    "netspec.pictures": 7,
    "netspec": 8,
    "netspec.cli": 8,
    "netspec.__main__": 8,
}

# (file, imported): looks upward that are known, each with its reason.
UPWARD = {
    ("netspec.ir", "netspec.tracing"): "`net.graph()` is what people type; imported when called",
    ("netspec.ir", "netspec.summary"): "what an interpreter shows of a network has the shapes in it",
}

# Known and to be mended; the test says so as soon as it is.

HEAVY = {"jax", "jaxlib", "numpy", "optax", "matplotlib", "safetensors", "PIL"}


def floor(module: str) -> int:
    if module == "netspec":
        return FLOORS[module]
    while module not in FLOORS:
        module = module.rpartition(".")[0]
        assert module not in {"", "netspec"}, "a new module needs a floor in FLOORS"
    return FLOORS[module]


def type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(module: str, *, deferred: bool) -> Iterator[str]:
    """Yield the modules a file imports, those within functions too where `deferred`; never those for types alone."""

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if type_checking(child):
                continue
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not deferred:
                continue
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module}: imports are absolute"
                base = child.module or ""
                for alias in child.names:
                    full = f"{base}.{alias.name}"
                    yield full if full in FILES else base
            else:
                yield from walk(child)

    yield from walk(ast.parse(FILES[module].read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "module",
    FILES,
)
def test_every_file_has_a_floor_and_imports_from_no_higher_one(module: str) -> None:
    for imported in imports(module, deferred=True):
        if imported.split(".")[0] == "netspec" and (module, imported) not in UPWARD:
            assert imported in FILES, f"{module} imports {imported}, which is not there"
            assert floor(imported) <= floor(module), (
                f"{module} (floor {floor(module)}) imports {imported} ({floor(imported)})"
            )


def test_the_exceptions_are_real_and_deferred() -> None:
    for module, imported in UPWARD:
        assert imported in imports(module, deferred=True)
        assert imported not in imports(module, deferred=False)


def test_there_is_no_circle() -> None:
    graph = {m: {i for i in imports(m, deferred=False) if i in FILES and i != "netspec"} for m in FILES}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' → '.join((*path, module))}"
        if module not in done:
            for imported in graph[module]:
                visit(imported, (*path, module))
            done.add(module)

    for module in FILES:
        visit(module, ())


def test_only_the_syntax_knows_lark() -> None:
    users = {m for m in FILES for i in imports(m, deferred=True) if i.split(".")[0] == "lark"}
    assert users == {"netspec.syntax.parser", "netspec.syntax.errors", "netspec.syntax.tables"}


@pytest.mark.parametrize("module", FILES)
def test_the_front_end_imports_nothing_heavy(module: str) -> None:
    if module == "netspec" or floor(module) <= 4:
        assert not {i.split(".")[0] for i in imports(module, deferred=module != "netspec")} & HEAVY


def test_only_the_back_end_and_what_stands_on_it_knows_jax() -> None:
    users = {m for m in FILES for i in imports(m, deferred=False) if i.split(".")[0] in {"jax", "optax"}}
    allowed = (
        "netspec.backends.jax",
        "netspec.training",
        "netspec.runs",
        "netspec.session",
        "netspec.resuming",
        "netspec.replaying",
        "netspec.trained",
        "netspec.preview",
        "netspec.bench",
    )
    assert users
    assert not [m for m in users if not m.startswith(allowed)]


def test_checking_a_spec_leaves_the_heavy_libraries_alone() -> None:
    code = (
        "import sys\n"
        "import netspec as ns\n"
        "from netspec.compiler import analyze, load_source\n"
        "from netspec.resources import specs_folder\n"
        "assert not analyze(load_source(specs_folder() / 'lenet.net')).diagnostics\n"
        "ns.load(specs_folder() / 'lenet.net', set={'train.epochs': 1}).graph()\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=PACKAGE.parent, timeout=120
    )
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)


@pytest.mark.parametrize("module", FILES)
def test_nothing_runs_code_from_data(module: str) -> None:
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    modules = {i.split(".")[0] for i in imports(module, deferred=True)}
    assert not modules & {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy", "code"}
    # `importlib` serves lazy names out of tables of constants, and `importlib.metadata` the versions.
    loaders = {i for i in imports(module, deferred=True) if i.startswith("importlib")}
    lazy = {"netspec", "netspec.report", "netspec.cli.app", "netspec.ops", "netspec.family"}
    assert module in lazy or loaders <= {"importlib.metadata"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            assert name not in {"eval", "exec", "__import__"}, f"{module}:{node.lineno}"
            if name == "Family" and module != "netspec.family":
                # The names of classes that are imported when they are needed stand in the source.
                constants = [n for a in (*node.args, *(k.value for k in node.keywords)) for n in ast.walk(a)]
                allowed = (ast.Constant, ast.Dict, ast.Attribute, ast.Name, ast.Load)
                assert all(isinstance(n, allowed) for n in constants), f"{module}:{node.lineno}"
                assert {n.id for n in constants if isinstance(n, ast.Name)} <= {"ACTIVATIONS"}
            if name == "compile":
                assert module.startswith("netspec.cli"), f"{module}:{node.lineno}: the built-in compile"
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle":
                    assert isinstance(keyword.value, ast.Constant)
                    assert keyword.value.value is False
                assert keyword.arg != "shell", f"{module}:{node.lineno}"


def test_the_lazy_operations_are_constants_of_the_package() -> None:
    assert {f"netspec.ops.{module}" for module in ops._LAZY.values()} <= set(FILES)
    assert set(ops._LAZY) <= set(ops.__all__)
    for name in ops.__all__:
        assert getattr(ops, name) is not None


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_family_imports_from_the_package_what_its_list_says(family: Family[Any]) -> None:
    for names, place in family.lines.items():
        assert isinstance(place, str)
        module, _, name = place.rpartition(".")
        cls = family[names.split()[0]]
        assert (f"netspec.{cls.__module__.split('.')[1]}.{module}", name) == (cls.__module__, cls.__name__)
        assert cls.__module__ in FILES


def test_the_lazy_names_of_the_public_api_are_constants_of_the_package() -> None:
    assert set(netspec._LAZY.values()) <= set(FILES)
    assert set(netspec._LAZY) <= set(netspec.__all__)
    for name in netspec.__all__:
        assert getattr(netspec, name) is not None
