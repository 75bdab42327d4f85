"""`python -m marketkeep` is the command `marketkeep`."""

from marketkeep.cli import main

main()
