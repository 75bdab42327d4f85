"""Symbology: which security a raw row means, by its own date or by the day it was received."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gold.tenancy_frames import FACEBOOK, REUSED, Tenancy, raw_rows, tickers_frame
from marketkeep.gold.symbology import Symbology, changed
from marketkeep.model import Policy

POLICY = Policy()
NOW = date(2026, 1, 5)
KNOWN = Symbology.of(tickers_frame([*FACEBOOK, *REUSED]))


def _named(*rows: tuple[str, str, date | None, date]) -> list[str]:
    return KNOWN.named(raw_rows(rows), "date", POLICY)["symbol"].to_list()


def test_ticker_without_a_row_means_itself() -> None:
    """What no directory, file or hand tells of is published under its own ticker, untouched."""
    rows = raw_rows([("AAPL", "yahoo", date(2020, 1, 2), NOW), ("BTC-USD", "coinbase", date(2020, 1, 2), NOW)])
    assert KNOWN.named(rows, "date", POLICY) is rows
    assert KNOWN.tickers_of(["AAPL"]) == KNOWN.symbols_of(["AAPL"]) == ["AAPL"]
    nobody = Symbology.of(tickers_frame([]))
    assert nobody.named(rows, "date", POLICY) is rows


def test_trap_11_history_under_the_new_ticker_is_stitched_to_the_old() -> None:
    """What Yahoo told of FB then and of META since, from the rename on or all of it, is one security's."""
    assert _named(
        ("FB", "yahoo", date(2020, 1, 2), date(2020, 1, 3)),
        ("META", "yahoo", date(2022, 6, 9), date(2022, 6, 10)),
        ("META", "yahoo", date(2013, 1, 2), NOW),
    ) == ["META", "META", "META"]


def test_trap_11_a_vendor_means_who_has_the_ticker_when_it_is_asked() -> None:
    """Yahoo, asked for FB or META years later, tells of the holders of that day, whatever the rows' dates."""
    assert _named(
        ("FB", "yahoo", date(2013, 1, 2), NOW),
        ("META", "alpaca", date(2021, 8, 2), date(2021, 8, 3)),
        ("META", "alpaca", date(2021, 8, 2), NOW),
    ) == ["FB", "METV", "META"]


def test_trap_30_sources_of_the_day_mean_who_had_the_ticker_then() -> None:
    """Polygon and LEAN keep rows under the ticker of their date: a reused one is told apart by it alone."""
    assert _named(
        ("REUS", "polygon", date(2014, 1, 2), NOW),
        ("REUS", "polygon", date(2019, 1, 2), NOW),
        ("FB", "lean", date(2013, 1, 2), NOW),
        ("META", "lean", date(2021, 8, 2), NOW),
        ("FB", "lean", date(2025, 8, 1), NOW),
    ) == ["REUS~2015", "REUS", "META", "METV", "FB"]


def test_days_on_which_nobody_had_the_ticker() -> None:
    """A row of such a day is the nearest holder's; a vendor asked then tells of who had the ticker last."""
    assert _named(
        ("REUS", "polygon", date(2015, 6, 1), NOW),
        ("REUS", "polygon", date(2018, 5, 31), NOW),
        ("REUS", "yahoo", date(2014, 1, 2), date(2018, 5, 30)),
        ("METV", "polygon", date(2019, 1, 2), date(2019, 1, 3)),
        ("METV", "yahoo", date(2019, 1, 2), date(2019, 1, 3)),
    ) == ["REUS~2015", "REUS", "REUS~2015", "METV~2022", "METV"]


WASTE = (("WMI", None, date(2009, 8, 5), "WMI", "WM"), ("WM", date(2009, 8, 5), None, "WMI", "WM"))


def test_trap_30_nobody_is_two_tickers_at_once() -> None:
    """
    A row of a day on which the ticker's only known holder had another is somebody else's: Washington Mutual was WM
    before Waste Management came from WMI, and whoever is WMI since is published as that.
    """
    waste = Symbology.of(tickers_frame(WASTE))
    days = (date(2008, 9, 25), date(2009, 8, 4), date(2009, 8, 5))
    rows = raw_rows([(ticker, "lean", day, NOW) for ticker in ("WM", "WMI") for day in days])
    assert waste.named(rows, "date", POLICY)["symbol"].to_list() == ["WM~2009", "WM~2009", "WM", "WM", "WM", "WMI"]
    assert waste.symbols_of(["WM"]) == ["WM", "WM~2009"]
    assert waste.symbols_of(["WM"], of_day=False) == ["WM"]
    assert waste.tickers_of(["WM~2009"]) == ["WM", "WM~2009"]
    assert waste.tickers_of(["WM"]) == ["WM", "WMI"]


