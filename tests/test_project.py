"""What surrounds the code says the same as the code, and as each other."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from npe2 import PluginManifest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads(text("pyproject.toml"))["project"]


def package_name(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement).group().lower()


# ------------------------------------------------------------------ the two commands
def readme_commands() -> list[str]:
    """Lines of the README that start from Python and git alone."""
    return [line.strip() for line in text("README.md").splitlines() if "-m venv" in line]


def test_readme_has_one_line_for_the_demo_and_one_for_the_tests() -> None:
    commands = readme_commands()
    assert len(commands) == 2
    assert all(command.startswith("python3 -m venv .venv && ") for command in commands)
    assert {command.split()[-1] for command in commands} == {"demo", "test"}


def test_ci_runs_exactly_what_the_readme_says() -> None:
    lines = [line.strip() for line in text(".ci/run").splitlines()]
    assert [line for line in lines if "tox" in line] == sorted(
        readme_commands(), key=lambda command: command.endswith("demo")
    )


@pytest.mark.parametrize("command", ["demo", "test"])
def test_commands_of_the_readme_are_environments_of_tox(command: str) -> None:
    assert f"[testenv:{command}]" in text("tox.ini")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no executable bit")
def test_ci_is_executable() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_workflow_calls_environments_of_tox_only() -> None:
    workflow = yaml.safe_load(text(".github/workflows/ci.yml"))
    environments = re.findall(r"^\[testenv:(.+)\]$", text("tox.ini"), re.MULTILINE)
    for name, job in workflow["jobs"].items():
        called = [step["run"] for step in job["steps"] if "tox run" in step.get("run", "")]
        assert called, name
        for command in called:
            environment = re.search(r"tox run -e (\$\{\{.+?\}\}|\S+)", command).group(1)
            assert environment in {*environments, "${{ matrix.environment }}"}


def test_the_oldest_napari_that_is_allowed_is_tested(project: dict) -> None:
    every = [*project["dependencies"], *project["optional-dependencies"]["all"]]
    allowed = {r.split(">=")[1] for r in every if package_name(r) == "napari"}
    tested = re.search(r"^deps = napari==(\S+)$", text("tox.ini"), re.MULTILINE).group(1)
    assert allowed == {tested.removesuffix(".0")}
    workflow = yaml.safe_load(text(".github/workflows/ci.yml"))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    assert "oldest" in {entry["environment"] for entry in matrix["include"]}


# ------------------------------------------------------------------ the plugin manifest
def test_manifest_is_valid_and_what_it_names_can_be_imported() -> None:
    manifest = PluginManifest.from_file(str(files("napari_m2n2") / "napari.yaml"))
    assert manifest.name == "napari-m2n2"
    manifest.validate_imports()


def test_manifest_offers_widget_menu_and_samples() -> None:
    contributions = PluginManifest.from_distribution("napari-m2n2").contributions
    assert contributions.widgets
    assert contributions.sample_data
    assert "napari/layers/segment" in contributions.menus


# ------------------------------------------------------------------ dependencies
QT = {"pyqt5", "pyqt6", "pyside2", "pyside6", "pyqt5-sip", "pyqt6-sip"}


def test_base_dependencies_bring_no_qt_binding(project: dict) -> None:
    """An environment with two bindings is broken: napari's users choose theirs."""
    for requirement in project["dependencies"]:
        assert package_name(requirement) not in QT, requirement
        assert "[" not in requirement, f"{requirement}: napari's extras bring a binding"


def test_opencv_is_the_build_without_windows(project: dict) -> None:
    """The other build ships a Qt of its own, which breaks napari on Linux."""
    optional = [r for extra in project["optional-dependencies"].values() for r in extra]
    names = {package_name(r) for r in [*project["dependencies"], *optional]}
    assert not names & {"opencv-python", "opencv-contrib-python"}


def test_every_dependency_is_explained(project: dict) -> None:
    page = text("docs/dependencies.md")
    for requirement in project["dependencies"]:
        name = package_name(requirement)
        assert f"| `{name}` |" in page, f"{name} is missing in docs/dependencies.md"
    for extra in project["optional-dependencies"]:
        assert f"## The `{extra}` extra" in page, f"the extra {extra} is missing"


def test_the_page_explains_nothing_that_is_gone(project: dict) -> None:
    base, _, _ = text("docs/dependencies.md").partition("\n## The `")
    explained = set(re.findall(r"^\| `([^`]+)` \|", base, re.MULTILINE))
    assert explained == {package_name(r) for r in project["dependencies"]}


