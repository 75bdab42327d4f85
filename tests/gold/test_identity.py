"""Who a ticker is: new, renamed, delisted, reused, classes of one issuer, from directories of several days."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from gold.told import changes, company, directory, frame, of, stated, tables, tickers
from marketkeep.model import SECURITIES, TICKER_HISTORY

MON, TUE, WED, THU, FRI = (date(2024, 6, 3) + timedelta(days=n) for n in range(5))
APPLE = {"AAPL": "Apple Inc. - Common Stock"}
ACME = "Acme Holdings, Inc. - Common Stock"


def test_ticker_that_appears_is_new() -> None:
    """A line that was not there yesterday is a security of its own, and no event."""
    securities, history = tables([directory(MON, APPLE), directory(TUE, APPLE | {"ACME": ACME})])
    assert securities["symbol"].to_list() == ["AAPL", "ACME"]
    assert dict(securities.schema) == SECURITIES.schema
    assert dict(history.schema) == TICKER_HISTORY.schema
    assert history.is_empty()
    row = of(securities, "ACME")
    assert (row["name"], row["exchange"], row["asset_class"], row["active"]) == (ACME, "NASDAQ", "equity", True)
    assert (row["followed"], row["priority"]) == (False, "medium")


def test_test_issues_are_no_securities() -> None:
    """Trap 31: what the exchanges list to test themselves is left out."""
    securities, _ = tables([directory(MON, APPLE)])
    assert securities["symbol"].to_list() == ["AAPL"]


def test_same_name_under_a_new_ticker_is_a_rename() -> None:
    """A ticker that is gone while its security stands under a new one was renamed from that session on."""
    days = [directory(MON, APPLE | {"ACME": ACME}), directory(TUE, APPLE | {"AXME": ACME})]
    securities, history = tables(days)
    assert changes(history) == [("ACME", "AXME", TUE)]
    assert history.select("symbol", "source").rows() == [("AXME", "nasdaq_trader")]
    assert securities["symbol"].to_list() == ["AAPL", "AXME"]


def test_new_name_and_ticker_are_a_rename_where_the_issuer_says_so() -> None:
    """With another name too, the issuer's number and the class of share tell that it is the same security."""
    old, new = "Facebook, Inc. - Class A Common Stock", "Meta Platforms, Inc. - Class A Common Stock"
    days = [directory(MON, {"FB": old}), directory(TUE, {"META": new}), directory(WED, {"META": new})]
    assert changes(tables(days)[1]) == [("FB", None, TUE)]
    sec = [tickers(MON, {"FB": (1326801, "Facebook Inc")}), tickers(TUE, {"META": (1326801, "Meta Platforms, Inc.")})]
    securities, history = tables(days + sec)
    assert changes(history) == [("FB", "META", TUE)]
    assert of(securities, "META")["cik"] == 1326801


def test_former_names_tell_the_issuer() -> None:
    """Where the SEC's list came too late, the names a company had before tell whose the old ticker was."""
    old, new = "Facebook, Inc. - Class A Common Stock", "Meta Platforms, Inc. - Class A Common Stock"
    days = [directory(MON, {"FB": old}), directory(TUE, {"META": new})]
    meta = company(1326801, "Meta Platforms, Inc.", ["META"], former=["Facebook Inc"], asked=FRI)
    assert changes(tables(days, companies=[meta])[1]) == [("FB", "META", TUE)]


def test_new_name_alone_is_no_event() -> None:
    """A company that changes its name and keeps its ticker is neither renamed nor gone."""
    securities, history = tables(
        [directory(MON, {"ACME": ACME}), directory(TUE, {"ACME": "Zeta Corp. - Common Stock"})]
    )
    assert history.is_empty()
    assert of(securities, "ACME")["name"] == "Zeta Corp. - Common Stock"


def test_reorganisation_changes_the_issuer_and_nothing_else() -> None:
    """Trap 32: a new number at the SEC under the same ticker is the same security."""
    old, new = "Google Inc. - Class A Common Stock", "Alphabet Inc. - Class A Common Stock"
    days = [directory(MON, {"GOOGL": old}), directory(TUE, {"GOOGL": new}), directory(WED, {"GOOGL": new})]
    sec = [tickers(MON, {"GOOGL": (1288776, "Google Inc.")}), tickers(TUE, {"GOOGL": (1652044, "Alphabet Inc.")})]
    securities, history = tables(days + sec)
    assert history.is_empty()
    assert of(securities, "GOOGL")["cik"] == 1652044


def test_classes_of_one_issuer_are_not_taken_for_each_other() -> None:
    """Trap 32: one class gone while another comes, of one issuer, is no rename."""
    days = [
        directory(MON, APPLE | {"UAX": "Under Armour, Inc. Class A Common Stock"}),
        directory(TUE, APPLE | {"UAZ": "Under Armour, Inc. Class C Common Stock"}),
        directory(WED, APPLE | {"UAZ": "Under Armour, Inc. Class C Common Stock"}),
    ]
    sec = [
        tickers(day, {"UAX": (1336917, "Under Armour"), "UAZ": (1336917, "Under Armour")}) for day in (MON, TUE, WED)
    ]
    assert changes(tables(days + sec)[1]) == [("UAX", None, TUE)]


