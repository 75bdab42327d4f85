"""The book of sources: which are known, which can be used, and with what key, pace and feed the settings send them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gym import serve
from gym.wire import Ask, Reply
from marketkeep.config import Settings, SourceSettings
from marketkeep.errors import BadInput, BadSetting
from marketkeep.model import Access, Rate, Request
from marketkeep.pipeline.collecting import book as book_module
from marketkeep.pipeline.collecting.book import SourceBook, find_source, known_sources
from marketkeep.sources import BUILTIN, Coinbase

KEY, SECRET, CONTACT = "book-key-51c0", "book-secret-77d1", "Book Tester book@example.org"
OUTSIDE = replace(Coinbase(), name="outside")


class Point:
    """An entry point as far as the book asks."""

    def __init__(self, name: str, loaded: Any) -> None:
        self.name, self.value, self.loaded = name, f"pack.{name}:Source", loaded

    def load(self) -> Any:
        """What it stands for, or the error of importing it."""
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Point]]:
    """Entry points that other packages are said to have; the book reads them anew."""
    points: list[Point] = []
    monkeypatch.setattr(book_module, "entry_points", lambda group: points if group == "marketkeep.sources" else [])
    known_sources.cache_clear()
    yield points
    known_sources.cache_clear()


def opened(*names: str, contact: str | None = None, **told: dict[str, Any]) -> SourceBook:
    """The book under settings."""
    sources = {name: SourceSettings(**one) for name, one in told.items()}
    return SourceBook.open(Settings(contact=contact, sources=sources), names)


def test_own_sources_come_first_and_others_by_name(offered: list[Point]) -> None:
    """
    A source of another package is known after marketkeep's own, whether it is offered as an object, a class or a maker.
    """

    class Third(type(OUTSIDE)):  # type: ignore[misc]
        """A class that makes a source of its own name."""

        __slots__ = ()

        def __init__(self) -> None:
            super().__init__(name="third")

    offered += [Point("z", OUTSIDE), Point("m", Third), Point("a", lambda: replace(OUTSIDE, name="second"))]
    assert known_sources()[: len(BUILTIN)] == BUILTIN
    assert [one.name for one in known_sources()[len(BUILTIN) :]] == ["second", "third", "outside"]
    assert find_source("outside") is OUTSIDE


@pytest.mark.parametrize(
    "loaded",
    [
        ImportError("No module named 'pack'"),
        AttributeError("no Source"),
        SyntaxError("bad"),
        RuntimeError("x"),
        lambda: 1 / 0,
        7,
    ],
)
def test_source_that_cannot_be_loaded_is_named(offered: list[Point], loaded: Any) -> None:
    """
    An entry point that fails in whatever way is a wrong setting that names it and what it stands for.
    """
    offered.append(Point("bad", loaded))
    with pytest.raises(BadSetting, match=r"source 'bad' \(pack.bad:Source\) cannot be loaded"):
        known_sources()


@pytest.mark.parametrize("times", [1, 2])
def test_name_that_is_taken_is_refused(offered: list[Point], times: int) -> None:
    """
    Another package's source may be called neither like one of marketkeep's nor like one of a third.
    """
    twin = replace(Coinbase(), name="yahoo") if times == 1 else OUTSIDE
    offered += [Point(f"twin{number}", twin) for number in range(times)]
    with pytest.raises(BadSetting, match=rf"is called '{twin.name}', which is taken"):
        known_sources()


def test_unknown_name_is_told_with_those_there_are() -> None:
    """
    Asking for a source that does not exist, or setting one, names it and all that do.
    """
    with pytest.raises(BadInput, match=r"no source 'yaho'; known are nasdaq_trader, .*yahoo"):
        opened("yaho")
    with pytest.raises(BadSetting, match=r"names bloom, reuters; known sources are alpaca, "):
        opened(reuters={"key": KEY}, bloom={"off": True})


def test_what_lacks_is_told_by_its_variable() -> None:
    """
    A source that lacks a key, a secret or a contact is left out, and says which variable is not set and where to go.
    """
    book = opened()
    told = {one.name: why for one in book.sources if (why := book.unusable(one))}
    assert set(told) == {"sec_tickers", "sec", "polygon", "alpaca", "alpha_vantage"}
    assert told["polygon"] == f"MARKETKEEP_SOURCES__POLYGON__KEY is not set ({find_source('polygon').access.site})"
    assert told["alpaca"].startswith(
        "MARKETKEEP_SOURCES__ALPACA__KEY and MARKETKEEP_SOURCES__ALPACA__SECRET are not set"
    )
    assert told["sec"].startswith("MARKETKEEP_CONTACT is not set")
    assert {one.name for one in book.usable} == {one.name for one in book.sources} - set(told)


def test_what_is_set_can_be_used() -> None:
    """
    With key, secret and contact set nothing is left out; the contact is one for all.
    """
    keyed = {"key": KEY, "secret": SECRET}
    book = opened(contact=CONTACT, polygon=keyed, alpaca=keyed, alpha_vantage=keyed)
    assert book.usable == book.sources
    assert [book.secret(find_source(name), "contact") for name in ("sec", "wikipedia")] == [CONTACT, CONTACT]


@pytest.mark.parametrize("empty", ["", "  "])
def test_empty_key_is_none(empty: str) -> None:
    """
    A key that is set to nothing, as a shell may leave it, is not set.
    """
    assert "KEY is not set" in str(opened(polygon={"key": empty}).unusable(find_source("polygon")))
    assert "CONTACT is not set" in str(opened(contact=empty).unusable(find_source("sec")))


def test_named_source_must_be_usable() -> None:
    """
    A source that is named and lacks its key, or is switched off, is a wrong setting; unnamed it is left out.
    """
    with pytest.raises(BadSetting, match=r"source polygon cannot be used: MARKETKEEP_SOURCES__POLYGON__KEY is not set"):
        opened("polygon")
    with pytest.raises(BadSetting, match="source yahoo cannot be used: it is switched off"):
        opened("yahoo", yahoo={"off": True})
    assert "yahoo" not in {one.name for one in opened(yahoo={"off": True}).usable}
    assert [one.name for one in opened("treasury", "yahoo").sources] == ["treasury", "yahoo"]


def test_rates_and_quotas_are_the_settings_where_told() -> None:
    """
    `calls`, `seconds` and `quota` replace what a source declares, each alone; a quota of nothing is one.
    """
    book = opened(
        yahoo={"calls": 2}, polygon={"seconds": 1.5}, binance={"calls": 7, "seconds": 2.0, "quota": 9}, sec={"quota": 0}
    )
    declared = {one.name: one.rate for one in BUILTIN}
    assert {name: rate for name, rate in book.rates().items() if rate != declared[name]} == {
        "yahoo": Rate(2, declared["yahoo"].seconds),
        "polygon": Rate(declared["polygon"].calls, 1.5),
        "binance": Rate(7, 2.0),
    }
    own = {one.name: one.quota for one in BUILTIN if one.quota is not None}
    assert book.quotas() == {**own, "binance": 9, "sec": 0}


def test_feed_is_asked_for_where_there_is_a_choice() -> None:
    """
    A feed that is set is the one a source asks for; where it has no choice of feeds the setting is wrong.
    """
    [alpaca] = opened("alpaca", alpaca={"feed": "iex", "key": KEY, "secret": SECRET}).sources
    assert alpaca == replace(find_source("alpaca"), feed="iex")  # type: ignore[type-var]
    with pytest.raises(BadSetting, match=r"setting sources.yahoo.feed: yahoo has no choice of feeds"):
        opened(yahoo={"feed": "sip"})


class Echo:
    """A vendor on Coinbase's host that answers with the headers and parameters it was asked with."""

    name = "outside"
    hosts = frozenset({"echo.example"})
    variants = frozenset[str]()

    def __init__(self) -> None:
        self.asked: list[Ask] = []

    def key_of(self, ask: Ask) -> str | None:
        """All that is asked."""
        return "all"

    def answer(self, ask: Ask) -> Reply:
        """What it was asked with, key and all."""
        self.asked.append(ask)
        return Reply(200, f"{dict(ask.headers)} {dict(ask.params)}".encode())


