"""Identity does not depend on the order in which raw came: folded in any parts, the tables are the same."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gold.told import directory, frame, stated, tickers
from marketkeep.gold.identity import Told, reference, sightings, together

MONDAY = date(2024, 6, 3)
NAMES = (
    "Alpha Inc. - Common Stock",
    "Beta Corp. - Class A Common Stock",
    "Beta Corp. - Class B Common Stock",
    "Gamma Fund ETF",
)
SYMBOLS = ("AA", "BB", "CC", "DD", "EE")
DAY = st.tuples(
    st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from(NAMES), max_size=4),
    st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from([1, 2, 3]), max_size=3),
)


def told(seen: pl.DataFrame, statements: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The two tables."""
    filings = pl.DataFrame({"cik": [1], "form": ["25"], "filed": [MONDAY + timedelta(days=2)]})
    held = pl.DataFrame(schema={"symbol": pl.String, "first_session": pl.Date, "last_session": pl.Date})
    return reference(Told(seen, statements, frame("ticker_history", ()), frame("companies", ()), filings, held))


def parts(days: list[tuple[dict[str, str], dict[str, int]]]) -> list[pl.DataFrame]:
    """The answers of consecutive days, some of them weeks apart."""
    found = []
    for number, (lines, ciks) in enumerate(days):
        day = MONDAY + timedelta(days=number if number < 4 else number * 20)
        found.append(directory(day, lines, etfs=[s for s, name in lines.items() if "ETF" in name]))
        found.append(tickers(day, {symbol: (cik, f"Company {cik}") for symbol, cik in ciks.items()}))
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(DAY, min_size=1, max_size=7), st.randoms(use_true_random=False), st.integers(1, 5))
def test_batches_in_any_order_give_the_same_tables(days, random, size) -> None:
    """A rebuild folds all batches at once, an update one after another as they came: both come to the same."""
    came = parts(days)
    statements = [stated(symbol, MONDAY + timedelta(days=at)) for at, symbol in enumerate(SYMBOLS)]
    whole = told(sightings(pl.concat(came)), frame("securities", statements))
    random.shuffle(came)
    random.shuffle(statements)
    folded = [sightings(pl.concat(came[at : at + size])) for at in range(0, len(came), size)]
    again = told(together(folded), frame("securities", statements))
    assert again[0].equals(whole[0])
    assert again[1].equals(whole[1])


@settings(max_examples=60, deadline=None)
@given(st.lists(DAY, min_size=1, max_size=7))
def test_tables_keep_their_promises_whatever_is_told(days) -> None:
    """One row per key; a delisting has a proof; who is delisted is not active; no rename leads to itself."""
    securities, history = told(sightings(pl.concat(parts(days))), frame("securities", [stated("AA", MONDAY)]))
    assert securities["symbol"].is_unique().all()
    assert history.select("symbol", "effective_date").is_unique().all()
    gone = securities.filter(pl.col("delisting_date").is_not_null())
    assert not gone["active"].any()
    assert gone["delisting_reason"].is_in(["directory", "form_25", "form_15"]).all()
    assert history.filter(pl.col("old_symbol") == pl.col("new_symbol")).is_empty()


@given(st.lists(DAY, min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_the_same_answers_twice_change_nothing(days) -> None:
    """A payload absorbed a second time, as after a crash, tells nothing new."""
    came = parts(days)
    once = sightings(pl.concat(came))
    assert together([once, once]).equals(once)
    assert sightings(pl.concat([*came, *came])).equals(once)
