"""Minute bars are published a file a session: only what could differ is written, and a rebuild gives the same bytes."""

from __future__ import annotations

import hashlib
import itertools
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketkeep.calendars import XNYS
from marketkeep.errors import CorruptFile
from marketkeep.model import MINUTE_BARS
from marketkeep.operate.doctor import examine
from marketkeep.pipeline.publishing import minutes as module
from marketkeep.pipeline.publishing.absorb import absorb, clear_published
from marketkeep.stores.lake import Catalog, Lake, layout
from minute_keep import MinuteKeep
from minute_rows import Row, at_new_york, delivered, minute

DAYS = XNYS.sessions(date(2024, 1, 22), date(2024, 3, 10))
CLOCKS = ("09:29", "09:30", "12:00", "16:00")


def session(day: date, close: float = 10.0, symbol: str = "AAPL", **told: object) -> list[Row]:
    """Some minutes of one session."""
    return [minute(day, clock, close, symbol=symbol, **told) for clock in CLOCKS]


def tree(root: Path) -> dict[str, str]:
    """Every published file with the hash of its bytes."""
    return {key: hashlib.sha256((root / key).read_bytes()).hexdigest() for key in layout.published(root)}


def rebuilt(keep: MinuteKeep) -> dict[str, str]:
    """What is published after all of it was taken away and absorbed again."""
    clear_published(keep.work)
    absorb(keep.work)
    return tree(keep.root)


def same_after_rebuild(keep: MinuteKeep) -> None:
    """The published files, catalog and findings are those of a rebuild, and the doctor finds nothing."""
    before = tree(keep.root)
    assert rebuilt(keep) == before
    assert examine(keep.root).problems == ()


def entries(keep: MinuteKeep) -> pl.DataFrame:
    """The catalog's entries of minute bars."""
    return Lake(keep.root).catalog().entries.filter(pl.col("dataset") == "minute_bars")


def written(keep: MinuteKeep, stamps: dict[Path, int]) -> list[str]:
    """The minute files written since the stamps were taken."""
    return sorted(
        key
        for key in layout.published(keep.root)
        if key.endswith("/ticks.parquet") and stamps.get(keep.root / key) != (keep.root / key).stat().st_ino
    )


def stamps(keep: MinuteKeep) -> dict[Path, int]:
    """What tells a file that was replaced from one that was not."""
    return {keep.root / key: (keep.root / key).stat().st_ino for key in layout.published(keep.root)}


def test_one_file_a_session_and_one_entry_a_month(tmp_path: Path) -> None:
    """
    A session's file lies under its date, holds the published table, and the catalog tells the month: rows, first and
    last, sessions missing between them, mean score and the hash over the files.
    """
    keep = MinuteKeep(tmp_path / "keep")
    january, february = DAYS[:8], DAYS[8:12]
    taken = [day for day in (*january, *february) if day != january[2]]
    done = keep.take(*(row for day in taken for row in session(day, volume=None if day == february[0] else 1.0)))
    assert (done.bars, done.symbols) == (44, ("AAPL",))
    path = keep.root / "ticks/minute/AAPL/2024/02/01/ticks.parquet"
    file = pl.read_parquet(path)
    assert dict(file.schema) == MINUTE_BARS.schema
    assert file["segment"].to_list() == ["pre", "regular", "regular", "post"]
    first, second = entries(keep).rows(named=True)
    assert (first["symbol"], first["period"], first["rows"], first["first"], first["last"]) == (
        "AAPL",
        202401,
        28,
        january[0],
        january[-1],
    )
    assert (first["missing"], first["score"]) == ([january[2]], 100.0)
    assert (second["period"], second["missing"], second["score"]) == (202402, [], 100 - 5 / 4)
    hexes = [
        hashlib.sha256((keep.root / layout.minute_ticks("AAPL", day)).read_bytes()).hexdigest() for day in february
    ]
    assert second["hash"] == hashlib.sha256("".join(hexes).encode()).hexdigest()
    same_after_rebuild(keep)


