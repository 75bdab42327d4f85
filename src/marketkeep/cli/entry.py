"""
How the command line begins and ends: the commands loaded, one of them run, and every way it may end told in one line.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from marketkeep.cli.app import INTERRUPTED, app
from marketkeep.cli.show import complain
from marketkeep.errors import MarketkeepError

_READING = {
    "answering": ("query", "sql"),
    "asking": ("explain", "coverage", "landing"),
    "checking": ("qa-check", "view-issues"),
    "events": ("corporate-actions",),
    "figures": ("fundamentals",),
    "reference": ("list-symbols", "members", "yields"),
}
"""By module its commands, which only read: each can be run without any other module being imported."""
_WORKING = ("collecting", "ingesting", "demonstrating", "operating", "sourcing", "exporting", "syncing")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line. Ends with 0; 1 for findings and failures; 2 for misuse; 130 when interrupted."""
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
    The application with its commands registered: those of the one module, if the command is one that only reads.

    A question is answered in half the time when what collects is not imported for it.
    """
    asked = [module for module, commands in _READING.items() if arguments and arguments[0] in commands]
    for module in asked or (*_READING, *_WORKING):
        import_module(f"marketkeep.cli.{module}")
    if not asked:
        # Retries and faults are counted and shown by us: what the libraries would print of them goes nowhere.
        import_module("stamina").instrumentation.set_on_retry_hooks([])
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
