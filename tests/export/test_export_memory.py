"""An export of much takes no more memory than one of little: a piece at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXPORT = '''
import sys
from datetime import date
from pathlib import Path
import polars as pl
from marketkeep.calendars import XNYS
from marketkeep.export import Wanted, export
from marketkeep.model import ACTIONS, INDEX_MEMBERS, SECURITIES, TICKER_HISTORY

days = XNYS.sessions(date(2012, 1, 3), date(2020, 1, 1))
names = [f"S{number:04d}" for number in range(int(sys.argv[2]))]

class Asked:
    def __init__(self, frame): self.frame = frame
    def polars(self): return self.frame
    def pieces(self): yield self.frame

class Market:
    """As many symbols as wanted, made when they are asked for."""
    def coverage(self, dataset="daily_bars", **clocks):
        return pl.DataFrame({"symbol": names, "first": [days[0]] * len(names), "last": [days[-1]] * len(names)})
    def bars(self, symbols, start=None, end=None, **asked):
        one = pl.DataFrame({"date": days}).with_row_index("n")
        price = 50 + (pl.col("n").hash(3) % 10_000) / 100
        whole = pl.DataFrame({"symbol": [name.removesuffix("~now") for name in symbols]}).join(one, how="cross")
        return Asked(whole.select("symbol", "date", open=price, high=price + 1, low=price - 1, close=price + 0.25,
            adj_close=price, volume=1000.0 + pl.col("n"), score=pl.lit(100, pl.Int16), source=pl.lit("made")))
    def actions(self, *_, **clocks): return ACTIONS.empty()
    def index_members(self, *_, **clocks): return INDEX_MEMBERS.empty()
    def ticker_history(self, **clocks): return TICKER_HISTORY.empty()
    def securities(self, **clocks): return SECURITIES.empty()

done = export(Market(), sys.argv[1], Wanted(universe="all"), Path(sys.argv[3]))
assert done.bars == len(names) * len(days)
# Not getrusage: that counts what the parent had before it became this program.
[most] = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
print(int(most.split()[1]) // 1024)
'''


def peak(form: str, symbols: int, out: Path) -> int:
    """MiB that a process takes at most which exports so many symbols of 2,012 sessions."""
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, form, str(symbols), out], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's memory so")
@pytest.mark.parametrize(("form", "symbols"), [("parquet", 1000), ("csv", 400), ("nautilus", 400), ("qlib", 400)])
def test_much_takes_no_more_than_little(form: str, symbols: int, tmp_path: Path) -> None:
    """
    Five times the symbols take at most a fifth more memory, and far less than a gigabyte: two million bars of Parquet,
    which are 170 MB as a frame, are never in memory together.
    """
    little, much = peak(form, symbols // 5, tmp_path / "little"), peak(form, symbols, tmp_path / "much")
    print(f"{form}: {little} MiB for {symbols // 5} symbols, {much} MiB for {symbols}")
    assert much <= 1.2 * little + 20
    assert much < 700
