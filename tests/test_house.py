"""The rules of the house (docs/architecture.md), kept by reading the source."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "napari_m2n2"
SOURCE = Path(__file__).resolve().parents[1] / "src" / PACKAGE

# ------------------------------------------------------------------ who may know whom
BASICS = {"errors", "progress"}
PLANE = BASICS | {"image", "prompts", "devices"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "progress": {"errors"},
    "atomic": {"errors"},
    "image": BASICS,
    "prompts": BASICS,
    "devices": BASICS,
    "parallel": BASICS,
    "attention": PLANE | {"atomic"},
    "markov": PLANE | {"attention"},
    "segmentation": PLANE | {"attention", "markov"},
    "segmenter": PLANE | {"attention", "markov", "segmentation"},
    "files": PLANE | {"atomic"},
    "overlay": PLANE,
    "subprocesses": BASICS,
    "diagnosis": PLANE
    | {"attention", "segmentation", "segmenter", "files", "subprocesses", "viewer"},
    "annotation": PLANE | {"attention", "segmentation", "segmenter", "files"},
    "bulk": PLANE | {"attention", "segmentation", "segmenter", "files", "parallel", "annotation"},
    "evaluation": PLANE
    | {"attention", "markov", "segmentation", "segmenter", "files", "parallel", "bulk"},
    "cli": PLANE
    | {"attention", "segmentation", "segmenter", "files", "annotation", "evaluation", "viewer"}
    | {"bulk", "overlay", "diagnosis", "subprocesses"},
    "viewer": PLANE
    | {"attention", "segmentation", "segmenter", "files", "annotation", "evaluation"},
    "__init__": {"attention", "segmenter"},
}
# reached only from inside a function, so that command line and window start without them
ONLY_INSIDE = {"cli": {"viewer", "segmenter", "bulk"}, "viewer": {"evaluation"}}

WINDOW = {
    "app_model",
    "magicgui",
    "napari",
    "PyQt5",
    "PyQt6",
    "PySide2",
    "PySide6",
    "qtpy",
    "superqt",
    "vispy",
}
MODELS = {"diffusers", "huggingface_hub", "safetensors", "transformers"}
# of extras, so that who does not have one can use the rest; each is known to one room only
EXTRAS = {"dask": "parallel", "distributed": "parallel", "matplotlib": "evaluation"}
HEAVY = {"cv2", "numba", "scipy", "skimage", "torch"}
LIGHT_ROOMS = {"__init__", "annotation", "cli", "viewer"}

# ------------------------------------------------------------------ how long things may be
MODULE_LINES = 320
FUNCTION_LINES = 50


@dataclass(frozen=True)
class Import:
    """One import statement: the module it names, and whether it runs when the file is loaded."""

    module: str
    line: int
    inside: bool
    typing_only: bool


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def _is_typing_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _imports(node: ast.AST, inside: bool = False, typing_only: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, inside, typing_only)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: relative import"
            # "from package import module" names the module only by its alias
            for alias in child.names:
                yield Import(f"{child.module}.{alias.name}", child.lineno, inside, typing_only)
        else:
            yield from _imports(
                child,
                inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda),
                typing_only or _is_typing_guard(child),
            )


def imports(path: Path) -> list[Import]:
    return list(_imports(ast.parse(path.read_text(encoding="utf-8"))))


every_module = pytest.mark.parametrize("path", modules(), ids=name)


def test_every_room_has_a_rule() -> None:
    assert {room(path) for path in modules()} <= set(MAY_IMPORT)


def test_no_room_knows_one_that_knows_it() -> None:
    for here, others in MAY_IMPORT.items():
        for other in others:
            assert here not in MAY_IMPORT[other], f"{here} and {other} may import each other"


@every_module
def test_imports_go_down_the_house(path: Path) -> None:
    here = room(path)
    for found in imports(path):
        parts = found.module.split(".")
        # the package itself holds nothing but public names and the version
        if parts[0] != PACKAGE or parts[1] in {here, "__version__"}:
            continue
        where = f"{name(path)}:{found.line} imports {found.module}"
        assert parts[1] in MAY_IMPORT[here], f"{where}: {here} may not know {parts[1]}"
        if parts[1] in ONLY_INSIDE.get(here, ()):
            assert found.inside or found.typing_only, f"{where} at its top: do it in the function"


@every_module
def test_only_the_viewer_knows_napari_and_qt(path: Path) -> None:
    if room(path) == "viewer":
        return
    for found in imports(path):
        top = found.module.split(".")[0]
        assert top not in WINDOW, f"{name(path)}:{found.line} imports {found.module}"


@every_module
def test_model_libraries_are_imported_by_backbones_when_they_are_used(path: Path) -> None:
    for found in imports(path):
        if found.module.split(".")[0] in MODELS:
            peer = name(path).startswith("evaluation/peers/")
            assert room(path) == "attention" or peer, f"{name(path)}:{found.line}"
            assert found.inside or found.typing_only, f"{name(path)}:{found.line}"


@every_module
def test_libraries_of_extras_are_imported_when_they_are_used(path: Path) -> None:
    for found in imports(path):
        top = found.module.split(".")[0]
        if top in EXTRAS:
            where = f"{name(path)}:{found.line} imports {found.module}"
            assert room(path) == EXTRAS[top], where
            assert found.inside or found.typing_only, where


@every_module
def test_light_rooms_load_no_heavy_library_at_their_top(path: Path) -> None:
    if room(path) not in LIGHT_ROOMS:
        return
    for found in imports(path):
        heavy = found.module.split(".")[0] in HEAVY
        assert not heavy or found.inside or found.typing_only, (
            f"{name(path)}:{found.line} imports {found.module} at its top: do it in the function"
        )


# ------------------------------------------------------------------ measured, not read
def loaded_by(module: str) -> set[str]:
    """Names of the top packages that importing a module adds to a fresh interpreter."""
    program = (
        "import importlib, json, sys; before = set(sys.modules); "
        f"importlib.import_module({module!r}); "
        "print(json.dumps(sorted({m.split('.')[0] for m in set(sys.modules) - before})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_the_standard_library_only() -> None:
    assert loaded_by(PACKAGE) - set(sys.stdlib_module_names) == {PACKAGE}


def dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize(
    "module",
    [dotted(path) for path in modules() if room(path) in {"annotation", "cli"}],
)
def test_annotation_and_command_line_start_light(module: str) -> None:
    assert not loaded_by(module) & (HEAVY | WINDOW | MODELS)


def test_opening_the_widget_loads_no_model_library() -> None:
    assert not loaded_by(f"{PACKAGE}.viewer.widget") & (MODELS | {"torch"})


# ------------------------------------------------------------------ habits
@every_module
def test_module_is_of_a_size_one_reads(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES, f"{name(path)} has {lines} lines"


@every_module
def test_functions_are_of_a_size_one_reads(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        lines = node.end_lineno - body[0].lineno + 1 if body else 0
        assert lines <= FUNCTION_LINES, f"{name(path)}: {node.name} has {lines} lines"


@every_module
def test_nothing_is_left_for_later(path: Path) -> None:
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT:
                words = set(token.string.strip("# :").replace(":", " ").split())
                later = words & {"TODO", "FIXME", "XXX", "HACK"}
                assert not later, f"{name(path)}:{token.start[0]} {token.string}"


@every_module
def test_library_code_does_not_print(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            where = f"{name(path)}:{node.lineno}"
            assert node.func.id not in {"print", "breakpoint"}, where


@every_module
def test_annotations_are_not_evaluated(path: Path) -> None:
    """Except in the viewer: napari reads the annotations of a widget's constructor."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if room(path) == "viewer" or len(tree.body) <= 1:
        return
    assert any(found.module == "__future__.annotations" for found in imports(path)), name(path)
