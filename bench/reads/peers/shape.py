"""What the peers' modules share: where their files are, looking at answers, and a dense matrix. Needs numpy alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FIELDS = ("open", "high", "low", "close", "volume")
SESSION_OF_MATRIX = "datetime64[D]"


class Stored:
    """A peer with its own files under `store`, made once from the market's under `data`."""

    def __init__(self, store: Path, data: Path) -> None:
        self.store, self.data = store, data
        self.market: dict[str, Any] = json.loads((data / "market.json").read_text())

    def load(self) -> None:
        """Make the files, when they are not whole yet."""
        if not (self.store / "whole").exists():
            shutil.rmtree(self.store, ignore_errors=True)
            self.store.mkdir(parents=True)
            self.fill()
            (self.store / "whole").touch()

    def fill(self) -> None:
        """Make them."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what is open."""

    def look(self, task: str, got: Any) -> dict[str, float]:
        """Rows and the sum of closes of an answer."""
        raise NotImplementedError

    def begin(self, rows: Any) -> None:
        """Append the sessions of these rows before any is timed."""
        raise NotImplementedError

    @property
    def daily(self) -> list[Path]:
        """The market's files of daily bars."""
        return sorted((self.data / "daily").glob("*.parquet"))

    @property
    def minutes(self) -> list[Path]:
        """The market's files of minute bars."""
        return sorted((self.data / "minutes").glob("*.parquet"))


Ways = dict[str, dict[str, Callable[..., Any]]]


def seen(values: Any) -> dict[str, float]:
    """Rows and sum of numbers, of a matrix those that are there."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    there = flat[~np.isnan(flat)]
    return {"rows": float(len(there)), "sum": float(there.sum())}


def seen_of_many(parts: list[Any]) -> dict[str, float]:
    """Rows and sum of several answers that are one."""
    every = [seen(part) for part in parts]
    return {"rows": sum(one["rows"] for one in every), "sum": sum(one["sum"] for one in every)}


def dense(days: Any, rows: Any, columns: Any, values: Any, width: int) -> Any:
    """Values at (row, column) of a matrix with a row a day, NaN where there is none."""
    matrix = np.full((len(days), width), np.nan)
    matrix[rows, columns] = values
    return matrix
