"""
ArcticDB on LMDB: a symbol a frame, and beside it the closes and the other fields in wide frames, a column a symbol.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import arcticdb
import numpy as np
import pandas as pd
import polars as pl
from arcticdb import Arctic, OutputFormat, ReadRequest, WritePayload

from reads.peers.shape import FIELDS, Stored, Ways, dense, seen, seen_of_many

_FORMS = {"pandas": OutputFormat.PANDAS, "arrow": OutputFormat.PYARROW, "polars": OutputFormat.POLARS}


class Peer(Stored):
    """Reads of a list of symbols are batches; their frames are the answer as they come, not put together."""

    def fill(self) -> None:
        """Write both ways."""
        arctic = self._arctic(self.store)
        daily, minute, wide = (arctic.create_library(name) for name in ("daily", "minute", "wide"))
        for path in self.daily:
            daily.write_batch([WritePayload(name, frame) for name, frame in _frames(pl.read_parquet(path), "date")])
        gathered: dict[str, list[Any]] = {}
        for path in self.minutes:
            for name, frame in _frames(pl.read_parquet(path), "ts"):
                gathered.setdefault(name, []).append(frame)
        for name, parts in gathered.items():
            minute.write(name, pd.concat(parts))
        for field in FIELDS:
            long = pl.concat(pl.read_parquet(path, columns=["symbol", "date", field]) for path in self.daily)
            names = long["symbol"].unique().sort().to_list()
            columns = long["symbol"].cast(pl.Enum(names)).to_physical().to_numpy()
            days, rows = np.unique(long["date"].to_numpy(), return_inverse=True)
            index = pd.DatetimeIndex(days.astype("datetime64[ns]"), name="date")
            table = dense(days, rows, columns, long[field].to_numpy(), len(names))
            wide.write(field, pd.DataFrame(table, index=index, columns=names))

    def _arctic(self, place: Path) -> Any:
        return Arctic(f"lmdb://{place}/lmdb?map_size=60GB")

    def open(self) -> None:
        """Open the libraries."""
        arctic = self._arctic(self.store)
        self._daily, self._minute, self._wide = (arctic[name] for name in ("daily", "minute", "wide"))
        self._names = sorted(self._daily.list_symbols())
        self._days = self._wide.read("close", columns=[self._names[0]]).data.index.to_numpy()

    def about(self) -> str:
        """Name and version."""
        return f"ArcticDB {arcticdb.__version__} on LMDB"

    def ways(self) -> Ways:
        """By task the ways it can be done."""
        forms = list(_FORMS.items())
        two = forms[:2]
        return {
            "one": {name: self._one(form) for name, form in forms},
            "some": {name: self._some(form) for name, form in two},
            "field": {"wide": self._field_wide, "per symbol": self._field},
            "session": {
                "wide": self._session_wide,
                **{f"per symbol, {name}": self._some(form, every=True) for name, form in two},
            },
            "session_closes": {"wide": self._session_wide_closes},
            "year": {name: self._some(form, every=True) for name, form in two},
            "minute_one": {name: self._minutes(form) for name, form in two},
            "minute_some": {name: self._minutes(form) for name, form in two},
            "append": {"append_batch": self._append},
        }

    def _one(self, form: Any) -> Any:
        return lambda symbol: self._daily.read(symbol, output_format=form).data

    def _some(self, form: Any, *, every: bool = False) -> Any:
        def read(start: str, end: str, symbols: list[str] | None = None) -> list[Any]:
            span = (pd.Timestamp(start), pd.Timestamp(end))
            asked = [ReadRequest(name, date_range=span) for name in (self._names if every else symbols or [])]
            return [one.data for one in self._daily.read_batch(asked, output_format=form)]

        return read

    def _field_wide(self, field: str) -> Any:
        return self._wide.read(field).data.to_numpy()

    def _field(self, field: str) -> Any:
        asked = [ReadRequest(name, columns=[field]) for name in self._names]
        matrix = np.full((len(self._days), len(asked)), np.nan)
        for column, one in enumerate(self._daily.read_batch(asked)):
            matrix[np.searchsorted(self._days, one.data.index.to_numpy()), column] = one.data[field].to_numpy()
        return matrix

    def _session_wide(self, start: str, end: str) -> Any:
        span = (pd.Timestamp(start), pd.Timestamp(end))
        asked = [ReadRequest(field, date_range=span) for field in FIELDS]
        return [one.data for one in self._wide.read_batch(asked)]

    def _session_wide_closes(self, start: str, end: str) -> Any:
        return self._wide.read("close", date_range=(pd.Timestamp(start), pd.Timestamp(end))).data.to_numpy()

    def _minutes(self, form: Any) -> Any:
        def read(symbols: list[str], start: str, end: str) -> list[Any]:
            span = (pd.Timestamp(start), pd.Timestamp(end) + pd.Timedelta(days=1, microseconds=-1))
            asked = [ReadRequest(name, date_range=span) for name in symbols]
            return [one.data for one in self._minute.read_batch(asked, output_format=form)]

        return read

    def begin(self, rows: pl.DataFrame) -> None:
        """Append to a copy, so that what else is measured is as it was."""
        place = self.store / "copy"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.store / "lmdb", place / "lmdb")
        self._copy = self._arctic(place)["daily"]
        self._append(rows)

    def _append(self, rows: pl.DataFrame) -> int:
        self._copy.append_batch([WritePayload(name, frame) for name, frame in _frames(rows, "date")])
        return rows.height

    def close(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.store / "copy", ignore_errors=True)

    def look(self, task: str, got: Any) -> dict[str, float]:
        """Rows and the sum of closes."""
        if isinstance(got, list) and task == "session" and len(got) == len(FIELDS):
            return seen(got[FIELDS.index("close")].to_numpy())
        if isinstance(got, list):
            return seen_of_many([_closes(one) for one in got])
        return seen(got if isinstance(got, np.ndarray) else _closes(got))


def _closes(frame: Any) -> Any:
    return frame["close"].to_numpy()


def _frames(rows: pl.DataFrame, index: str) -> list[tuple[str, Any]]:
    found = []
    for (name,), mine in rows.partition_by("symbol", as_dict=True, maintain_order=True).items():
        stamps = pd.DatetimeIndex(mine[index].to_numpy().astype("datetime64[ns]"), name="date")
        found.append((str(name), pd.DataFrame({field: mine[field].to_numpy() for field in FIELDS}, index=stamps)))
    return found
