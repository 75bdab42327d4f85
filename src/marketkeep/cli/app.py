"""
The application: its options, and how it ends. A command parses, calls one library function and shows what came back.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Annotated, NoReturn

import stamina
import typer
from typer.exceptions import TyperException

import marketkeep
from marketkeep.cli.headings import Headings
from marketkeep.cli.progress import progress
from marketkeep.cli.show import ERR, complain, say
from marketkeep.config import Settings, read_settings
from marketkeep.errors import BadInput, MarketkeepError
from marketkeep.pipeline.workspace import Workspace, open_workspace

INTERRUPTED = 130
_WORKING = ("collecting", "ingesting", "demonstrating", "operating")

app = typer.Typer(
    name="marketkeep",
    cls=Headings,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

DataOption = Annotated[
    Path | None,
    typer.Option("--data", "-d", metavar="FOLDER", help="Folder of the keep [default: MARKETKEEP_DATA, or ./data]."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
AllRowsOption = Annotated[
    bool, typer.Option("--all-rows", help="Show all rows in a terminal too; a pipe and --json always get all.")
]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """
    A market-data keep: every payload kept, every number explained.

    Begin with `marketkeep demo`. Exit codes: 0 when all is well, 1 for failures and findings, 2 for misuse.
    """
    if version:
        say(f"marketkeep {marketkeep.__version__}")
    elif context.invoked_subcommand is None:
        say(context.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line. Ends with 0; 1 for findings and failures; 2 for misuse; 130 when interrupted."""
    # Retries and faults are counted and shown by us: what the libraries would print of them goes nowhere.
    stamina.instrumentation.set_on_retry_hooks([])
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    code = _run(sys.argv[1:] if arguments is None else arguments)
    if code == INTERRUPTED:
        # Threads may still wait for an answer that nobody wants any more; the interpreter would wait for them.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def load(arguments: Sequence[str] = ()) -> typer.Typer:
    """
    The application with its commands registered: those that only read, and all others unless one of those is asked.

    A question is answered in half the time when what collects is not imported for it.
    """
    import_module("marketkeep.cli.asking")
    reading = {one.name for one in app.registered_commands} | {one.name for one in app.registered_groups}
    if not arguments or arguments[0] not in reading:
        for module in _WORKING:
            import_module(f"marketkeep.cli.{module}")
    return app


def _run(arguments: Sequence[str]) -> int:
    """The exit code of one command, anything expected that went wrong told in one line."""
    try:
        command = typer.main.get_command(load(arguments))
        with command.make_context("marketkeep", list(arguments)) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as end:
        return end.exit_code
    except MarketkeepError as error:
        complain(str(error))
        return error.exit_code
    except TyperException as error:
        return _misused(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Who reads our output has seen enough (`| head`). The rest must not fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        complain(f"{error.filename or 'output'}: {error.strerror or error}")
        return 1
    return 0


def _misused(error: TyperException) -> int:
    told = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    complain(f"{told}. See: {context.command_path if context else 'marketkeep'} --help")
    return error.exit_code


def settings(data: Path | None) -> Settings:
    """The settings of this process, the option winning over environment and file."""
    return read_settings(data=data)


@contextmanager
def working(chosen: Settings) -> Iterator[Workspace]:
    """The keep opened for work, with progress shown; an interruption says what to do next."""
    try:
        with progress() as watch:
            yield open_workspace(chosen.data, progress=watch, pack_bytes=chosen.pack_bytes)
    except KeyboardInterrupt:
        ERR.print("interrupted: what had been received is kept; run the same command again to go on")
        raise typer.Exit(INTERRUPTED) from None


def parse_day(text: str, option: str) -> date:
    """A date option as YYYY-MM-DD. Raises `BadInput`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is not a date; write it as YYYY-MM-DD") from None
