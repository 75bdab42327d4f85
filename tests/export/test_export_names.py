"""Names that other tools have no word for: a former holder of a ticker, minutes of one that is listed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from partner_reader import read_back

import marketkeep
from gold.told import directory, kept
from marketkeep.export import FORMS, Wanted, export
from marketkeep.model import Policy
from marketkeep.pipeline.rebuild import rebuild
from minute_keep import MinuteKeep
from minute_rows import at_new_york, minute
from small_keep import SmallKeep

FIRST, SECOND = date(2024, 6, 3), date(2025, 5, 5)
DAYS = [(FIRST, 5.0), (date(2024, 6, 4), 6.0), (SECOND, 10.0), (date(2025, 5, 6), 11.0)]


@pytest.fixture(scope="module")
def reused(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """REUS and REUS~2024, who had the ticker before it; the present one is listed on NASDAQ."""
    made = SmallKeep(tmp_path_factory.mktemp("reused") / "keep", Policy(tickers_of_the_day=("csv",)))
    made.bars(*DAYS, symbol="REUS")
    old, new = "First Co. - Common Stock", "Second Corp. - Common Stock"
    held = {FIRST + timedelta(days=n): lines for n, lines in enumerate(({"REUS": old}, {}, {}))}
    for day, lines in {**held, SECOND: {"REUS": new}}.items():
        kept(made.work.batches, directory(day, lines))
    rebuild(made.work)
    return made.open()


@pytest.mark.parametrize("form", sorted(FORMS))
def test_both_holders_go_out_apart(reused: marketkeep.Keep, tmp_path: Path, form: str) -> None:
    """With everything both holders of a ticker are written, neither asked for by a name that means both."""
    done = export(reused, form, Wanted(universe="all"), tmp_path / "all")
    assert (done.symbols, done.bars) == (2, 4)
    assert export(reused, form, Wanted(symbols=("REUS~2024",)), tmp_path / "one").bars == 2


@pytest.mark.slow
def test_nautilus_reads_former_holders(reused: marketkeep.Keep, tmp_path: Path) -> None:
    """Nautilus has both holders on their market, the former one under a name that its SQL can hold."""
    export(reused, "nautilus", Wanted(universe="all"), tmp_path / "out")
    read = read_back("nautilus", tmp_path / "out")
    closes = {bar[0].partition("-1-DAY")[0]: [] for bar in read["bars"]}
    for bar in read["bars"]:
        closes[bar[0].partition("-1-DAY")[0]].append(float(bar[6]))
    assert closes == {"REUS.XNAS": [10.0, 11.0], "REUS_2024.XNAS": [5.0, 6.0]}


@pytest.mark.slow
def test_zipline_reads_former_holders(reused: marketkeep.Keep, tmp_path: Path) -> None:
    """Zipline has both holders under their own names, each with its own days."""
    export(reused, "zipline", Wanted(universe="all"), tmp_path / "out")
    read = read_back("zipline", tmp_path / "out", tmp_path / "root", "REUS", "REUS~2024")
    assert {name: one["raw"]["close"] for name, one in read.items()} == {
        "REUS": [10.0, 11.0],
        "REUS~2024": [5.0, 6.0],
    }


@pytest.mark.slow
def test_nautilus_reads_minutes(tmp_path: Path) -> None:
    """Minute bars of several months are one series, each stamped with the end of its minute."""
    made = MinuteKeep(tmp_path / "keep")
    made.take(*(minute(day, clock) for day in ("2024-01-31", "2024-02-01") for clock in ("08:15", "09:30", "15:59")))
    export(made.open(), "nautilus", Wanted(universe="all", minute=True), tmp_path / "out")
    read = read_back("nautilus", tmp_path / "out")
    ends = [
        at_new_york(day, clock)
        for day in (date(2024, 1, 31), date(2024, 2, 1))
        for clock in ("08:16", "09:31", "16:00")
    ]
    assert [bar[1] for bar in read["bars"]] == [int(end.timestamp()) * 10**9 for end in ends]
    assert {bar[0] for bar in read["bars"]} == {"AAPL.US-1-MINUTE-LAST-EXTERNAL"}
    assert {bar[6] for bar in read["bars"]} == {"10"}
