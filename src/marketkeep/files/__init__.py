"""The files of a keep: in a folder or in a bucket, read and replaced whole."""

from __future__ import annotations

from pathlib import Path

from marketkeep.files.atomic import replacing, set_aside, storing, sweep, sync_folder, write_atomic
from marketkeep.files.bucket_options import Options
from marketkeep.files.folder import Folder
from marketkeep.files.protocol import Files, Versions

__all__ = [
    "Files",
    "Folder",
    "Options",
    "Versions",
    "files_at",
    "is_bucket",
    "replacing",
    "set_aside",
    "storing",
    "sweep",
    "sync_folder",
    "write_atomic",
]


def is_bucket(place: Path | str) -> bool:
    """Whether a place as users write it is in a bucket."""
    return str(place).startswith("s3:/")


def files_at(place: Files | Path | str, options: Options | None = None) -> Files:
    """
    The files at a place: a folder, or s3://bucket/prefix. Files are handed back as they are.

    `options` tell how a bucket is used; without them the environment does. Nothing is asked of the server yet. Raises
    `BadInput` for an address that is not one, `BadSetting` for settings that cannot be used.
    """
    if not isinstance(place, (Path, str)):
        return place
    if not is_bucket(place):
        return Folder(Path(place))
    # Only who has a bucket pays for the client.
    from marketkeep.files.bucket import Bucket  # noqa: PLC0415

    return Bucket(str(place), options)
