"""Every command is documented, and the documentation is what the commands say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from marketkeep.cli import load

ROOT = Path(__file__).parents[2]
HEAVY = {"yfinance", "pandas", "duckdb", "pyspark", "talib", "httpx", "structlog", "marketkeep.http"}


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> object:
    """The tool that writes the reference."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import make_cli_reference

    return make_cli_reference


def test_reference_is_current(tool: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/reference/cli.md is what the commands say, however wide the terminal is."""
    monkeypatch.setenv("COLUMNS", "40")
    assert (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8") == tool.reference(), "make docs"  # type: ignore[attr-defined]


def test_every_command_and_option_has_help(tool: object) -> None:
    """Every command, argument and option has a sentence of help."""
    group = typer.main.get_command(load())
    assert isinstance(group, TyperGroup)
    found = list(tool.commands(group, "marketkeep"))  # type: ignore[attr-defined]
    assert len(found) >= 15
    silent = [words for words, command in found if not command.help]
    silent += [
        f"{words} {one.name}" for words, command in found for one in command.params if not getattr(one, "help", None)
    ]
    assert silent == []


def test_question_starts_without_what_collects() -> None:
    """A command that only reads imports neither network nor frames it does not use."""
    code = f"from marketkeep.cli import load\nload(['query'])\nimport sys\nprint(*{HEAVY!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
