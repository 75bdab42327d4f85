"""The four ways of answering a question about daily bars: whichever is gone, the answer is the same to the last bit."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkeep.errors import BadInput, BadRange, NotFound
from marketkeep.query.bars import COLUMNS, BarsRequest
from marketkeep.query.plan import Way
from marketkeep.query.plan_run import BarsReader
from panel_keep import MARKET, SESSIONS, market_keep

WAYS: tuple[Way, ...] = ("published", "panel", "mapped", "raw")
NUMBERS = [name for name in COLUMNS if name not in ("symbol", "date", "source")]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> BarsReader:
    """
    What reads the small market.
    """
    return market_keep(tmp_path_factory.mktemp("ways") / "keep").open()._bars_reader


days = st.none() | st.dates(SESSIONS[0] - timedelta(days=9), SESSIONS[-1] + timedelta(days=9))


@st.composite
def requests(draw: st.DrawFn) -> BarsRequest:
    """
    Questions of all kinds.
    """
    universe = draw(st.sampled_from([None, None, "all", "sp500"]))
    least = 0 if universe else 1
    symbols = tuple(draw(st.lists(st.sampled_from(MARKET), min_size=least, max_size=4, unique=True)))
    first, last = draw(days), draw(days)
    if first and last and first > last:
        first, last = last, first
    fields = draw(st.none() | st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4, unique=True).map(tuple))
    adjust = draw(st.sampled_from(["none", "splits", "all"]))
    return BarsRequest(symbols, first, last, adjust, draw(days), None, universe, fields)


def answer(reader: BarsReader, request: BarsRequest, way: Way) -> pl.DataFrame | str:
    """The bars, or what is said of there being none."""
    try:
        return reader.read(request, way)
    except NotFound as error:
        return str(error)


@given(requests())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_way_gives_the_same_answer(reader: BarsReader, request_: BarsRequest) -> None:
    """
    Published files, Parquet, maps and raw agree on every row, or on why there is none.
    """
    first = answer(reader, request_, "published")
    for way in WAYS[1:]:
        other = answer(reader, request_, way)
        if isinstance(first, str) or isinstance(other, str):
            assert other == first, way
        else:
            assert other.equals(first), way
            assert other.schema == first.schema, way


@given(requests(), st.sampled_from(NUMBERS))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_matrix_is_its_bars(reader: BarsReader, request_: BarsRequest, field: str) -> None:
    """
    The dense table of a field has the value of every bar at its place and NaN elsewhere, mapped or not.
    """
    bars = answer(reader, replace(request_, fields=(field,)), "published")
    if isinstance(bars, str):
        with pytest.raises(NotFound, match=re.escape(bars)):
            reader.matrix(request_, field, "mapped")
        return
    for way in ("mapped", "published"):
        found = reader.matrix(request_, field, way)  # type: ignore[arg-type]
        assert found.values.shape == (len(found.sessions), len(found.symbols))
        assert found.sessions.tolist() == bars["date"].unique().sort().to_list()
        if request_.universe is None:
            assert tuple(found.symbols) == request_.symbols
        else:
            assert found.symbols == bars["symbol"].unique().sort().to_list()
        wide = found.polars()
        long = wide.unpivot(index="date", variable_name="symbol", value_name=field).drop_nulls()
        told = bars.select("date", "symbol", pl.col(field).cast(pl.Float64)).drop_nulls()
        assert long.sort("symbol", "date").equals(told.sort("symbol", "date"))
        assert np.isnan(found.values).sum() == found.values.size - len(told)


def test_what_was_known_before_the_start_is_nothing(reader: BarsReader) -> None:
    """
    An `as_of` before the start, both within one year of the map, leaves no bar, in rows and in a matrix.
    """
    asked = BarsRequest((), date(2023, 2, 1), None, as_of=date(2023, 1, 3), universe="all", fields=("open",))
    for way in WAYS:
        with pytest.raises(NotFound, match="no bar of any symbol is held in this range"):
            reader.read(asked, way)
    with pytest.raises(NotFound, match="no bar of any symbol is held in this range"):
        reader.matrix(asked, "open", "mapped")


@pytest.mark.parametrize("way", WAYS)
def test_pieces_are_the_whole(reader: BarsReader, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An answer in pieces of a few symbols has the rows of the answer in one, in its order.
    """
    monkeypatch.setattr("marketkeep.query.plan_run._SYMBOLS_AT_ONCE", dict.fromkeys(WAYS, 2))
    monkeypatch.setattr(BarsReader, "plan", _forced(way))
    for universe in ("all", "sp500"):
        asked = BarsRequest((), adjust="all", universe=universe)
        pieces = list(reader.pieces(asked))
        assert len(pieces) > 1
        assert pl.concat(pieces).equals(reader.read(asked))
    with pytest.raises(NotFound):
        list(reader.pieces(BarsRequest((), start=date(2030, 1, 1), universe="all")))


def _forced(way: Way):  # type: ignore[no-untyped-def]
    plan = BarsReader.plan
    return lambda self, request_, other=None: plan(self, request_, other or way)


def test_a_past_instant_is_read_from_raw(reader: BarsReader) -> None:
    """
    What the keep held at an instant is made from raw, and says so; nothing else may be forced on it.
    """
    asked = BarsRequest(("AAA",), recorded_by=datetime.fromisoformat("2030-01-01T00:00:00+00:00"))
    assert reader.plan(asked, "mapped").way == "raw"
    assert reader.read(asked).equals(reader.read(BarsRequest(("AAA",)), "mapped"))
    assert "raw batches" in reader.plan(asked).told()


def test_wrong_questions_are_refused(reader: BarsReader) -> None:
    """
    A way there is not, a range the wrong way round and a symbol without bars are said plainly.
    """
    with pytest.raises(BadInput, match="'magic' is unknown; use one of published, panel, mapped, raw"):
        reader.plan(BarsRequest(("AAA",)), "magic")  # type: ignore[arg-type]
    with pytest.raises(BadRange):
        reader.plan(BarsRequest(("AAA",), date(2024, 1, 2), date(2023, 1, 2)))
    for way in WAYS:
        with pytest.raises(NotFound, match="NOBODY, NEVER: no bars held"):
            reader.read(BarsRequest(("NOBODY", "AAA", "NEVER")), way)