def test_both_classes_renamed_on_one_day_keep_apart() -> None:
    """Trap 32: the classes of an issuer that change tickers together are matched each with its own."""
    old = {"OLDA": "Old Co. - Class A Common Stock", "OLDB": "Old Co. - Class B Common Stock"}
    new = {"NEWB": "New Co. - Class B Common Stock", "NEWA": "New Co. - Class A Common Stock"}
    sec = [
        tickers(MON, {"OLDA": (7, "Old Co"), "OLDB": (7, "Old Co")}),
        tickers(TUE, {"NEWA": (7, "New Co"), "NEWB": (7, "New Co")}),
    ]
    _, history = tables([directory(MON, old), directory(TUE, new), *sec])
    assert sorted(changes(history)) == [("OLDA", "NEWA", TUE), ("OLDB", "NEWB", TUE)]


def test_ticker_passed_to_another_class() -> None:
    """Trap 33: GOOG became GOOGL in 2014 and another class took GOOG on the same day."""
    a, c = "Google Inc. - Class A Common Stock", "Google Inc. - Class C Capital Stock"
    days = [
        directory(MON, {"GOOG": a}),
        directory(TUE, {"GOOG": c, "GOOGL": a}),
        directory(WED, {"GOOG": c, "GOOGL": a}),
    ]
    securities, history = tables(days, statements=[stated("GOOG", MON)])
    assert changes(history) == [("GOOG", "GOOGL", TUE)]
    assert of(securities, "GOOGL")["followed"]
    assert not of(securities, "GOOG")["followed"]
    assert of(securities, "GOOG")["active"]


def test_funds_of_one_trust_are_matched_by_name_only() -> None:
    """A trust has one number for hundreds of funds: one closed and one opened on a day are two funds."""
    old, new = "iShares Alpha ETF", "iShares Beta ETF"
    sec = [tickers(day, {"IAA": (1100663, "iShares Trust"), "IBB": (1100663, "iShares Trust")}) for day in (MON, TUE)]
    days = [directory(MON, {"IAA": old}, etfs=["IAA"]), directory(TUE, {"IBB": new}, etfs=["IBB"])]
    again = directory(WED, {"IBB": new}, etfs=["IBB"])
    assert changes(tables([*days, again, *sec])[1]) == [("IAA", None, TUE)]


def test_two_lines_of_one_name_make_no_rename() -> None:
    """Where two new lines could be the old security, none is said to be."""
    days = [directory(MON, APPLE | {"OLD": ACME}), directory(TUE, APPLE | {"NEW": ACME, "NEV": ACME})]
    assert changes(tables([*days, directory(WED, APPLE | {"NEW": ACME, "NEV": ACME})])[1]) == [("OLD", None, TUE)]


def test_missing_once_is_not_delisted() -> None:
    """Trap 8: one directory without a ticker proves nothing yet; the second in a row does, from the first on."""
    days = [directory(MON, APPLE | {"ACME": ACME}), directory(TUE, APPLE)]
    securities, history = tables(days)
    assert history.is_empty()
    assert of(securities, "ACME")["active"]
    securities, history = tables([*days, directory(WED, APPLE)])
    assert changes(history) == [("ACME", None, TUE)]
    row = of(securities, "ACME")
    assert (row["active"], row["delisting_date"], row["delisting_reason"]) == (False, TUE, "directory")


def test_ticker_that_comes_back_was_never_gone() -> None:
    """A security missing for some directories and listed again was not delisted."""
    days = [directory(MON, APPLE | {"ACME": ACME}), directory(TUE, APPLE), directory(WED, APPLE)]
    securities, history = tables([*days, directory(THU, APPLE | {"ACME": ACME})])
    assert history.is_empty()
    assert of(securities, "ACME")["active"]


@pytest.mark.parametrize(("form", "reason"), [("25-NSE", "form_25"), ("25", "form_25"), ("15-12B", "form_15")])
def test_a_form_proves_a_delisting_at_once(form: str, reason: str) -> None:
    """Trap 8: one directory without it and a Form 25 or 15 of its issuer are enough; another issuer's are not."""
    days = [directory(MON, APPLE | {"ACME": ACME}), directory(TUE, APPLE), tickers(MON, {"ACME": (7, "Acme Holdings")})]
    securities, history = tables(days, filings=[(7, form, TUE)])
    assert changes(history) == [("ACME", None, TUE)]
    assert history["source"].to_list() == ["sec"]
    assert of(securities, "ACME")["delisting_reason"] == reason
    assert tables(days, filings=[(8, form, TUE)])[1].is_empty()


