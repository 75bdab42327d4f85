"""
Files that users hand in: recognised by their head, read as raw rows in bounded memory. Nothing here opens a path.

`members` first, if a zip may hold several files; then `recognise`, show `FileForm.describe`, and `read`.
"""

from marketkeep.sources.files.form import FileForm, Tally
from marketkeep.sources.files.opener import Stream, members, opened
from marketkeep.sources.files.reading import read
from marketkeep.sources.files.recognising import recognise
from marketkeep.sources.files.tickers import LEAN_FOLDERS

__all__ = ["LEAN_FOLDERS", "FileForm", "Stream", "Tally", "members", "opened", "read", "recognise"]
