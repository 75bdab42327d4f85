"""The command line: parse, call one function, show."""

from marketkeep.cli.entry import load, main

__all__ = ["load", "main"]