def test_a_form_alone_delists_nobody_who_is_listed() -> None:
    """A company that moves to another exchange files a Form 25 and stays."""
    days = [directory(day, {"ACME": ACME}) for day in (MON, TUE, WED)]
    securities, history = tables([*days, tickers(MON, {"ACME": (7, "Acme")})], filings=[(7, "25", MON)])
    assert history.is_empty()
    assert of(securities, "ACME")["active"]


def test_a_form_tells_the_day_between_directories_far_apart() -> None:
    """Months between two directories leave the day open; the form's is the last session."""
    far = date(2024, 12, 2)
    days = [directory(MON, APPLE | {"ACME": ACME}), directory(far, APPLE), tickers(MON, {"ACME": (7, "Acme Holdings")})]
    securities, _ = tables(days, filings=[(7, "25-NSE", date(2024, 9, 6))])
    # A Friday: the first session without it is the Monday after.
    assert of(securities, "ACME")["delisting_date"] == date(2024, 9, 9)


def test_half_a_directory_proves_nothing_about_the_other_half() -> None:
    """A file of one exchange tells who is listed there, and of nobody that he is gone."""
    half = directory(TUE, APPLE).filter(pl.col("exchange") == "NASDAQ")
    rest = directory(WED, APPLE).filter(pl.col("exchange") == "NASDAQ")
    securities, history = tables([directory(MON, APPLE | {"ACME": ACME}), half, rest])
    assert history.is_empty()
    assert of(securities, "ACME")["active"]


def test_list_of_the_sec_is_no_directory() -> None:
    """Trap 8: a ticker that the SEC's list drops has not left the market."""
    sec = [
        tickers(MON, {"ACME": (7, "Acme"), "AAPL": (1, "Apple")}),
        *(tickers(day, {"AAPL": (1, "Apple")}) for day in (TUE, WED)),
    ]
    securities, history = tables(sec)
    assert history.is_empty()
    assert of(securities, "ACME")["active"]


def test_reused_ticker_is_another_security() -> None:
    """Trap 30: a ticker that comes back for another company tells of its new holder; the old one's end is history."""
    other = "Zeta Mining Corp. - Common Stock"
    days = [
        directory(MON, APPLE | {"ACME": ACME}),
        directory(TUE, APPLE),
        directory(WED, APPLE),
        directory(FRI, APPLE | {"ACME": other}),
    ]
    securities, history = tables(days, statements=[stated("ACME", MON)])
    assert changes(history) == [("ACME", None, TUE)]
    row = of(securities, "ACME")
    assert (row["name"], row["active"], row["delisting_date"]) == (other, True, None)
    # What was stated of the old holder is not meant for the new one; what is stated now is.
    assert not row["followed"]
    assert of(tables(days, statements=[stated("ACME", FRI)])[0], "ACME")["followed"]


def test_chain_of_renames_is_kept_under_the_last_ticker() -> None:
    """Every change of a security has the ticker it has now, its end included."""
    days = [directory(day, APPLE | {name: ACME}) for day, name in ((MON, "AA1"), (TUE, "AA2"), (WED, "AA3"))]
    _, history = tables([*days, directory(THU, APPLE), directory(FRI, APPLE)])
    assert changes(history) == [("AA1", "AA2", TUE), ("AA2", "AA3", WED), ("AA3", None, THU)]
    assert history["symbol"].to_list() == ["AA3"] * 3


def test_change_over_a_weekend_is_effective_on_the_next_session() -> None:
    """A directory of a Saturday shows what holds on Monday."""
    saturday = date(2024, 6, 8)
    _, history = tables([directory(FRI, {"ACME": ACME}), directory(saturday, {"AXME": ACME})])
    assert changes(history) == [("ACME", "AXME", date(2024, 6, 10))]


def test_handed_over_between_directories_far_apart() -> None:
    """Trap 30: META was a fund's ticker, FB Facebook's; years later each is another's, and both are told apart."""
    early, late = date(2021, 12, 23), date(2025, 7, 21)
    fund = "Roundhill Ball Metaverse ETF"
    before = directory(early, {"FB": "Facebook, Inc. - Class A Common Stock", "META": fund}, etfs=["META"])
    after = directory(
        late,
        {
            "FB": "ProShares S&P 500 Dynamic Buffer ETF",
            "META": "Meta Platforms, Inc. - Class A Common Stock",
            "METV": fund,
        },
        etfs=["FB", "METV"],
    )
    meta = company(1326801, "Meta Platforms, Inc.", ["META"], former=["Facebook Inc"], asked=late)
    _, history = tables([before, after], companies=[meta])
    assert sorted(changes(history)) == [("FB", "META", late), ("META", "METV", late)]


def test_nothing_told_makes_empty_tables() -> None:
    """A keep without any of it has two empty tables of the right shape."""
    securities, history = tables([])
    assert (securities.height, history.height) == (0, 0)
    assert dict(securities.schema) == SECURITIES.schema


def test_told_rows_are_raw_rows() -> None:
    """The frames these tests are made of have the raw tables' columns."""
    assert {"symbol", "date", "payload", "source"} <= set(frame("listings", ()).columns)
