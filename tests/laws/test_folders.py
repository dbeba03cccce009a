"""Folders import only from those below them, in no circle, and what must stay out stays out."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import netspec

PACKAGE = Path(netspec.__file__).parent
FILES = {
    ".".join(("netspec", *p.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): p
    for p in sorted(PACKAGE.rglob("*.py"))
    if "_bundled" not in p.parts
}

# What each folder imports from, in the order of the phases: the ground first. A folder may use those named, no others.
FOLDERS = {
    "diagnostics": "",
    "system": "diagnostics",
    "schema": "",
    "syntax": "diagnostics system",
    "ops": "diagnostics",
    "recipe": "diagnostics system schema ops",
    "layers": "schema ops recipe",
    "ir": "diagnostics schema syntax recipe layers",
    "sources": "diagnostics system recipe ir",
    "graph": "diagnostics system ops recipe layers ir sources",
    "elaborate": "diagnostics system schema syntax recipe layers ir sources graph",
    "passes": "ops graph",
    "planning": "system ops ir graph",
    "describe": "diagnostics system schema syntax ops recipe layers ir graph elaborate",
    "drawing": "diagnostics ops layers ir graph describe",
    "compiler": "diagnostics system syntax recipe ir graph elaborate",
    "pages": "diagnostics ops graph compiler",
    "data": "diagnostics system ops recipe ir sources graph",
    "backends": "system recipe graph planning",
    "backends/jax": "diagnostics system ops recipe ir graph passes planning describe data backends",
    "training": "diagnostics recipe ir graph data backends/jax",
    "formats": "diagnostics system schema ops recipe layers ir graph passes planning backends/jax",
    "report": "diagnostics system drawing",
    "runs": "diagnostics system recipe ir sources graph planning compiler data backends/jax training",
    "logs": "diagnostics system training runs",
    "workflows": (
        "diagnostics system ops recipe ir sources graph elaborate planning describe drawing compiler pages data "
        "backends/jax training formats report runs"
    ),
    "terminal": "diagnostics ops recipe ir data backends/jax training",
    "notebook": "diagnostics ops graph drawing compiler",
    "netspec": "diagnostics system compiler notebook workflows terminal",
    "serving": "diagnostics system sources data workflows netspec",
    "studio": (
        "diagnostics system syntax ops recipe layers ir sources graph elaborate describe drawing compiler schema data "
        "backends/jax runs workflows serving"
    ),
    "cli": (
        "diagnostics system syntax ops recipe ir sources graph elaborate passes planning describe drawing "
        "compiler data backends backends/jax training report runs logs workflows terminal serving studio netspec"
    ),
    "__main__": "cli",
}
"""`netspec` is the public API (netspec/__init__.py); `compiler`, the phases in their order, is a file beside it."""

WITHOUT_JAX = list(FOLDERS)[: list(FOLDERS).index("compiler") + 1]
"""Folders that check specs: they import neither JAX nor NumPy."""

LATE = {
    ("netspec.ir.network", "netspec.graph.trace"): "`net.graph()` is what people type; imported when called",
    ("netspec.ir.network", "netspec.describe.summary"): "what an interpreter shows of a network has the shapes in it",
    ("netspec.graph.graph", "netspec.describe.summary"): "likewise of a graph",
    ("netspec.ir.network", "netspec.notebook.show"): "what a notebook shows of a network is drawn",
    ("netspec.graph.graph", "netspec.notebook.show"): "likewise of a graph",
    ("netspec.data.types", "netspec.notebook.show"): "likewise of a dataset",
    ("netspec.backends.jax.model", "netspec.notebook.show"): "likewise of a model",
    ("netspec.workflows.trained", "netspec.notebook.show"): "likewise of a run",
}
"""Imports against the order, (file, imported), each with its reason."""

HEAVY = {"jax", "jaxlib", "numpy", "optax", "matplotlib", "safetensors", "PIL"}


def folder(module: str) -> str:
    """Return the folder of FOLDERS in which a module lies."""
    if module == "netspec":
        return "netspec"
    parts = module.split(".")[1:]
    return "backends/jax" if parts[:2] == ["backends", "jax"] else parts[0]


def type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


@cache
def imports(module: str, *, deferred: bool) -> tuple[str, ...]:
    """Return the modules a file imports, those within functions too where `deferred`; never those for types alone."""

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

    return tuple(walk(tree(module)))


def test_folders_are_listed_from_the_ground_up() -> None:
    assert set(FOLDERS) == {folder(m) for m in FILES}
    listed: set[str] = set()
    for name, allowed in FOLDERS.items():
        assert set(allowed.split()) <= listed, f"{name} may use what stands above it"
        listed.add(name)


def test_folders_import_what_they_may() -> None:
    used: dict[str, set[str]] = {name: set() for name in FOLDERS}
    for module in FILES:
        for imported in imports(module, deferred=True):
            if imported.split(".")[0] == "netspec" and (module, imported) not in LATE:
                assert imported in FILES, f"{module} imports {imported}, which is not there"
                if folder(imported) != folder(module):
                    used[folder(module)].add(folder(imported))
                    may = FOLDERS[folder(module)].split()
                    assert folder(imported) in may, f"{module} imports {imported}: {folder(module)} may use {may}"
    # A permission that nobody uses would let the next arrow in unseen.
    assert used == {name: set(allowed.split()) for name, allowed in FOLDERS.items()}


def test_late_imports_are_real_and_late() -> None:
    for module, imported in LATE:
        assert imported in imports(module, deferred=True)
        assert imported not in imports(module, deferred=False)


@pytest.mark.parametrize("package", sorted({p.parent.relative_to(PACKAGE).as_posix() for p in FILES.values()} - {"."}))
def test_every_folder_explains_itself(package: str) -> None:
    readme = PACKAGE / package / "README.md"
    assert readme.is_file(), f"netspec/{package} has no README.md"
    text = readme.read_text(encoding="utf-8")
    assert 4 <= len(text.splitlines()) <= 20
    # Files that are named must be there: in the folder, or below the package or the repository.
    for name in re.findall(r"`([\w/]+\.(?:py|md|json))`", text):
        assert any((root / name).exists() for root in (readme.parent, PACKAGE, PACKAGE.parent)), f"{readme}: {name}"


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


def test_only_what_reads_texts_knows_lark() -> None:
    users = {m for m in FILES for i in imports(m, deferred=True) if i.split(".")[0] == "lark"}
    own = {"netspec.syntax.parser", "netspec.syntax.errors", "netspec.syntax.tables"}
    assert users == own | {"netspec.formats.caffe.text_format"}, "and what reads the text form of protocol buffers"


@pytest.mark.parametrize("module", FILES)
def test_the_front_end_imports_nothing_heavy(module: str) -> None:
    if module == "netspec" or folder(module) in WITHOUT_JAX:
        assert not {i.split(".")[0] for i in imports(module, deferred=module != "netspec")} & HEAVY


def test_only_the_back_end_and_what_stands_on_it_knows_jax() -> None:
    users = {m for m in FILES for i in imports(m, deferred=False) if i.split(".")[0] in {"jax", "optax"}}
    assert users
    assert {folder(m) for m in users} <= {"backends/jax", "formats", "training", "runs", "workflows"}


def test_checking_a_spec_leaves_the_heavy_libraries_alone() -> None:
    code = (
        "import sys\n"
        "import netspec as ns\n"
        "from netspec.compiler import analyze, load_source\n"
        "from netspec.system.resources import specs_folder\n"
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
    modules = {i.split(".")[0] for i in imports(module, deferred=True)}
    assert not modules & {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy", "code"}
    # `importlib` serves lazy names out of tables of constants, and `importlib.metadata` the versions.
    loaders = {i for i in imports(module, deferred=True) if i.startswith("importlib")}
    lazy = {"netspec", "netspec.report", "netspec.cli.app"}
    assert module in lazy or loaders <= {"importlib.metadata"}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            assert name not in {"eval", "exec", "__import__"}, f"{module}:{node.lineno}"
            if name == "compile":
                assert module.startswith("netspec.cli"), f"{module}:{node.lineno}: the built-in compile"
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle":
                    assert isinstance(keyword.value, ast.Constant)
                    assert keyword.value.value is False
                assert keyword.arg != "shell", f"{module}:{node.lineno}"


def test_the_lazy_names_of_the_public_api_are_constants_of_the_package() -> None:
    assert set(netspec._LAZY.values()) <= set(FILES)
    assert set(netspec._LAZY) <= set(netspec.__all__)
    for name in netspec.__all__:
        assert getattr(netspec, name) is not None


def test_no_test_module_needs_what_only_some_have() -> None:
    """The README's test command passes without PyTorch: what needs it asks for it, and is skipped where it is not."""
    tests = PACKAGE.parent / "tests"
    for path in tests.rglob("*.py"):
        if path.name.endswith((".torch.py", ".keras.py")):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"torch", "sklearn", "keras", "flax", "mypy"}, path