def imported_packages() -> Iterator[tuple[str, str]]:
    """Top packages of others that the source imports, and where."""
    for package, where in _imported_packages():
        if package not in sys.stdlib_module_names and package != "napari_m2n2":
            yield package, where


def _imported_packages() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name.split(".")[0], path.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module.split(".")[0], path.name


def test_what_the_source_imports_is_declared(project: dict) -> None:
    optional = [
        r
        for extra in ("models", "evaluation", "cluster")
        for r in project["optional-dependencies"][extra]
    ]
    declared = {package_name(r) for r in [*project["dependencies"], *optional]}
    owners = packages_distributions()
    for package, where in imported_packages():
        # a package that is not installed here is one of the optional ones, and named like them
        found = {name.lower() for name in owners.get(package, [package])}
        assert found & declared, f"{where} imports {package}, which pyproject.toml does not name"


def test_what_is_declared_is_imported_by_the_source(project: dict) -> None:
    owners = packages_distributions()
    used = {name.lower() for package, _ in imported_packages() for name in owners.get(package, [])}
    assert {package_name(r) for r in project["dependencies"]} <= used


# ------------------------------------------------------------------ the documentation
def navigation(entries: list) -> Iterator[str]:
    for entry in entries:
        target = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(target, list):
            yield from navigation(target)
        else:
            yield target


def test_navigation_names_every_page_once() -> None:
    named = list(navigation(yaml.safe_load(text("mkdocs.yml"))["nav"]))
    pages = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    assert sorted(named) == pages


LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize(
    "page",
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        *sorted(DOCS.rglob("*.md")),
    ],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_python_of_the_readme_runs() -> None:
    program = re.search(r"```python\n(.*?)```", text("README.md"), re.DOTALL).group(1)
    names: dict = {}
    exec(compile(program, "README.md", "exec"), names)
    mask = names["result"].mask
    # the coin under the click, not the whole tray and not a speck
    assert mask[55, 50]
    assert 500 < mask.sum() < 4000


def test_readme_begins_with_a_picture() -> None:
    lines = [line for line in text("README.md").splitlines() if line.strip()]
    assert lines[0].startswith("# ")
    assert lines[1].startswith("![")


# ------------------------------------------------------------------ one version, one licence
def test_one_version_everywhere(project: dict) -> None:
    version = project["version"]
    assert yaml.safe_load(text("CITATION.cff"))["version"] == version
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", text("CHANGELOG.md"), re.MULTILINE)
    assert released[0] == version


def test_citation_names_the_paper() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    paper = citation["preferred-citation"]
    assert paper["title"].startswith("Repurposing Stable Diffusion Attention")
    assert [author["family-names"] for author in paper["authors"]] == ["Karmann", "Urfalioglu"]


def test_one_licence_everywhere(project: dict) -> None:
    assert project["license"] == yaml.safe_load(text("CITATION.cff"))["license"] == "BSD-3-Clause"
    assert text("LICENSE").startswith("BSD 3-Clause License")


# ------------------------------------------------------------------ nothing of one machine
# put together here, so that this file does not hold what it looks for
FORBIDDEN = re.compile(
    "|".join(
        [r"/wo" r"rk/", r"\bfa" r"rm-", r"\.\./sha" r"red", r"/tm" r"p/w\b", r"\.lib" r"rary/"]
    )
)


def committed_files() -> list[Path]:
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
        return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    return [
        path
        for folder in ("src", "tests", "docs", "tools")
        for path in (ROOT / folder).rglob("*.*")
    ]


def test_no_file_tells_of_the_machine_it_was_written_on() -> None:
    for path in committed_files():
        if path == ROOT / ".ci" / "run":
            continue
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            assert not FORBIDDEN.search(line), f"{path.relative_to(ROOT)}:{number} {line}"


# ------------------------------------------------------------------ tests that are skipped
SKIPPING = {"pytest.skip", "pytest.importorskip", "pytest.xfail"}
SKIPPING |= {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}


def skipping(path: Path) -> set[str]:
    """Which parts of pytest that skip a file uses."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {ast.unparse(part) for part in parts} & SKIPPING


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.name
)
def test_nothing_is_skipped_because_it_cannot_be_imported(path: Path) -> None:
    """A package that is there and broken has to fail; `tests/extras.py` knows which may lack.

    Nor is a test of the window skipped while it runs, only beforehand for a version or a system.
    """
    given = skipping(path)
    assert given <= {"pytest.skip", "pytest.mark.skipif"}
    if path.parent.name == "viewer":
        assert given <= {"pytest.mark.skipif"}
