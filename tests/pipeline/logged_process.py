"""
Runs commands one after the other with all logs at their most talkative: log file, what is to crash (or -), the commands
as JSON. Ends with the exit code of the first one that failed.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, NoReturn

import marketkeep.http.client
from marketkeep.cli import main


def crash(*_: Any) -> NoReturn:
    """What nobody expected."""
    raise RuntimeError("this was not foreseen")


def ended(arguments: list[str]) -> int:
    """The exit code of one command."""
    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


log, crashing, commands = sys.argv[1:]
logging.basicConfig(filename=log, level=logging.DEBUG)
if crashing != "-":
    setattr(marketkeep.http.client.Client, crashing, crash)
codes = [ended(arguments) for arguments in json.loads(commands)]
sys.exit(next(filter(None, codes), 0))
