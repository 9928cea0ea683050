"""The design's two lists: which way imports run, and what never enters the server process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))
SCRIPTS = [ROOT / "Home.py", ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]

# A module may import only from lines above its own; within a line only leftwards, where the line says so (">").
LINES = [
    ["texts", "> errors"],
    ["settings", "digits", "files", "look", "components", "uploads", "> access", "> photo"],
    [
        "preprocessing",
        "features",
        "metrics",
        "conformal",
        "jobs",
        "onnx_export",
        "> augmentation",
        "> onnx_network",
        "> worker",
        "models",
    ],
    ["dataset", "segment", "> download", "training", "> export", "runs", "trials"],
    [
        "inference",
        "lesson",
        "explain",
        "plots",
        "serving",
        "compare",
        "archive",
        "reproduce",
        "goals",
        "glossary",
        "locks",
        "> mydigits",
        "> tracking",
        "> trash",
        "> plots_metrics",
        "> plots_compare",
        "> plots_explain",
        "> council",
    ],
    [
        "pipeline",
        "> launch",
        "> studies",
        "> depth",
        "> robustness",
        "> refusal",
        "> treeview",
        "> cures",
        "> checks",
        "> report",
        "> sweep",
        "> doctor",
    ],
    ["cli", "api", "ui", "guard"],
]
RANK = {
    name.removeprefix("> "): (line, sum(other.startswith(">") for other in names[: i + 1]))
    for line, names in enumerate(LINES)
    for i, name in enumerate(names)
}
ONLY_IN = {
    "streamlit": {"ui", "Home", "app", "pages"},
    "wandb": {"tracking"},
    "plotly": {"plots", "plots_metrics", "plots_compare", "plots_explain", "ui"},
    "matplotlib": {"tracking"},
    "tensorflow": {"models", "training", "export"},
}


def module(path: Path) -> str:
    """Return `core.runs` -> runs, `core/ui/frame.py` -> ui, `pages/…` -> pages, else the file's own name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "core" else parts[0]


def imports(path: Path) -> set[str]:
    """Return every dotted name that a file imports, inside functions too, type checking aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checking = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in checking:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    """Return the core modules that a file imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("core.")} & set(RANK)


def test_every_core_module_has_its_place():
    assert {module(path) for path in CORE} - {"__init__", "__main__"} <= set(RANK)


@pytest.mark.parametrize("path", [p for p in CORE if module(p) in RANK], ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path):
    me = module(path)
    for other in ours(path) - {me}:
        assert RANK[other] < RANK[me], f"{me} must not import {other}"
        allowed = RANK[other][0] < RANK[me][0] or RANK[other][1] < RANK[me][1]
        assert allowed, f"{me} and {other} stand side by side"


@pytest.mark.parametrize("path", [*CORE, *SCRIPTS], ids=lambda p: str(p.relative_to(ROOT)))
def test_libraries_stay_where_they_belong(path):
    for name in imports(path):
        places = ONLY_IN.get(name.split(".")[0])
        assert places is None or module(path) in places, f"{name} in {path.name}"


@pytest.mark.parametrize("path", [*CORE, *SCRIPTS], ids=lambda p: str(p.relative_to(ROOT)))
def test_only_settings_reads_the_environment(path):
    if module(path) != "settings":
        text = path.read_text(encoding="utf-8")
        assert "environ[" not in text
        assert "os.environ" not in text
        assert "getenv" not in text


@pytest.mark.parametrize("path", [*CORE, *SCRIPTS], ids=lambda p: str(p.relative_to(ROOT)))
def test_sizes_of_the_house(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= (130 if module(path) == "pages" else 300)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or body[-1].end_lineno - body[0].lineno < 45, node.name


@pytest.mark.parametrize("page", [p for p in SCRIPTS if p.name != "app.py"], ids=lambda p: p.name)
def test_server_process_stays_small(page, trained_home, tiny_npz, tmp_path):
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
import app
page = AppTest.from_file({str(page)!r}, default_timeout=60).run()
assert not page.exception, page.exception
heavy = {{"tensorflow", "keras", "sklearn", "scipy", "matplotlib", "wandb", "mlxtend", "onnx"}}
found = heavy & set(sys.modules)
assert not found, found
"""
    env = {"DIGITLAB_HOME": str(trained_home), "DIGITLAB_MNIST": str(tiny_npz), "HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
