"""
The forms a keep can be exported in, and the one function that exports.

Each form tells what it holds and how prices are adjusted in it; what it cannot hold is refused or told in the notes,
never rounded in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import get_args

import orjson

from marketkeep.errors import BadInput
from marketkeep.export.folder import MANIFEST, whole_folder, whole_prefix
from marketkeep.export.wanted import Reader, Wanted, select
from marketkeep.files import files_at, is_bucket, write_atomic
from marketkeep.pipeline.workspace import Progress, Silent
from marketkeep.query import Keep
from marketkeep.query.bars import Adjust

_ALL_CLASSES = ("equity", "crypto", "index")


@dataclass(frozen=True, slots=True)
class Form:
    """
    One form: the module of this room that writes it, the adjustments it takes (the first unless asked), whether it has
    minute bars, the asset classes it holds, and why it takes no other adjustment.
    """

    module: str
    adjusts: tuple[Adjust, ...]
    minute: bool
    classes: tuple[str, ...]
    why: str = ""

    def check(self, name: str, wanted: Wanted) -> Adjust:
        """The adjustment to export. Raises `BadInput` for what the form does not have."""
        if wanted.minute and not self.minute:
            raise BadInput(f"{name} is written with daily bars only; leave out --minute, or export csv or parquet")
        adjust = wanted.adjust or self.adjusts[0]
        if adjust not in get_args(Adjust):
            raise BadInput(f"adjust={adjust!r} is unknown; use 'none', 'splits' or 'all'")
        if adjust not in self.adjusts:
            raise BadInput(f"{name} is not written with adjust={adjust}: {self.why}")
        return adjust


_APPLIES = "it holds bars as traded and applies splits and dividends itself; leave out --adjust"
FORMS: Mapping[str, Form] = {
    "csv": Form("tables", ("none", "splits", "all"), minute=True, classes=_ALL_CLASSES),
    "parquet": Form("tables", ("none", "splits", "all"), minute=True, classes=_ALL_CLASSES),
    "qlib": Form("qlib", ("all", "splits", "none"), minute=False, classes=("equity", "index")),
    "lean": Form("lean_folder", ("none",), minute=True, classes=("equity",), why=_APPLIES),
    "zipline": Form("zipline", ("none",), minute=False, classes=("equity",), why=_APPLIES),
    "nautilus": Form("nautilus", ("none", "splits", "all"), minute=True, classes=("equity",)),
}
"""By the name it is asked for."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: where, how many symbols and bars, and what is to be known of it."""

    out: Path | str
    symbols: int
    bars: int
    notes: tuple[str, ...]


def export(keep: Keep, form: str, wanted: Wanted, out: Path | str, progress: Progress | None = None) -> Exported:
    """
    Write what is wanted of a keep into `out`: a folder, which appears when it is whole, or s3://bucket/prefix, whose
    `export.json` is stored last.

    `form` is one of `FORMS`. Raises `BadInput` for a form, adjustment or place that cannot be, `NotFound` when nothing
    of it is held, `StoreError` when it cannot be written; then a folder is as it was.
    """
    if form not in FORMS:
        raise BadInput(f"there is no form {form!r} to export to; use {', '.join(FORMS)}")
    chosen = FORMS[form]
    adjust = chosen.check(form, wanted)
    reader = select(keep, wanted, adjust, progress or Silent(), chosen.classes)
    write: Callable[[Reader, Path], int] = getattr(import_module(f"{__package__}.{chosen.module}"), f"write_{form}")
    bucket = files_at(out) if is_bucket(out) else None
    with whole_folder(Path(out)) if bucket is None else whole_prefix(bucket) as aside:
        bars = write(reader, aside)
        done = Exported(bucket.place if bucket else out, len(reader.symbols), bars, tuple(reader.notes))
        _tell(aside, form, adjust, wanted, done)
    return done


def _tell(folder: Path, form: str, adjust: Adjust, wanted: Wanted, done: Exported) -> None:
    told = {
        "form": form,
        "dataset": "minute_bars" if wanted.minute else "daily_bars",
        "adjust": adjust,
        "universe": wanted.universe,
        "start": wanted.start,
        "end": wanted.end,
        "as_of": wanted.as_of,
        "recorded_by": wanted.recorded_by,
        "symbols": done.symbols,
        "bars": done.bars,
        "notes": done.notes,
    }
    write_atomic(folder / MANIFEST, orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