def echoed(access: Access, offered: list[Point], **told: Any) -> tuple[Ask, bytes]:
    """What goes over the wire for a source with this access, and what of the answer is kept."""
    offered.append(Point("outside", replace(OUTSIDE, access=access)))
    vendor = Echo()
    with serve(symbols=1, vendors=lambda _: [vendor]) as gym:
        settings = Settings(gateway=gym.url + "/", contact=told.pop("contact", None), sources={"outside": told})
        with SourceBook.open(settings, ("outside",)).client(lambda: datetime.now(UTC)) as client:
            request = Request("outside", "daily_bars", "https://echo.example/bars", (("symbol", "NA"),))
            payload = client.fetch(request, Rate(100), "http")
    [ask] = vendor.asked
    return ask, payload.body


def test_keys_go_over_the_wire_and_are_scrubbed_from_what_is_kept(offered: list[Point]) -> None:
    """
    Headers and parameters of the access are filled in for the wire; an answer that repeats a key is kept without it.
    """
    access = Access(
        "Free.",
        "https://example.org",
        needs=("key", "secret"),
        headers=(("X-Key", "Bearer {key}"), ("User-Agent", "marketkeep {contact}")),
        params=(("pin", "{secret}"),),
    )
    ask, kept = echoed(access, offered, key=KEY, secret=SECRET, contact=CONTACT)
    assert (ask.headers["x-key"], ask.headers["user-agent"]) == (f"Bearer {KEY}", f"marketkeep {CONTACT}")
    assert ask.params == {"symbol": "NA", "pin": SECRET}
    assert not any(word.encode() in kept for word in (KEY, SECRET))
    assert b"NA" in kept


def test_what_is_optional_is_left_away_where_it_is_not_set(offered: list[Point]) -> None:
    """
    A header or parameter that holds what is neither needed nor set is not sent, the others are.
    """
    access = Access("Free.", headers=(("X-Key", "{key}"), ("X-Plain", "yes")), params=(("mail", "{contact}"),))
    ask, _ = echoed(access, offered)
    assert "x-key" not in ask.headers
    assert ask.headers["x-plain"] == "yes"
    assert ask.params == {"symbol": "NA"}


def test_book_and_client_never_print_a_key() -> None:
    """
    What the book, its settings or its client print of themselves holds no key.
    """
    book = opened(contact=CONTACT, polygon={"key": KEY, "secret": SECRET})
    with book.client(lambda: datetime.now(UTC)) as client:
        credential = client._credentials["polygon"]
        told = [repr(one) for one in (book, book.settings, client, credential, book.sources)]
    assert (("Authorization", f"Bearer {KEY}"),) == credential.headers
    assert [text for text in told for word in (KEY, SECRET, CONTACT) if word in text] == []
