"""
Qlib over its own binary files: a folder a symbol, a file a field, float32.

Neither its disk caches nor its cache in memory answers: that one is emptied before every question.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import qlib
from qlib.data import D
from qlib.data.cache import H

from reads.peers.shape import FIELDS, Stored, Ways, seen

FACTORS = (
    "$open",
    "$high",
    "$low",
    "$close",
    "$adj_close",
    "$volume",
    "Ref($close,1)/$close",
    "Mean($close,5)/$close",
    "Std($close,20)",
    "Max($high,20)",
    "Min($low,20)",
    "Corr($close,$volume,20)",
    "$close/$open-1",
    "Mean($volume,10)/$volume",
)
_DAY = "datetime64[D]"
_FIELDS = [f"${name}" for name in FIELDS]


class Peer(Stored):
    """Answers are pandas frames with an index of (instrument, datetime)."""

    def fill(self) -> None:
        """Write its files, as its own dump_bin does."""
        frames = [pq.read_table(path).to_pandas() for path in self.daily]
        calendar = np.unique(np.concatenate([frame["date"].to_numpy(_DAY) for frame in frames]))
        lines = []
        for frame in frames:
            for name, mine in frame.groupby("symbol", sort=True):
                lines.append(self._write(str(name), mine, calendar))
        for folder, file, text in (
            ("calendars", "day.txt", [str(day) for day in calendar]),
            ("instruments", "all.txt", lines),
        ):
            (self.store / folder).mkdir()
            (self.store / folder / file).write_text("\n".join(text) + "\n")

    def _write(self, name: str, mine: Any, calendar: npt.NDArray[np.datetime64]) -> str:
        at = np.searchsorted(calendar, mine["date"].to_numpy(_DAY))
        place = self.store / "features" / name.lower()
        place.mkdir(parents=True)
        for field in (*FIELDS, "adj_close"):
            whole = np.full(at[-1] - at[0] + 1, np.nan, dtype=np.float32)
            whole[at - at[0]] = mine[field].to_numpy()
            np.concatenate([[at[0]], whole]).astype("<f4").tofile(place / f"{field}.day.bin")
        return f"{name}\t{calendar[at[0]]}\t{calendar[at[-1]]}"

    def open(self) -> None:
        """Start it."""
        qlib.init(
            provider_uri=str(self.store),
            region="us",
            expression_cache=None,
            dataset_cache=None,
            logging_level=logging.ERROR,
        )
        self._every = sorted(D.list_instruments(D.instruments("all"), as_list=True))

    def about(self) -> str:
        """Name and version."""
        return f"Qlib {qlib.__version__}"

    def ways(self) -> Ways:
        """By task the ways it can be done."""
        return {
            "one": {"D.features": lambda symbol: self._read([symbol], _FIELDS, None, None)},
            "some": {"D.features": lambda symbols, start, end: self._read(symbols, _FIELDS, start, end)},
            "field": {"D.features": self._field},
            "session": {"D.features": self._all},
            "session_closes": {"D.features": lambda start, end: self._read(self._every, ["$close"], start, end)},
            "year": {"D.features": self._all},
            "factors": {"D.features": self._factors},
        }

    def _read(self, symbols: list[str], fields: list[str], start: str | None, end: str | None) -> Any:
        H.clear()
        return D.features(symbols, fields, start_time=start, end_time=end)

    def _all(self, start: str, end: str) -> Any:
        return self._read(self._every, _FIELDS, start, end)

    def _field(self, field: str) -> Any:
        return self._read(self._every, [f"${field}"], None, None).iloc[:, 0].unstack(level=0)

    def _factors(self, symbols: list[str]) -> Any:
        return self._read(symbols, list(FACTORS), None, None)

    def look(self, task: str, got: Any) -> dict[str, float]:
        """Rows and the sum of closes; of factors the sum of each."""
        if task == "factors":
            told = {name: seen(got[expression].to_numpy()) for name, expression in zip(_NAMES, FACTORS, strict=True)}
            return {"rows": told["close"]["rows"], **{f"sum of {name}": one["sum"] for name, one in told.items()}}
        return seen(got["$close"].to_numpy() if "$close" in got else got.to_numpy())


_NAMES = (
    "open",
    "high",
    "low",
    "close",
    "adj_close",
    "volume",
    "before",
    "mean5",
    "std20",
    "max20",
    "min20",
    "corr20",
    "day",
    "volume10",
)
