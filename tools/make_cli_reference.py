"""
Write docs/reference/cli.md from the application (`make docs`), or tell whether it is current (`--check`).

It states nothing of its own about a command: a wrong sentence is corrected in the command's help.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from marketkeep.cli import load

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
INTRODUCTION = """\
# Command line

Every command with its options. Made by `make docs` from the commands' own help; do not edit by hand.

A command reads the keep in the folder given by `--data`, else by `MARKETKEEP_DATA`, else `./data`; other
[settings](settings.md) come from the environment or `marketkeep.toml`. Answers go to standard output; progress, log
lines and errors go to standard error. A terminal gets the newest or first rows of a long table and, where it is too
narrow, fewer columns, with a line that says so; a pipe gets everything, and `--json` one record a line.

| exit code | meaning |
|---|---|
| 0 | all is well |
| 1 | something failed, is damaged or is not there, or an error stands among the issues |
| 2 | misuse: the command, an option, a symbol, a date or a file cannot be right; nothing was written |
| 130 | interrupted; the same command goes on where it was |

An error is one line that begins with `error:` and says what to do.
"""


def commands(group: TyperGroup, path: str) -> Iterator[tuple[str, Any]]:
    """Every command below `group` with the words that call it."""
    context = typer.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.commands[name]
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def command_lines(words: str, command: Any) -> Iterator[str]:
    """One command as a section."""
    context = typer.Context(command, info_name=words)
    yield from ("", f"## {words}", "", " ".join(command.help.split()), "")
    yield from ("```", " ".join([words, *command.collect_usage_pieces(context)]), "```", "")
    yield from ("| | |", "|---|---|")
    for parameter in command.get_params(context):
        name, told = parameter.get_help_record(context) or ("", "")
        if parameter.param_type_name == "argument":
            name = name.partition(" <")[0]
        if name != "--help":
            yield f"| `{name.replace('|', '/')}` | {told.replace('|', '/')} |"


def reference() -> str:
    """The whole text."""
    group = typer.main.get_command(load())
    if not isinstance(group, TyperGroup):
        raise TypeError("the application is a group of commands")
    found = list(commands(group, "marketkeep"))
    lines = [line for words, command in found for line in command_lines(words, command)]
    return INTRODUCTION + "\n".join([*lines, ""])


def main() -> int:
    """Write the file, or with `--check` compare it and say what to do."""
    made = reference()
    if "--check" not in sys.argv[1:]:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(made, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == made:
        return 0
    print("docs/reference/cli.md is not what the commands say; run `make docs`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
