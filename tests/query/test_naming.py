"""What users call securities: old and new tickers, any spelling, resolved by date, never guessed."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from gold.tenancy_frames import FACEBOOK, REUSED, tickers_frame
from marketkeep.errors import AmbiguousSymbol, BadInput, BadSymbol
from marketkeep.query.naming import resolve_symbols

NAMES = {"REUS": "Alpha Inc", "REUS#2": "Beta Corp", "FB": "Meta Platforms, Inc."}
TABLE = tickers_frame([*FACEBOOK, *REUSED]).with_columns(
    name=pl.col("security_id").replace_strict(NAMES, default=None, return_dtype=pl.String)
)
HELD = {"META", "METV", "FB", "REUS", "REUS~2015", "AAPL", "BRK.B"}


def _meant(text: str, first: str | None = None, last: str | None = None, held: set[str] = HELD) -> str:
    """What a name means in dates."""
    start, end = (date.fromisoformat(day) if day else None for day in (first, last))
    [(asked, symbol)] = resolve_symbols(TABLE, held, [text], start, end)
    assert asked == text
    return symbol


@pytest.mark.parametrize(("text", "symbol"), [("brk-b", "BRK.B"), ("BRK/B", "BRK.B"), ("aapl", "AAPL"), ("NA", "NA")])
def test_trap_29_any_spelling_is_read(text: str, symbol: str) -> None:
    """Every vendor's spelling is a name, and a ticker that nobody is known to have had means itself."""
    assert _meant(text) == symbol


def test_trap_30_a_ticker_means_who_had_it_then() -> None:
    """Of several holders the one of the dates asked for is meant."""
    assert _meant("FB", "2012-05-18", "2021-12-31") == "META"
    assert _meant("FB", "2025-08-01") == "FB"
    assert _meant("REUS", last="2016-12-31") == "REUS~2015"
    assert _meant("REUS", "2018-06-01", "2018-06-01") == "REUS"


def test_old_ticker_of_one_security_answers_for_any_date() -> None:
    """Where nobody else ever had it, an old ticker means its security, whatever the dates."""
    assert _meant("METV", "2019-01-02", "2019-12-31") == "METV"
    table = tickers_frame(
        [("ACME", None, date(2020, 1, 2), "ACME", "ZETA"), ("ZETA", date(2020, 1, 2), None, "ACME", "ZETA")]
    )
    assert resolve_symbols(table, {"ZETA"}, ["ACME", "ZETA"], date(2023, 1, 3)) == [("ACME", "ZETA"), ("ZETA", "ZETA")]


def test_trap_30_several_holders_in_the_dates_are_told_not_guessed() -> None:
    """The error names each choice by a name that means nobody else, with who it is and when."""
    with pytest.raises(AmbiguousSymbol) as told:
        _meant("REUS")
    assert str(told.value) == (
        "REUS means REUS~2015 (Alpha Inc, until 2015-03-30) and REUS~now (Beta Corp, from 2018-06-01); "
        "name one of them or narrow the dates."
    )
    assert isinstance(told.value, BadInput)
    assert [_meant(choice) for choice in told.value.choices] == ["REUS~2015", "REUS"]
    with pytest.raises(AmbiguousSymbol, match=r"META means METV .* and META~now \(Meta Platforms, Inc., from 2022"):
        _meant("META", "2021-01-04", "2022-12-30")


def test_a_holder_of_whom_nothing_is_held_is_no_choice() -> None:
    """A keep that has the bars of one of them only answers with these."""
    assert _meant("META", "2021-01-04", held={"META"}) == "META"
    assert _meant("REUS", held={"REUS~2015"}) == "REUS~2015"
    assert _meant("REUS", held=set()) == "REUS"


def test_trap_30_bars_of_somebody_unknown_are_a_choice() -> None:
    """Whose bars are held of a ticker before its only known holder came to it may be meant too."""
    table = tickers_frame([("WMI", None, date(2009, 8, 5), "WMI", "WM"), ("WM", date(2009, 8, 5), None, "WMI", "WM")])
    held = {"WM", "WM~2009", "WMI"}
    early, late = (date(2000, 1, 3), date(2008, 9, 25)), (date(2010, 1, 4), date(2010, 12, 31))
    for ticker, meant in (("WM", ["WM~2009", "WM"]), ("WMI", ["WM", "WMI"])):
        assert [resolve_symbols(table, held, [ticker], *days)[0][1] for days in (early, late)] == meant
    with pytest.raises(AmbiguousSymbol, match=r"WM~2009 \(name not known, until 2009-08-04\) and WM~now"):
        resolve_symbols(table, held, ["WM"])
    assert resolve_symbols(table, {"WM"}, ["WM", "WMI"], *late) == [("WM", "WM"), ("WMI", "WM")]


def test_dates_in_which_nobody_had_it_leave_the_name() -> None:
    """Then the name means what is published under it, so that later dates of the same question go on."""
    assert _meant("REUS", "2016-01-04", "2016-12-30") == "REUS"
    assert _meant("META", "2013-01-02", "2014-12-31") == "META"


def test_each_is_answered_in_the_order_asked() -> None:
    """Names come back as they were written, beside what they mean; two may mean one."""
    asked = ["fb", "REUS~2015", "META~now", " reus~NOW "]
    assert resolve_symbols(TABLE, HELD, asked, date(2020, 1, 2), date(2020, 12, 31)) == [
        ("fb", "META"),
        ("REUS~2015", "REUS~2015"),
        ("META~now", "META"),
        (" reus~NOW ", "REUS"),
    ]


@pytest.mark.parametrize("text", ["", "~now", "^GSPC~2015", "REUS~15", "REUS~2015~2016", "../REUS~2015"])
def test_what_is_no_name_is_refused(text: str) -> None:
    """A text that is no ticker, with or without what says whose, is an error that says so."""
    with pytest.raises(BadSymbol):
        _meant(text)


def test_names_of_today_are_found_in_what_was_known_then() -> None:
    """Asked for what the keep said on an earlier day, a name that came later means what its security was called."""
    then = tickers_frame([("FB", None, None, "FB", "FB"), ("REUS", None, None, "REUS", "REUS")])
    held = {"FB", "META", "REUS"}
    asked = ["META", "FB", "REUS~2015", "REUS", "AAPL"]
    assert [symbol for _, symbol in resolve_symbols(then, held, asked, later=TABLE)] == [
        *("FB", "FB", "REUS", "REUS", "AAPL")
    ]


def test_before_anything_was_told_every_ticker_meant_itself() -> None:
    """Asked for what the keep said before a file told of the rename, both tickers are names of their own."""
    told = resolve_symbols(tickers_frame([]), {"FB"}, ["FB", "META"], later=TABLE)
    assert told == [("FB", "FB"), ("META", "META")]
