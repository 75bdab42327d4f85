"""Who had which ticker when: directories, what files tell beside them, and the names securities are published under."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gold.told import Row, directory, of, stated, step, tables, tickers, told_of
from marketkeep.gold.identity import identify, known_by
from marketkeep.model import TICKERS, Symbol

MON, TUE, WED, THU, FRI = (date(2024, 6, 3) + timedelta(days=n) for n in range(5))
A, C = "Google Inc. - Class A Common Stock", "Google Inc. - Class C Capital Stock"
ACME, ZETA = "Acme Holdings, Inc. - Common Stock", "Zeta Mining Corp. - Common Stock"
REST = {"AAPL": "Apple Inc. - Common Stock"}
Tenancy = tuple[str, date | None, date | None, str, str]


def _who(listings: list[pl.DataFrame], *history: Row) -> list[Tenancy]:
    """Ticker, from, to, security_id and symbol, without Apple's."""
    table = identify(told_of(listings, history=history)).tickers
    assert dict(table.schema) == TICKERS.schema
    return table.filter(pl.col("ticker") != "AAPL").select("ticker", "from", "to", "security_id", "symbol").rows()


def test_rename_is_two_tenancies_of_one_security() -> None:
    """A security has the id of its first ticker and is published under its last."""
    days = [directory(MON, REST | {"ACME": ACME}), directory(TUE, REST | {"AXME": ACME})]
    assert _who(days) == [("ACME", None, TUE, "ACME", "AXME"), ("AXME", TUE, None, "ACME", "AXME")]


def test_trap_30_reused_ticker_is_two_securities() -> None:
    """The former holder is published under the year of its last session, the present one under the ticker alone."""
    days = [directory(MON, REST | {"REUS": ACME}), directory(TUE, REST), directory(WED, REST | {"REUS": ZETA})]
    assert _who(days) == [("REUS", None, TUE, "REUS", "REUS~2024"), ("REUS", WED, None, "REUS#2", "REUS")]


def test_trap_30_two_former_holders_of_one_year_are_numbered() -> None:
    """A second holder that ended in the same year has a number behind it; the first keeps its name."""
    names = (ACME, ZETA, "Delta Corp. - Common Stock")
    days = [directory(day, REST | {"REUS": name}) for day, name in zip((MON, WED, FRI), names, strict=True)]
    days += [directory(day, REST) for day in (TUE, THU)]
    assert [(one[3], one[4]) for one in _who(days)] == [
        ("REUS", "REUS~2024"),
        ("REUS#2", "REUS~2024.2"),
        ("REUS#3", "REUS"),
    ]


def test_year_of_a_former_holder_is_that_of_its_last_session() -> None:
    """Missing first on the first session of a year, it was there in the year before."""
    days = [
        directory(date(2023, 12, 29), REST | {"REUS": ACME}),
        directory(date(2024, 1, 2), REST),
        directory(date(2024, 1, 3), REST | {"REUS": ZETA}),
    ]
    assert _who(days)[0][4] == "REUS~2023"


def test_trap_33_ticker_passed_to_another_class() -> None:
    """GOOG became GOOGL and another class took GOOG on that day: each is one security throughout."""
    days = [directory(MON, {"GOOG": A}), *(directory(day, {"GOOG": C, "GOOGL": A}) for day in (TUE, WED))]
    assert _who(days) == [
        ("GOOG", None, TUE, "GOOG", "GOOGL"),
        ("GOOG", TUE, None, "GOOG#2", "GOOG"),
        ("GOOGL", TUE, None, "GOOG", "GOOGL"),
    ]


def test_trap_33_map_files_tell_of_classes_before_all_directories() -> None:
    """Told of years ago by files alone, the classes come out apart, and the directories' lines are theirs."""
    swap = date(2014, 4, 3)
    steps = [step("GOOGL", "GOOG", "GOOGL", swap), step("GOOG", "GOOCV", "GOOG", swap)]
    assert _who([directory(MON, {"GOOG": C, "GOOGL": A})], *steps) == [
        ("GOOCV", None, swap, "GOOCV", "GOOG"),
        ("GOOG", None, swap, "GOOG", "GOOGL"),
        ("GOOG", swap, None, "GOOCV", "GOOG"),
        ("GOOGL", swap, None, "GOOG", "GOOGL"),
    ]


