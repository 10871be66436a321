"""The commands that the documentation names are read by the program, and say what it says."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path

import pytest

from napari_m2n2.cli.arguments import COMMANDS, _command, parse

ROOT = Path(__file__).resolve().parents[1]
MANUAL = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
CALL = re.compile(r"^    (?:\$ )?napari-m2n2( .*)?$", re.MULTILINE)
OPTION = re.compile(r"`(--[a-z][a-z-]*)")
SECTION = re.compile(r"^## napari-m2n2 ([a-z-]+)$", re.MULTILINE)

SYNOPSIS, _, _ = MANUAL.partition("Results go to stdout")
"""A line for each command with what it does, which is no command line."""


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def calls() -> list[tuple[str, str]]:
    """Command lines of all pages, without what the shell would take away."""
    found = []
    for page in pages():
        text = page.read_text(encoding="utf-8").replace(SYNOPSIS, "").replace("\\\n", "")
        found += [(page.name, (words or "").partition(" #")[0]) for words in CALL.findall(text)]
    return found


def sections() -> dict[str, str]:
    """What the manual says of each command."""
    _, *parts = SECTION.split(MANUAL)
    return {
        name: text.partition("\n## ")[0]
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def options(command: str) -> set[str]:
    """The options that a command knows, without those of every command."""
    parser = _command(command)
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    found = {o for action in commands.choices[command]._actions for o in action.option_strings}
    return {option for option in found if option.startswith("--")} - {"--help", "--debug"}


def test_the_synopsis_names_every_command_and_no_other() -> None:
    named = re.findall(r"^    napari-m2n2 ([a-z-]+)", SYNOPSIS, re.MULTILINE)
    assert sorted(named) == sorted(COMMANDS)
    assert list(sections()) == list(dict.fromkeys(named))


def test_there_are_command_lines() -> None:
    assert len(calls()) >= 40


@pytest.mark.parametrize(("page", "line"), calls())
def test_every_command_line_can_be_read(page: str, line: str) -> None:
    options = parse(shlex.split(line))
    assert options.module.startswith("napari_m2n2.cli.")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_manual_names_options_that_there_are(command: str) -> None:
    rows = [line for line in sections()[command].splitlines() if line.startswith("| `-")]
    named = {option for row in rows for option in OPTION.findall(row.split("|")[1])}
    assert named <= options(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_the_manual(command: str) -> None:
    """Be it in the section of another command that has it too, which this one refers to."""
    text = sections()
    shared = text["segment"] + text["evaluate"] + text["report"]
    told = set(OPTION.findall(text[command])) | (set(OPTION.findall(shared)))
    assert options(command) <= told


def test_the_summary_in_the_manual_is_what_is_printed(tmp_path, capsys) -> None:
    import numpy as np
    import tifffile

    from napari_m2n2.cli import main

    tifffile.imwrite(tmp_path / "coins.tif", np.eye(12, dtype=np.uint8))
    (tmp_path / "points.csv").write_text("axis-0,axis-1,label\n2,2,fg\n9,2,bg\n")
    files = ["--points", str(tmp_path / "points.csv"), "-o", str(tmp_path / "labels.tif")]
    assert main(["segment", str(tmp_path / "coins.tif"), *files, "--grid", "6", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    _, _, after = MANUAL.partition("-o labels.tif --json\n")
    shown = json.loads(after[: after.index("\n    }") + 6])

    # the manual shows some of the parameters only
    wanted, given = shown.pop("parameters"), printed.pop("parameters")
    assert {name: given[name] for name in wanted} == wanted | {"grid": 6}

    def keys(entry: object) -> object:
        return {key: keys(entry[key]) for key in entry} if isinstance(entry, dict) else None

    assert keys(shown) == keys(printed)