def test_a_ticker_may_have_begun_before_it_was_seen() -> None:
    """Between two directories far apart the new ticker may have been there already: its rows are not a stranger's."""
    frame = tickers_frame(WASTE).with_columns(earliest=pl.when(pl.col("ticker") == "WM").then(pl.date(2009, 1, 2)))
    rows = raw_rows([("WM", "lean", day, NOW) for day in (date(2008, 12, 31), date(2009, 1, 2))])
    assert Symbology.of(frame).named(rows, "date", POLICY)["symbol"].to_list() == ["WM~2009", "WM"]


def test_factor_files_are_under_the_last_ticker() -> None:
    """LEAN keeps a security's factors of all days in one file, so its actions mean who has the ticker when taken in."""
    waste = Symbology.of(tickers_frame(WASTE))
    rows = raw_rows([("WM", "lean", date(2002, 3, 4), NOW)])
    assert waste.named(rows.rename({"date": "ex_date"}), "ex_date", POLICY)["symbol"].to_list() == ["WM"]
    polygon = raw_rows([("WM", "polygon", date(2002, 3, 4), NOW)]).rename({"date": "ex_date"})
    assert waste.named(polygon, "ex_date", POLICY)["symbol"].to_list() == ["WM~2009"]


def test_the_day_received_is_new_yorks() -> None:
    """An answer of the evening before the change in New York is told of the old holder, though UTC has the next day."""
    rows = raw_rows([("REUS", "yahoo", date(2018, 5, 31), NOW)] * 2)
    evening = [datetime(2018, 6, 1, 3, 59, tzinfo=UTC), datetime(2018, 6, 1, 4, 0, tzinfo=UTC)]
    rows = rows.with_columns(fetched_at=pl.Series(evening, dtype=rows.schema["fetched_at"]))
    assert KNOWN.named(rows, "date", POLICY)["symbol"].to_list() == ["REUS~2015", "REUS"]


def test_row_without_a_date_is_told_by_when_it_came() -> None:
    """A minute bar whose session is not known has only the day on which it was received."""
    assert _named(("REUS", "polygon", None, date(2014, 1, 2)), ("REUS", "polygon", None, NOW)) == ["REUS~2015", "REUS"]


def test_tickers_and_symbols_find_each_other() -> None:
    """To publish a symbol its former tickers are read; a ticker's rows may belong to all that ever had it."""
    assert KNOWN.tickers_of(["META"]) == ["FB", "META"]
    assert KNOWN.symbols_of(["FB"], of_day=False) == KNOWN.symbols_of(["FB"], of_day=True) == ["FB", "META"]
    assert KNOWN.tickers_of(["REUS~2015"]) == ["REUS", "REUS~2015"]
    assert KNOWN.symbols_of(["FB"]) == ["FB", "META"]
    assert KNOWN.symbols_of(["REUS", "AAPL"]) == ["AAPL", "REUS", "REUS~2015"]


@pytest.mark.parametrize("ticker", ["NA", "NAN", "NULL", "TRUE", "ON", "INF"])
def test_trap_63_tickers_that_look_like_values_are_tickers(ticker: str) -> None:
    """A rename from or to such a ticker is one like any other."""
    known = Symbology.of(
        tickers_frame([(ticker, None, date(2020, 1, 2), ticker, "NEW"), ("NEW", date(2020, 1, 2), None, ticker, "NEW")])
    )
    rows = raw_rows([(ticker, "yahoo", date(2019, 1, 2), date(2019, 1, 3))])
    assert known.named(rows, "date", POLICY)["symbol"].to_list() == ["NEW"]
    assert known.tickers_of(["NEW"]) == sorted([ticker, "NEW"])


def test_changed_names_the_tickers_whose_rows_move() -> None:
    """A rename moves what lies under either ticker, a taken one what lies under it; a delisting moves nothing."""
    before = [("FB", None, None, "FB", "FB"), ("REUS", None, None, "REUS", "REUS")]
    renamed = [
        ("FB", None, date(2022, 6, 9), "FB", "META"),
        ("META", date(2022, 6, 9), None, "FB", "META"),
        ("REUS", None, date(2015, 3, 31), "REUS", "REUS"),
        ("NEW", date(2022, 6, 9), None, "NEW", "NEW"),
    ]
    assert changed(tickers_frame(before), tickers_frame(before)) == []
    assert changed(tickers_frame([]), tickers_frame(before)) == []
    assert changed(tickers_frame(before), tickers_frame(renamed)) == ["FB", "META"]
    assert changed(tickers_frame(renamed), tickers_frame([*renamed[:2], *REUSED])) == ["REUS"]
    assert changed(tickers_frame([*renamed[:2], *REUSED]), tickers_frame(renamed[:2])) == ["REUS"]


