"""
The contract: what holds for every source, as rules that anybody can run on theirs (docs/how-to/add-a-source.md).

`broken_rules` asks a source questions whose good answers are handed in, then damages these answers in every way it
knows. It repeats itself: nothing is drawn by chance. It opens no connection and needs no test framework.
"""

from marketkeep.sources.contract.rules import ASKED, DECLARED, Case, broken_rules

__all__ = ["ASKED", "DECLARED", "Case", "broken_rules"]
