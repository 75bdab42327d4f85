"""The command line: parse, call one function, show."""

from marketkeep.cli import asking, collecting, demonstrating, ingesting, operating
from marketkeep.cli.app import main

__all__ = ["asking", "collecting", "demonstrating", "ingesting", "main", "operating"]