_Row = tuple[str, str, date, date]
_DAYS = st.dates(date(2000, 1, 3), date(2002, 12, 30))


@st.composite
def _tenancies(draw: st.DrawFn) -> list[Tenancy]:
    """A few tickers, each with holders one after the other, some of them with an open beginning or end."""
    found: list[Tenancy] = []
    for ticker in ("AA", "BB", "NA"):
        bounds = sorted(draw(st.lists(_DAYS, max_size=6, unique=True)))
        spans = [(low, high) for low, high in zip(bounds[::2], bounds[1::2], strict=False)]
        for at, (low, high) in enumerate(spans):
            start = None if at == 0 and draw(st.booleans()) else low
            end = None if at == len(spans) - 1 and draw(st.booleans()) else high
            found.append(
                (ticker, start, end, f"{ticker}{at}", draw(st.sampled_from(["AA", "BB", "CC", f"AA~200{at}"])))
            )
    return found


_ROWS = st.lists(
    st.tuples(st.sampled_from(["AA", "BB", "NA", "ZZ"]), st.sampled_from(["yahoo", "polygon", "lean"]), _DAYS, _DAYS),
    max_size=30,
)


def _holder(tenancies: list[Tenancy], ticker: str, day: date, *, by_day: bool) -> str:
    """Who a ticker means on a day, the long way."""
    mine = [one for one in tenancies if one[0] == ticker]
    if not mine:
        return ticker
    begun = [one for one in mine if (one[1] or date.min) <= day]
    last = begun[-1] if begun else mine[0]
    if not by_day or not begun or last[2] is None or day < last[2] or last is mine[-1]:
        return last[4]
    following = mine[mine.index(last) + 1]
    assert following[1] is not None
    return last[4] if day - (last[2] - timedelta(days=1)) <= following[1] - day else following[4]


@given(_tenancies(), _ROWS, st.randoms(use_true_random=False))
def test_every_row_goes_to_its_holder_in_any_order(tenancies: list[Tenancy], rows: list[_Row], shuffle: Random) -> None:
    """Rows are given to the holder of the day that counts for their source, whatever the order of tenancies or rows."""
    expected = [
        _holder(tenancies, ticker, day if source in POLICY.tickers_of_the_day else on, by_day=source != "yahoo")
        for ticker, source, day, on in rows
    ]
    mixed = list(tenancies)
    shuffle.shuffle(mixed)
    known = Symbology.of(tickers_frame(mixed))
    frame = raw_rows(rows)
    named = known.named(frame, "date", POLICY)
    assert named["symbol"].to_list() == expected
    assert named.drop("symbol").equals(frame.drop("symbol"))
    turned = known.named(frame.reverse(), "date", POLICY)
    assert turned["symbol"].to_list() == expected[::-1]


@given(_tenancies(), _ROWS)
def test_what_may_be_read_is_what_may_be_named(tenancies: list[Tenancy], rows: list[_Row]) -> None:
    """A row's symbol is among the symbols of its ticker, its ticker among the tickers of that symbol."""
    known = Symbology.of(tickers_frame(tenancies))
    frame = raw_rows(rows)
    for ticker, symbol in zip(frame["symbol"], known.named(frame, "date", POLICY)["symbol"], strict=True):
        assert symbol in known.symbols_of([ticker])
        assert ticker in known.tickers_of([symbol])


@given(_tenancies(), _tenancies(), _ROWS)
def test_tickers_that_did_not_change_mean_what_they_meant(
    before: list[Tenancy], after: list[Tenancy], rows: list[_Row]
) -> None:
    """A row that is named differently by new tenancies has a ticker that `changed` names."""
    old, new = tickers_frame(before), tickers_frame(after)
    frame = raw_rows(rows)
    then, now = (Symbology.of(one).named(frame, "date", POLICY)["symbol"] for one in (old, new))
    moved = frame.filter(then != now)["symbol"].unique()
    assert set(moved) <= set(changed(old, new))
