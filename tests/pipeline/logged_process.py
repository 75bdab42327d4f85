"""Runs the command line with all logs at their most talkative: log file, what is to crash (or -), arguments."""

from __future__ import annotations

import logging
import sys
from typing import Any, NoReturn

import marketkeep.http.client
from marketkeep.cli import main


def crash(*_: Any) -> NoReturn:
    """What nobody expected."""
    raise RuntimeError("this was not foreseen")


log, crashing, *arguments = sys.argv[1:]
logging.basicConfig(filename=log, level=logging.DEBUG)
if crashing != "-":
    setattr(marketkeep.http.client.Client, crashing, crash)
main(arguments)
