"""The rooms and their doors: imports point one way only (CONTRIBUTING)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tariffgraph

PACKAGE = Path(tariffgraph.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if "_datasets" not in path.parts)


def imports_of(module):
    """Return (room or library, at module level) for everything that a module imports."""
    found = []
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    inner = {id(one) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for one in ast.walk(node)}
    typing_only = {
        id(one)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for one in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        top = id(node) not in inner
        if isinstance(node, ast.Import):
            found += [(alias.name.split(".")[0], top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = list(module.parent.parts)[: len(module.parent.parts) - (node.level - 1)]
                target = [*base, *(node.module.split(".") if node.module else [])]
                names = target[:1] or [alias.name for alias in node.names]
                found += [(f".{name}", top) for name in names]
            else:
                found.append((node.module.split(".")[0], top))
    return found


def room(module):
    return module.parts[0] if len(module.parts) > 1 else module.stem


FOUNDATION = {".errors", ".codes", ".frozen", ".memory", ".tables", ".bundled", ".atomic", "._version"}
ALLOWED = {
    "core": {".core"},
    "graph": FOUNDATION | {".graph"},
    "rules": FOUNDATION | {".rules", ".kept"},
    "customs": FOUNDATION | {".customs", ".core", ".rules", ".graph", ".provenance"},
    "kept": FOUNDATION | {".core"},
    "recall": FOUNDATION | {".kept", ".customs", ".rules", ".graph"},
    "problem": FOUNDATION | {".recall", ".customs", ".core", ".rules", ".graph", ".provenance"},
    # A result prints itself: explanations are laid out by show, which knows nothing of results.
    "incidence": FOUNDATION | {".incidence", ".problem", ".customs", ".rules", ".graph", ".core", ".show"},
    "indicators": FOUNDATION | {".indicators", ".problem", ".customs", ".graph", ".core"},
    "propagation": {".incidence", ".problem"},
    "scenarios": FOUNDATION | {".scenarios", ".incidence", ".problem", ".customs", ".rules", ".graph", ".provenance"},
    "official": FOUNDATION | {".official", ".rules"},
    "show": FOUNDATION | {".show"},
}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_room_opens_only_doors_below_it(module):
    allowed = ALLOWED.get(room(module))
    for name, _ in imports_of(module):
        if allowed is not None and name.startswith("."):
            assert name in allowed, f"{module} imports {name}"
        if room(module) == "core":
            assert not (name == "numba" and module.name != "jit.py")
            assert name.startswith(".") or name in {*sys.stdlib_module_names, "numpy", "numba"}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_heavy_libraries_are_imported_where_they_are_used(module):
    for name, at_module_level in imports_of(module):
        if name in {"networkx", "numba", "pandas", "pyarrow"}:
            assert not at_module_level, f"{module} imports {name} at its top"


@pytest.mark.parametrize(
    ("code", "not_loaded"),
    [
        ("import tariffgraph", {"numpy", "polars", "numba", "networkx", "pydantic", "yaml", "click"}),
        ("import tariffgraph as tg; tg.propagate('korea-us-2025')", {"numba", "networkx", "scipy", "pandas"}),
    ],
)
def test_what_is_not_needed_is_not_loaded(code, not_loaded):
    program = f"import sys; {code}; print(' '.join(sorted({not_loaded!r} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