def test_cost_follows_what_is_new(tmp_path: Path) -> None:
    """
    A new session writes its own file only; a correction that changes nothing writes none.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*(row for day in DAYS[:5] for row in session(day)))
    before = stamps(keep)
    keep.take(*session(DAYS[5]))
    assert written(keep, before) == [layout.minute_ticks("AAPL", DAYS[5])]
    before = stamps(keep)
    keep.take(minute(DAYS[1], "12:00", 11.0))
    assert written(keep, before) == [layout.minute_ticks("AAPL", DAYS[1])]
    before = stamps(keep)
    keep.take(*session(DAYS[2], 11.0), source="other")
    assert written(keep, before) == []
    same_after_rebuild(keep)


@pytest.mark.parametrize("seed", range(12))
def test_random_batches_publish_what_a_rebuild_does(tmp_path: Path, seed: int) -> None:
    """
    Batches of several sources, feeds, symbols and flaws, splits told between them: after each the published files are
    those of a rebuild, findings and catalog included, and what raw tells as of now is what is served.
    """
    chance = random.Random(seed)
    keep = MinuteKeep(tmp_path / "keep")
    for _ in range(chance.randrange(3, 8)):
        source, symbol = chance.choice(("a", "b", "x")), chance.choice(("AAPL", "AAPL", "NA"))
        if chance.random() < 0.3:
            keep.split(chance.choice(DAYS[5:]), chance.choice((2, 4)), source=source, symbol=symbol)
            continue
        first = chance.randrange(len(DAYS) - 12)
        told = {"feed": chance.choice(("sip", "iex")), "basis": chance.choice(("as_traded", "split_adjusted"))}
        if told["basis"] == "split_adjusted":
            told["basis_date"] = DAYS[-1]
        rows = [
            row | {"volume": chance.choice((1.0, 1.0, None, -1.0))}
            for day in chance.sample(DAYS[first : first + 12], chance.randrange(1, 10))
            for row in session(day, chance.choice((10.0, 11.0)), symbol, **told)
        ]
        keep.take(*rows, source=source)
    same_after_rebuild(keep)
    opened = keep.open()
    for symbol in opened.coverage("minute_bars")["symbol"]:
        served = opened.minute_bars(symbol).polars()
        assert opened.minute_bars(symbol, recorded_by=keep.now).polars().equals(served)


def test_any_order_of_batches(tmp_path: Path) -> None:
    """
    The same raw batches absorbed one by one in any order, or all at once, publish the same bytes.
    """
    told = [("a", 10.0, "iex"), ("b", 11.0, "sip"), ("x", 12.0, "sip")]
    trees = []
    for at, order in enumerate(itertools.permutations(range(3))):
        keep = MinuteKeep(tmp_path / f"keep{at}")
        start = keep.now
        for index in order:
            source, close, feed = told[index]
            # Each batch was received at the same moment whatever the order in which it is absorbed.
            keep.now = start + timedelta(minutes=10 * index)
            keep.take(
                *(row for day in DAYS[index : index + 9] for row in session(day, close, feed=feed)), source=source
            )
        trees.append(tree(keep.root))
        same_after_rebuild(keep)
    assert all(one == trees[0] for one in trees)


def test_groups_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    However few rows fit in memory at once, the same bytes come out; a group never cuts a month.
    """
    keep = MinuteKeep(tmp_path / "keep")
    for symbol in ("AAPL", "MSFT", "BTC-USD"):
        rows = [
            row | ({"ts": datetime(day.year, day.month, day.day, 12, at, tzinfo=UTC)} if symbol == "BTC-USD" else {})
            for day in DAYS
            for at, row in enumerate(session(day, symbol=symbol, volume=None))
        ]
        keep.receive(delivered(rows), source="a")
    absorb(keep.work)
    before = tree(keep.root)
    groups: list[pl.DataFrame] = []
    real = module.publish_minutes

    def counted(*arguments: object) -> tuple[module.Published, module.SessionsTold]:
        groups.append(arguments[1])  # type: ignore[arg-type]
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("marketkeep.pipeline.publishing.absorb.publish_minutes", counted)
    monkeypatch.setattr(module, "_GROUP_ROWS", 1)
    assert rebuilt(keep) == before
    assert [len(module.months_in(group)) for group in groups] == [1] * 9


