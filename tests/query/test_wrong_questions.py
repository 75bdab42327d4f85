"""Wrong questions: what each is told, word for word, before anything is read where that can be seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

import marketkeep
from going_keep import GoingKeep
from marketkeep.calendars import XNYS
from marketkeep.errors import BadInput, BadRange, MarketkeepError, NotFound
from small_keep import SmallKeep, sessions

DAYS = sessions("2012-03-01", 20)
NEW_YORK = timezone(timedelta(hours=-5))
FIELDS = "symbol, date, open, high, low, close, adj_close, volume, score, source"
A_DAY = "sessions are days of the venue: give a day, such as 2012-03-01"
BOTH = "sessions are days of the venue: give both as days, such as 2012-03-01 and"
HELD = "the first session held is 2012-03-01."
Ask = Callable[[marketkeep.Keep], object]


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """Bars of AAPL and MSFT in 2012; members of sp500 and of nasdaq100 from then on."""
    made = GoingKeep(tmp_path_factory.mktemp("wrong") / "keep")
    for symbol in ("AAPL", "MSFT"):
        made.small.bars(*((day, 10.0 + n) for n, day in enumerate(DAYS)), symbol=symbol)
    told = [
        {"index": index, "symbol": symbol, "date": DAYS[0], "event": "added"}
        for index, symbol in (("sp500", "AAPL"), ("nasdaq100", "MSFT"), ("sp500", "GHOST"))
    ]
    made.receive("index_members", "csv", told)
    made.publish()
    return made.open()


def says(ask: Ask, keep: marketkeep.Keep, kind: type[MarketkeepError]) -> str:
    """What a question is told, which must be of exactly this kind."""
    with pytest.raises(kind) as told:
        ask(keep)
    assert type(told.value) is kind
    return str(told.value)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda k: k.bars("AAPL", fields="clos"), "daily bars have no field 'clos'; did you mean close or adj_close?"),
        (lambda k: k.bars("AAPL", fields=["close", "Volum"]), "daily bars have no field 'Volum'; did you mean volume?"),
        (
            lambda k: k.bars("AAPL", fields=["xyz"]),
            f"daily bars have no field 'xyz'; there are {FIELDS}",
        ),
        (
            lambda k: k.bars("AAPL", fields=[]),
            f"no field was given; name some of {FIELDS}, or leave fields out for all",
        ),
        (lambda k: k.matrix("closing", "all"), "daily bars have no field 'closing'; did you mean close?"),
        (lambda k: k.bars("AAPL", adjust="al"), "adjust='al' is unknown; use 'none', 'splits' or 'all'"),
        (lambda k: k.bars("AAPL").adjusted("full"), "adjust='full' is unknown; use 'none', 'splits' or 'all'"),
    ],
)  # fmt: skip
def test_unknown_words_are_told(keep: marketkeep.Keep, ask: Ask, told: str) -> None:
    """
    A field or an adjustment there is not is told at once, a field with the nearest there is.
    """
    assert says(ask, keep, BadInput) == told


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (
            lambda k: k.bars("AAPL", datetime(2012, 3, 1, tzinfo=UTC)),
            f"start=2012-03-01 00:00:00+00:00 has a time zone; {A_DAY}",
        ),
        (
            lambda k: k.bars("AAPL", end=datetime(2012, 3, 1, 16, tzinfo=NEW_YORK)),
            f"end=2012-03-01 16:00:00-05:00 has a time zone; {A_DAY}",
        ),
        (
            lambda k: k.bars("AAPL", datetime(2012, 3, 1, tzinfo=UTC), datetime(2012, 3, 5)),  # noqa: DTZ001
            ("start has a time zone and end has none (start=2012-03-01 00:00:00+00:00, end=2012-03-05 00:00:00); "
            f"{BOTH} 2012-03-05"),
        ),
        (
            lambda k: k.minute_bars("AAPL", datetime(2012, 3, 1, 9, 30), datetime(2012, 3, 1, 16, tzinfo=UTC)),  # noqa: DTZ001
            ("end has a time zone and start has none (start=2012-03-01 09:30:00, end=2012-03-01 16:00:00+00:00); "
            f"{BOTH} 2012-03-01"),
        ),
        (
            lambda k: k.bars("AAPL", datetime(2012, 3, 1, 9, 30)),  # noqa: DTZ001
            f"start=2012-03-01 09:30:00 has a time of day; {A_DAY}",
        ),
        (
            lambda k: k.bars("AAPL", as_of=datetime(2012, 3, 1, tzinfo=UTC)),
            f"as_of=2012-03-01 00:00:00+00:00 has a time zone; {A_DAY}",
        ),
        (lambda k: k.bars("AAPL", "01/03/2012"), "start='01/03/2012' is not a date; write it as YYYY-MM-DD"),
    ],
)  # fmt: skip
def test_instants_are_no_sessions(keep: marketkeep.Keep, ask: Ask, told: str) -> None:
    """
    An instant in the place of a day is refused, and so is one bound with a zone beside one without.
    """
    assert says(ask, keep, BadInput) == told


def test_midnight_without_a_zone_is_its_day(keep: marketkeep.Keep) -> None:
    """
    What pandas and others make of a plain date, midnight without a zone, is that day.
    """
    asked = keep.bars("AAPL", datetime(2012, 3, 2), datetime(2012, 3, 5))  # noqa: DTZ001
    assert asked.polars()["date"].to_list() == [date(2012, 3, 2), date(2012, 3, 5)]


@pytest.mark.parametrize(
    ("ask", "kind", "told"),
    [
        (
            lambda k: k.bars(),
            BadInput,
            "no symbol was given; name at least one, such as AAPL, or a universe: sp500, or all",
        ),
        (lambda k: k.bars([]), BadInput, "no symbol was given; name at least one, such as AAPL"),
        (lambda k: k.minute_bars([]), BadInput, "no symbol was given; name at least one, such as AAPL"),
        (
            lambda k: k.bars(universe="sp50").polars(),
            NotFound,
            "this keep has no members of the index sp50; did you mean sp500? it has those of: nasdaq100, sp500",
        ),
        (
            lambda k: k.bars(universe="my own").polars(),
            NotFound,
            "this keep has no members of the index my own; it has those of: nasdaq100, sp500",
        ),
        (
            lambda k: k.bars(universe="sp500", start="1999-01-01", end="2000-12-31").polars(),
            NotFound,
            "sp500: nobody was a member from 1999-01-01 through 2000-12-31; sources tell of it from 2012-03-01 on",
        ),
        (
            lambda k: k.bars("MSFT", universe="sp500").polars(),
            NotFound,
            "sp500: MSFT was a member then; sources tell of it from 2012-03-01 on",
        ),
        (
            lambda k: k.bars("NONE").polars(),
            NotFound,
            "NONE: no bars held; collect with marketkeep add-symbol and update, or ingest a file",
        ),
    ],
)
def test_empty_universes_are_told(keep: marketkeep.Keep, ask: Ask, kind: type[MarketkeepError], told: str) -> None:
    """
    A question about nobody says so: no symbol, an index that is not known, one without members then.
    """
    assert says(ask, keep, kind) == told


def test_a_universe_of_nothing_held_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    """
    All of a keep that holds nothing is nobody.
    """
    empty = SmallKeep(tmp_path_factory.mktemp("empty") / "keep").open()
    told = says(lambda k: k.bars(universe="all").polars(), empty, NotFound)
    assert told == "no bar of any symbol is held in this range; see: marketkeep coverage"


@pytest.mark.parametrize(
    ("ask", "kind", "told"),
    [
        (
            lambda k: k.bars("AAPL", "1999-01-01", "2008-12-31").polars(),
            NotFound,
            (f"AAPL: no bars through 2008-12-31; {HELD} Sources are asked from 2009-01-02 on; older bars come from "
            "files: marketkeep ingest"),
        ),
        (
            lambda k: k.bars(["AAPL", "MSFT"], end="2010-06-30").polars(),
            NotFound,
            f"AAPL, MSFT: no bars through 2010-06-30; {HELD} marketkeep backfill asks for older ones",
        ),
        (
            lambda k: k.bars(universe="all", end="2010-06-30").polars(),
            NotFound,
            f"all symbols: no bars through 2010-06-30; {HELD} marketkeep backfill asks for older ones",
        ),
        (
            lambda k: k.bars("AAPL", "2204-01-02").polars(),
            BadInput,
            f"start=2204-01-02 lies behind the last session that is known to come, {XNYS.last}",
        ),
        (
            lambda k: k.bars("AAPL", "2012-03-09", as_of="2012-03-08"),
            BadInput,
            "as_of=2012-03-08 lies before start=2012-03-09: of sessions from then on nothing was known on that day",
        ),
        (
            lambda k: k.minute_bars("AAPL", "2012-03-09", as_of="2012-03-08"),
            BadInput,
            "as_of=2012-03-08 lies before start=2012-03-09: of sessions from then on nothing was known on that day",
        ),
        (
            lambda k: k.bars("AAPL", "2012-03-09", "2012-03-08"),
            BadRange,
            "range 2012-03-09 to 2012-03-08: the start lies after the end. Give a start on or before the end.",
        ),
    ],
)  # fmt: skip
def test_ranges_without_an_answer_are_told(
    keep: marketkeep.Keep, ask: Ask, kind: type[MarketkeepError], told: str
) -> None:
    """
    A range before all that is held, behind all sessions there will be, or not yet known as of a day, is told as that.
    """
    assert says(ask, keep, kind) == told


@pytest.mark.parametrize(("start", "end"), [("2012-03-03", "2012-03-04"), ("2012-04-02", None), ("2020-01-02", None)])
def test_nothing_new_is_no_error(keep: marketkeep.Keep, start: str, end: str | None) -> None:
    """
    Between two sessions and behind the last one held there are no rows, so that a program may ask for what is new.
    """
    assert keep.bars("AAPL", start, end).polars().is_empty()
