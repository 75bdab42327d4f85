"""Export: a keep written in the forms that other tools read from disk. Reads through `query`, collects nothing."""

from marketkeep.export.forms import FORMS, Exported, export
from marketkeep.export.wanted import Wanted

__all__ = ["FORMS", "Exported", "Wanted", "export"]
