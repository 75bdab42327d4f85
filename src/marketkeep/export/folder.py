"""
The folder of an export: made beside its place under a hidden name, and renamed when it is whole.

So an export that is killed leaves nothing that reads as one, and an earlier export is replaced by the next only when
that is complete. `export.json` says what is in it; a folder that holds anything else is never replaced.

An export to a bucket is made in a folder on this machine too, and uploaded when it is whole. A prefix cannot be
renamed: while one is uploaded its `export.json` says so, and the true one is stored last.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from marketkeep.errors import BadInput
from marketkeep.files import Files, storing

MANIFEST = "export.json"
_UNFINISHED = b'{\n  "unfinished": true\n}\n'
"""What stands in it while an export is uploaded."""
_ASIDE = ".exporting"


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """
    A new folder to write into, which takes the place of `out` when the block ends well and is removed when it does not.

    Raises `BadInput` when `out` is no folder, or one that holds something else than an earlier export; `StoreError`
    when the disk is full or forbids it.
    """
    out = out.absolute()
    _check(out)
    with storing(out):
        aside = _begun(out)
        try:
            yield aside
            _put(aside, out)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise


@contextmanager
def whole_prefix(files: Files) -> Iterator[Path]:
    """
    A new folder on this machine to write into, whose files are stored in a bucket when the block ends well.

    Raises `BadInput` when the prefix holds something else than an export, whole or not; `StoreError` when this machine
    has no room, or the bucket cannot be read or written: until files are uploaded what is there is as it was.
    """
    before = files.keys("")
    if before and MANIFEST not in before:
        raise BadInput(f"{files.place} holds something else; give an empty prefix, or that of an earlier export.")
    place = files.scratch / "export"
    with storing(place):
        aside = _begun(place)
    try:
        with storing(aside):
            yield aside
        _upload(aside, files, before)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _upload(folder: Path, files: Files, before: list[str]) -> None:
    written = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    manifest = written.pop(MANIFEST)
    files.write(MANIFEST, _UNFINISHED, durable=True)
    for key, path in written.items():
        files.adopt(key, path)
    files.remove(key for key in before if key not in written and key != MANIFEST)
    files.flush()
    files.write(MANIFEST, manifest.read_bytes(), durable=True)


def _check(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file; an export is a folder. Give a new one.")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).exists():
        raise BadInput(f"{out} holds something else; give a new folder, an empty one, or that of an earlier export.")


def _put(aside: Path, out: Path) -> None:
    """Two renames where an earlier export is replaced: between them there is none, never a mixture."""
    earlier = out.with_name(f"{aside.name}.earlier")
    if out.exists():
        out.rename(earlier)
    aside.rename(out)
    shutil.rmtree(earlier, ignore_errors=True)


def _sweep(out: Path) -> None:
    """Remove what exports to this place left that were killed; one that is still running is left alone."""
    for left in out.parent.glob(f".{out.name}.*{_ASIDE}*"):
        process = left.name.removeprefix(f".{out.name}.").partition(".")[0]
        if process.isdigit() and not _alive(int(process)):
            shutil.rmtree(left, ignore_errors=True)


def _begun(out: Path) -> Path:
    """The folder to write into, beside its place, made anew."""
    aside = out.with_name(f".{out.name}.{os.getpid()}{_ASIDE}")
    out.parent.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    aside.mkdir()
    return aside


def _alive(process: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