def test_rows_that_are_refused_take_the_file_away(tmp_path: Path) -> None:
    """
    When nothing of a session stands any more, because its batch is gone, its file and entry go too.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*session(DAYS[0]))
    [path] = keep.work.batches.paths()
    (keep.root / path).unlink()
    keep.work = type(keep)(keep.root, now=keep.now).work
    keep.take(*session(DAYS[0], volume=-1.0))
    assert not (keep.root / layout.minute_ticks("AAPL", DAYS[0])).exists()
    assert entries(keep).is_empty()


def test_running_session_becomes_gold_once_it_is_over(tmp_path: Path) -> None:
    """
    What was received during a session is found not final; the same minutes told after the close are published.
    """
    keep = MinuteKeep(tmp_path / "keep", now=at_new_york(DAYS[0], "12:30"))
    keep.take(minute(DAYS[0], "12:00"))
    assert entries(keep).is_empty()
    [found] = keep.open().findings().rows(named=True)
    assert (found["check"], found["dataset"], found["severity"]) == ("not_final", "minute_bars", "info")
    keep.now = at_new_york(DAYS[0], "20:00")
    keep.take(minute(DAYS[0], "12:00", 11.0))
    assert keep.open().minute_bars("AAPL").polars()["close"].to_list() == [11.0]
    same_after_rebuild(keep)


def test_split_told_later_rewrites_what_was_scaled(tmp_path: Path) -> None:
    """
    Prices that a source had scaled are brought to as traded when the split behind them becomes known, and only those
    before its ex-date; told again it changes nothing.
    """
    keep = MinuteKeep(tmp_path / "keep")
    scaled = {"basis": "split_adjusted", "basis_date": DAYS[-1]}
    keep.take(*(row for day in DAYS[:3] for row in session(day, **scaled)), source="a")
    keep.take(*session(DAYS[3]), source="a")
    before = stamps(keep)
    keep.split(DAYS[2], 4, source="a")
    assert written(keep, before) == [layout.minute_ticks("AAPL", day) for day in DAYS[:2]]
    closes = keep.open().minute_bars("AAPL").polars().group_by("date", maintain_order=True).agg(pl.col("close").first())
    assert closes["close"].to_list() == [40.0, 40.0, 10.0, 10.0]
    before = stamps(keep)
    keep.split(DAYS[2], 4, source="a")
    assert written(keep, before) == []
    same_after_rebuild(keep)


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_run_that_was_cut_short_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """
    However many files were written before a crash, which the catalog does not know of, the next absorbing makes it
    good; until then the doctor names the month.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*(row for day in DAYS[:4] for row in session(day)))
    keep.receive(delivered([*session(DAYS[1], 11.0), *session(DAYS[2], 12.0), *session(DAYS[4])]))
    real, files = Lake.put, iter(range(after))

    def cut(lake: Lake, path: str, data: bytes) -> str:
        if path.startswith("ticks/minute/") and next(files, None) is None:
            raise KeyboardInterrupt
        return real(lake, path, data)

    def end(*arguments: object, **told: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "put", cut)
        patch.setattr("marketkeep.pipeline.publishing.absorb.write_catalog", end)
        with pytest.raises(KeyboardInterrupt):
            absorb(keep.work)
    published = [one.path for one in examine(keep.root).problems if one.part == "published"]
    assert published == (["ticks/minute/AAPL/2024/01"] if after else [])
    absorb(keep.work)
    assert keep.open().minute_bars("AAPL", DAYS[1], DAYS[2]).polars()["close"].to_list() == [11.0] * 4 + [12.0] * 4
    same_after_rebuild(keep)


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_damaged_file_is_named_and_written_anew(tmp_path: Path, damage: str) -> None:
    """
    The doctor names the month or file that is not as the catalog says; the next rows of that month repair it.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*(row for day in DAYS[:3] for row in session(day)))
    sound = tree(keep.root)
    path = keep.root / layout.minute_ticks("AAPL", DAYS[1])
    if damage == "gone":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
    [problem] = examine(keep.root).problems
    assert (problem.part, problem.remedy) == ("published", "marketkeep rebuild")
    assert problem.path == (
        "ticks/minute/AAPL/2024/01" if damage == "flipped" else layout.minute_ticks("AAPL", DAYS[1])
    )
    keep.take(*session(DAYS[3]))
    assert tree(keep.root)[layout.minute_ticks("AAPL", DAYS[1])] == sound[layout.minute_ticks("AAPL", DAYS[1])]
    same_after_rebuild(keep)


def test_damaged_batch_is_left_out(tmp_path: Path) -> None:
    """
    A raw batch whose bytes are not those of its name is named and its rows are not published.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.receive(delivered(session(DAYS[0])), source="a")
    [path] = keep.work.batches.paths()
    keep.receive(delivered(session(DAYS[1])), source="b")
    (keep.root / path).write_bytes(b"PAR1")
    done = absorb(keep.work)
    assert [type(error) for error in done.corrupt] == [CorruptFile]
    assert entries(keep)["first"].to_list() == [DAYS[1]]


def test_held_is_told_by_month(tmp_path: Path) -> None:
    """
    The catalog answers what is held of a symbol in a dataset, by period; a daily bar is not among them.
    """
    keep = MinuteKeep(tmp_path / "keep")
    assert Catalog.empty().held("minute_bars", "AAPL").is_empty()
    keep.days({DAYS[0]: 10.0})
    keep.take(*(row for day in reversed(DAYS) for row in session(day)))
    held = Lake(keep.root).catalog().held("minute_bars", "AAPL")
    assert held["period"].to_list() == [202401, 202402, 202403]
    assert held.select("first", "last").row(1) == (date(2024, 2, 1), date(2024, 2, 29))
    assert Lake(keep.root).catalog().bars("AAPL")["period"].to_list() == [2024]
