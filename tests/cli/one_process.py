"""Runs many commands in one process, where a start for each would take minutes: JSON in, JSON out."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import orjson

from marketkeep.cli import main


@contextmanager
def caught(number: int, stream: BinaryIO) -> Iterator[None]:
    """What goes to this file descriptor goes to `stream`."""
    kept = os.dup(number)
    os.dup2(stream.fileno(), number)
    try:
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)


def run(arguments: list[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = 0
        with caught(1, out), caught(2, err):
            try:
                main(arguments)
            except SystemExit as end:
                code = int(end.code or 0)
            sys.stdout.flush()
            sys.stderr.flush()
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


told = [run(arguments) for arguments in orjson.loads(sys.stdin.buffer.read())]
sys.stdout.buffer.write(orjson.dumps(told))
