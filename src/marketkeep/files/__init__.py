"""The files of a keep: in a folder or in a bucket, read and replaced whole."""

from __future__ import annotations

from pathlib import Path

from marketkeep.files.atomic import storing, sweep, sync_folder, write_atomic
from marketkeep.files.folder import Folder
from marketkeep.files.protocol import Files, Versions

__all__ = ["Files", "Folder", "Versions", "files_at", "storing", "sweep", "sync_folder", "write_atomic"]


def files_at(place: Files | Path | str) -> Files:
    """The files at a place: a folder, or s3://bucket/prefix. Files are handed back as they are."""
    if isinstance(place, (Path, str)):
        return Folder(Path(place))
    return place