def test_trap_32_another_issuer_is_the_same_security() -> None:
    """A new number at the SEC and a new name under the same ticker change nothing of who it is."""
    days = [directory(MON, {"GOOGL": A}), directory(TUE, {"GOOGL": "Alphabet Inc. - Class A Common Stock"})]
    sec = [tickers(MON, {"GOOGL": (1288776, "Google")}), tickers(TUE, {"GOOGL": (1652044, "Alphabet")})]
    assert _who([*days, *sec]) == [("GOOGL", None, None, "GOOGL", "GOOGL")]


def test_trap_32_classes_of_one_issuer_are_securities_of_their_own() -> None:
    """Each class has its own id, and its letter from its name or its suffix."""
    listed = {"GOOG": C, "GOOGL": A, "BRK.B": "Berkshire Hathaway Inc. Common Stock", **REST}
    securities, _ = tables([directory(MON, listed)])
    assert securities.select("symbol", "security_id", "share_class").rows() == [
        ("AAPL", "AAPL", None),
        ("BRK.B", "BRK.B", "B"),
        ("GOOG", "GOOG", "C"),
        ("GOOGL", "GOOGL", "A"),
    ]


def test_file_tells_of_renames_where_there_is_no_directory() -> None:
    """A chain of renames and its end, told by a file alone, is one security."""
    steps = [step("CC", "AA", "BB", MON), step("CC", "BB", "CC", WED), step("CC", "CC", None, FRI)]
    assert _who([], *steps) == [
        ("AA", None, MON, "AA", "CC"),
        ("BB", MON, WED, "AA", "CC"),
        ("CC", WED, FRI, "AA", "CC"),
    ]


def test_file_dates_a_rename_between_two_directories() -> None:
    """Directories far apart leave the day open; a file's day stands, and nothing is told twice."""
    before = directory(date(2021, 12, 23), {"FB": "Facebook, Inc. - Class A Common Stock"})
    after = directory(date(2025, 7, 21), {"META": "Facebook, Inc. - Class A Common Stock"})
    day = date(2022, 6, 9)
    assert _who([before, after], step("META", "FB", "META", day)) == [
        ("FB", None, day, "FB", "META"),
        ("META", day, None, "FB", "META"),
    ]


def test_trap_30_old_ticker_of_today_is_another_security() -> None:
    """A directory that has the old ticker after a rename told by a file has it of somebody else."""
    now = directory(date(2025, 7, 21), {"META": "Meta Platforms, Inc.", "FB": "ProShares S&P 500 Dynamic Buffer ETF"})
    day = date(2022, 6, 9)
    assert _who([now], step("META", "FB", "META", day)) == [
        ("FB", None, day, "FB", "META"),
        ("FB", day, None, "FB#2", "FB"),
        ("META", day, None, "FB", "META"),
    ]


def test_trap_30_delisting_before_all_directories_is_a_former_holders() -> None:
    """A ticker that a file says was given up years before the directories have it was somebody else's then."""
    gone = date(2012, 5, 1)
    assert _who([directory(MON, REST | {"REUS": ACME})], step("REUS", "REUS", None, gone)) == [
        ("REUS", None, gone, "REUS", "REUS~2012"),
        ("REUS", gone, None, "REUS#2", "REUS"),
    ]


@pytest.mark.parametrize(("old", "new"), [("ACME", "AXME"), ("ACME", "AAPL"), ("ACME", None), ("OLD", "ACME")])
def test_what_contradicts_the_directories_is_left_out(old: str, new: str | None) -> None:
    """Who stands in the directories before and behind a day did not change on it, whatever a file says."""
    days = [directory(MON - timedelta(days=n), REST | {"ACME": ACME}) for n in (0, 100, 200)]
    told = step("ACME", old, new, MON - timedelta(days=50))
    assert _who(days, told) == [("ACME", None, None, "ACME", "ACME")]
    _, history = tables(days, history=[told])
    assert history.select("symbol", "old_symbol", "new_symbol").rows() == [("ACME", old, new)]


