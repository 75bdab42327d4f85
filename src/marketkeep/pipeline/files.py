"""
Ingesting files handed in by hand, of bars, actions or members: checked whole before anything is written, then landed,
batched and published.

A file that cannot be read leaves no trace. The same bytes again add lineage and no rows, unless other files of the
source came in between.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files as package_files
from pathlib import Path
from typing import BinaryIO

from marketkeep.errors import BadFile, BadInput
from marketkeep.model import Frames, Lineage, Request
from marketkeep.pipeline.batching import ROWS_PER_BATCH, Batching, lineage_of
from marketkeep.pipeline.workspace import Workspace
from marketkeep.raw import Landed
from marketkeep.sources import BUILTIN, sample
from marketkeep.sources.files import LEAN_FOLDERS, FileForm, Stream, Tally, members, opened, read, recognise
from marketkeep.sources.members_csv import read_members

_LABEL = re.compile(r"^[a-z][a-z0-9_-]{0,30}$")
_SUFFIXES = (".csv", ".txt", ".gz", ".zip")


@dataclass(frozen=True, slots=True)
class FileOptions:
    """
    What a user says about files: their symbol, their basis, and the name their rows carry as source.

    With `index` they hold members of that index; `on` is then the day of a list that has no dates.
    """

    symbol: str | None = None
    basis: str | None = None
    source: str | None = None
    index: str | None = None
    on: date | None = None

    @classmethod
    def told(cls, said: Mapping[str, object], source: str | None) -> FileOptions:
        """The options as a landing keeps them (see `to_json`)."""
        text = {name: None if said.get(name) is None else str(said[name]) for name in ("symbol", "basis", "index")}
        on = said.get("on")
        return cls(**text, source=source, on=None if on is None else date.fromisoformat(str(on)))

    def to_json(self) -> dict[str, str | None]:
        """What reading the files again takes, as plain values; what is about members only where it is told."""
        said = {"symbol": self.symbol, "basis": self.basis}
        more = {"index": self.index, "on": self.on.isoformat() if self.on else None}
        return said | {name: value for name, value in more.items() if value is not None}

    def __post_init__(self) -> None:
        reserved = {one.name for one in BUILTIN} | {"manual"}
        if self.source is not None and (not _LABEL.match(self.source) or self.source in reserved):
            names = ", ".join(sorted(reserved))
            raise BadInput(f"source {self.source!r}: use lower-case letters, digits, - and _, and none of {names}")
        if self.index is not None and not _LABEL.match(self.index):
            raise BadInput(f"index {self.index!r}: use lower-case letters, digits, - and _, such as my_index")
        if self.index is not None and (self.symbol or self.basis):
            raise BadInput("a symbol or a basis is told of files of bars, not of members")
        if self.on is not None and self.index is None:
            raise BadInput("the day of a list is told of files of members only")


@dataclass(slots=True)
class Checked:
    """A file found readable: its parts (an archive may have several), how each was understood, and what it holds."""

    path: Path
    source: str
    parts: list[tuple[str, FileForm | None]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    symbols: set[str] = field(default_factory=set)
    kept: list[Frames] | None = field(default_factory=list)
    stamp: tuple[int, int] | None = None

    def frames(self) -> list[Frames] | None:
        """The rows kept from checking; None when there were too many, or the file has changed since."""
        return self.kept if self.stamp == _stamp(self.path) else None

    @property
    def name(self) -> str:
        """The file's name; with its folder's where that tells what the file is."""
        folder = self.path.parent.name
        return f"{folder}/{self.path.name}" if folder in LEAN_FOLDERS else self.path.name


def find_files(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Files named, and files found in folders that were named. Raises `BadFile` for a path that is neither."""
    named, found = [], []
    for path in paths:
        if path.is_dir():
            found += sorted(one for one in path.rglob("*") if one.is_file() and one.suffix.lower() in _SUFFIXES)
        elif path.is_file():
            named.append(path)
        else:
            raise BadFile(str(path), "there is no such file")
    return named, found


def check_file(path: Path, options: FileOptions) -> Checked:
    """Read a file whole and keep nothing but small results. Raises `BadFile` at the first thing that is wrong."""
    with _open(path) as stream:
        checked = Checked(path, options.source or "csv", stamp=_stamp(path))
        for frames in _frames(checked.name, stream, options, checked):
            for dataset in ("daily_bars", "index_members"):
                if (rows := frames.get(dataset)) is not None:
                    checked.symbols |= set(rows["symbol"].unique())
            if checked.kept is not None:
                checked.kept.append(frames)
                if checked.tally.rows > ROWS_PER_BATCH:
                    checked.kept = None
    lean = [form for _, form in checked.parts if form is not None and form.name.startswith("lean")]
    if lean and options.source is None:
        checked.source = "lean"
    return checked


def check_sample() -> Checked:
    """The sample's file, from the package that carries it. Raises `BadInput` when that is not installed."""
    try:
        path = Path(str(package_files("bokeh_sampledata") / "_data" / "stocks.csv.gz"))
    except ModuleNotFoundError:
        raise BadInput("the sample needs the package bokeh-sampledata; install marketkeep[demo]") from None
    return check_file(path, FileOptions(source=sample.NAME))


def batch_file(work: Workspace, batching: Batching, landed: Landed) -> None:
    """Put a file into batches from what the landing holds: the redo of a run that was cut short."""
    told: Mapping[str, object] = landed.options or {}
    options = FileOptions.told(told, None if landed.request.source == "lean" else landed.request.source)
    lineage = lineage_of(landed.request, landed.payload(b""), landed.ref)
    batch_landed(work, batching, str(told["name"]), options, landed.request, lineage)


def batch_landed(
    work: Workspace, batching: Batching, name: str, options: FileOptions, request: Request, lineage: Lineage
) -> None:
    """Read a file's rows from the bytes that were landed (and committed), a batch's worth in memory at a time."""
    with tempfile.TemporaryFile() as spool, work.landing.open(str(lineage.digest)) as body:
        shutil.copyfileobj(body, spool)
        for frames in _frames(name, spool, options, Checked(Path(name), request.source)):
            batching.add(request, lineage, frames)
            if batching.full:
                batching.flush()


def _stamp(path: Path) -> tuple[int, int]:
    """What tells that a file has changed: its size and when it was last written."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadFile(str(path), f"it cannot be opened ({error.strerror})") from error


def _frames(name: str, stream: BinaryIO, options: FileOptions, checked: Checked) -> Iterator[Frames]:
    if options.source == sample.NAME:
        checked.parts.append((name, None))
        frames = sample.parse(stream.read())
        checked.tally.rows += frames["daily_bars"].height
        checked.tally.bars += frames["daily_bars"].height
        checked.tally.actions += frames["actions"].height
        yield frames
        return
    for part, body in members(name, stream):
        if options.index is not None:
            yield _listed(part, body, options, checked)
            continue
        form = recognise(part, body, symbol=options.symbol, basis=options.basis)
        checked.parts.append((part, form))
        yield from read(part, body, form, tally=checked.tally)


def _listed(part: str, stream: Stream, options: FileOptions, checked: Checked) -> Frames:
    """The members that a file tells of."""
    with opened(part, stream) as (plain, inside):
        frames = read_members(plain.read(), name=inside, index=options.index, on=options.on)
    checked.parts.append((part, None))
    checked.tally.rows += frames["index_members"].height
    return frames