def test_trap_40_former_holder_keeps_its_end_and_its_bars() -> None:
    """Who lost its ticker to another is a security of its own: not active, with date, reason, name and last session."""
    days = [directory(MON, REST | {"REUS": ACME}), directory(TUE, REST), directory(WED, REST | {"REUS": ZETA})]
    securities, history = tables(days, statements=[stated("REUS", MON)], held=[("REUS~2024", MON, MON)])
    row = of(securities, "REUS~2024")
    assert (row["name"], row["active"], row["followed"]) == (ACME, False, True)
    assert (row["delisting_date"], row["delisting_reason"], row["last_session"]) == (TUE, "directory", MON)
    now = of(securities, "REUS")
    assert (now["name"], now["active"], now["followed"], now["last_session"]) == (ZETA, True, False, None)
    assert history.select("security_id", "symbol", "new_symbol").rows() == [("REUS", "REUS~2024", None)]


def _heard(day: date, lines: dict[str, str]) -> pl.DataFrame:
    at = datetime(day.year, day.month, day.day, 21, tzinfo=UTC)
    return directory(day, REST | lines).with_columns(fetched_at=pl.lit(at, dtype=pl.Datetime("us", "UTC")))


def test_what_was_learned_later_was_not_known() -> None:
    """As recorded by an instant, later renames, new holders and endings are gone, and names are those of then."""
    days = [_heard(MON, {"ACME": ACME, "REUS": ZETA}), _heard(TUE, {"AXME": ACME})]
    days += [_heard(WED, {"AXME": ACME}), _heard(THU, {"AXME": ACME, "REUS": "Beta Corp. - Common Stock"})]
    columns = ["ticker", "from", "to", "security_id", "symbol"]
    for until, day in enumerate((MON, TUE, WED, THU), 1):
        moment = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
        then = identify(told_of(days[:until])).tickers
        again = known_by(identify(told_of(days)).tickers, moment)
        assert again.select(columns).equals(then.select(columns)), day


def test_what_a_file_told_later_was_not_known() -> None:
    """A rename told by a file is known from when the file came."""
    now = _heard(FRI, {"META": ZETA})
    table = identify(told_of([now], history=[step("META", "FB", "META", date(2022, 6, 9))])).tickers
    before = known_by(table, datetime(2022, 6, 9, 11, tzinfo=UTC))
    assert before["ticker"].to_list() == ["AAPL"]
    assert known_by(table, datetime(2022, 6, 9, 12, tzinfo=UTC)).equals(table)


_TICKERS = ("AA", "BB", "CC", "DD")
_NAMES = (ACME, ZETA, A, C)
_DAYS = st.lists(st.dictionaries(st.sampled_from(_TICKERS), st.sampled_from(_NAMES), max_size=3), max_size=5)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(_TICKERS), st.sampled_from([*_TICKERS, None]), st.dates(date(2024, 5, 20), date(2024, 6, 20))
    ),
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(_DAYS, _STEPS, st.randoms(use_true_random=False))
def test_tickers_keep_their_promises_whatever_is_told(days, steps, shuffle) -> None:
    """
    In any order of telling: each security has one id and one symbol that no other has, every symbol can be kept, the
    spells of a ticker follow each other and so do those of a security.
    """
    listings = [directory(MON + timedelta(days=2 * at), REST | lines) for at, lines in enumerate(days)]
    history = [step(new or old, old, new, day) for old, new, day in steps]
    table = identify(told_of(listings, history=history)).tickers
    shuffle.shuffle(listings)
    shuffle.shuffle(history)
    assert identify(told_of(listings, history=history)).tickers.equals(table)
    pairs = table.select("security_id", "symbol").unique()
    assert pairs["security_id"].is_unique().all()
    assert pairs["symbol"].is_unique().all()
    assert all(Symbol.parse(symbol).text == symbol for symbol in pairs["symbol"])
    assert table.select(TICKERS.key).is_unique().all()
    assert (table["from"] <= table["to"]).fill_null(value=True).all()
    for key in ("ticker", "security_id"):
        ordered = table.sort(key, "from", "to", nulls_last=[False, False, True])
        overlap = ordered.filter(pl.col("from").fill_null(date.min) < pl.col("to").shift().over(key))
        assert overlap.is_empty(), ordered
