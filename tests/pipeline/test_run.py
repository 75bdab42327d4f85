"""Runs: what one that is cut short leaves behind, and how the next takes it up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from vendor_keep import DAYS, SYMBOLS, Said, Say, Vendor, answer, collect, events, interrupted_at, whole

from marketkeep.errors import FetchFailed, LeaseHeld, NotFound, OtherForm, StoreError
from marketkeep.files import files_at
from marketkeep.model import Request
from marketkeep.pipeline.collecting import collector as collecting
from marketkeep.pipeline.collecting.repair import repair
from marketkeep.pipeline.journal import Journal, open_runs, read_run, run_keys
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.run import run
from marketkeep.pipeline.securities import add_symbols
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import layout
from small_keep import SmallKeep


def test_update_collects_and_closes_its_mark(keep: SmallKeep) -> None:
    """
    An undisturbed run leaves no mark, a journal from `started` to `ended`, and asks for nothing the next time.
    """
    outcome = collect(keep)
    assert (outcome.missing_before, outcome.missing_after, outcome.cured) == (80, 0, 80)
    assert (outcome.collected.planned, outcome.collected.sent, outcome.collected.failed) == (4, 4, {})
    [path] = run_keys(keep.root, outcome.run_id)
    told = read_run(keep.root, path)
    assert [one["event"] for one in told] == ["started", "planned", "published", "collected", "ended"]
    assert told[-1]["error"] is None
    vendor = Vendor(keep)
    assert collect(keep, vendor).collected.planned == 0
    assert vendor.asked == []
    whole(keep)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_interrupted_while_collecting(keep: SmallKeep, number: int) -> None:
    """
    Interrupted at any answer: the mark stays, nothing is published yet, and the next run takes up what was landed
    without asking for it again.
    """
    vendor = Vendor(keep, interrupted_at(number))
    with pytest.raises(KeyboardInterrupt):
        collect(keep, vendor)
    assert vendor.closed
    [mark] = open_runs(keep.root)
    assert read_run(keep.root, run_keys(keep.root, mark)[0])[-1]["error"] == "interrupted"
    assert keep.open().symbols() == []
    again = Vendor(keep)
    collect(keep, again)
    assert sorted(one.symbol or "" for one in again.asked) == SYMBOLS[number - 1 :]
    assert [one["rows"] for one in events(keep, "recovered")] == [(number - 1) * 21]
    whole(keep)


@pytest.mark.parametrize("number", [1, 2])
def test_interrupted_between_the_batch_files(keep: SmallKeep, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """
    Interrupted before the first batch file, or between that of actions and that of bars: no answer that was landed is
    asked for again, and none is lost.
    """
    real, calls = BatchStore.write, iter(range(1, 100))

    def dying(self: BatchStore, *told: Any) -> Any:
        if next(calls) == number:
            raise KeyboardInterrupt
        return real(self, *told)

    with monkeypatch.context() as patch:
        patch.setattr(BatchStore, "write", dying)
        with pytest.raises(KeyboardInterrupt):
            collect(keep)
    assert len([path for path in keep.work.batches.paths() if "/yahoo/" in path]) == number - 1
    vendor = Vendor(keep)
    collect(keep, vendor)
    assert vendor.asked == []
    whole(keep)


def test_interrupted_while_publishing(keep: SmallKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Interrupted in the middle of publishing: files may be new, the catalog is old, and the next run ends it.
    """
    with monkeypatch.context() as patch:
        patch.setattr("marketkeep.pipeline.publishing.absorb.write_catalog", interrupt)
        with pytest.raises(KeyboardInterrupt):
            collect(keep)
    assert len(open_runs(keep.root)) == 1
    vendor = Vendor(keep)
    collect(keep, vendor)
    assert vendor.asked == []
    whole(keep)


def interrupt(*_: object, **__: object) -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


def test_recovery_that_is_interrupted_too(keep: SmallKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Two interruptions one upon the other leave no more than one: both marks go with the run that ends.
    """
    with pytest.raises(KeyboardInterrupt):
        collect(keep, Vendor(keep, interrupted_at(3)))
    with monkeypatch.context() as patch:
        patch.setattr("marketkeep.pipeline.recovery.absorb", interrupt)
        with pytest.raises(KeyboardInterrupt):
            collect(keep)
    with pytest.raises(KeyboardInterrupt):
        collect(keep, Vendor(keep, interrupted_at(2)))
    collect(keep)
    whole(keep)


def test_rebuild_ends_what_was_cut_short(keep: SmallKeep) -> None:
    """
    A rebuild takes up what an interrupted run had landed, as any run does.
    """
    with pytest.raises(KeyboardInterrupt):
        collect(keep, Vendor(keep, interrupted_at(3)))
    rebuild(keep.work)
    assert keep.open().symbols() == SYMBOLS[:2]
    assert open_runs(keep.root) == []
    collect(keep)
    whole(keep)


@pytest.mark.parametrize("cut_short", [False, True])
def test_rebuild_mends_a_damaged_catalog(keep: SmallKeep, cut_short: bool) -> None:
    """
    A catalog that is damaged is made again from raw, after a run that was cut short too.
    """
    collect(keep)
    if cut_short:
        Journal(keep.root, "20250602T000000000000-update", keep.now)
    for path in (keep.root / "catalog").iterdir():
        path.write_bytes(b"damaged")
    with pytest.raises(StoreError):
        keep.open().symbols()
    rebuild(keep.work)
    whole(keep)


def test_error_of_ours_is_told_in_the_journal(keep: SmallKeep) -> None:
    """
    A step that fails on purpose tells why in its last line; its mark stays until the next run.
    """
    with pytest.raises(NotFound), run(keep.work, "update", {}):
        raise NotFound("nothing here")
    assert events(keep, "ended")[-1]["error"] == "nothing here"
    assert len(open_runs(keep.root)) == 1
    collect(keep)
    whole(keep)


def test_writers_exclude_each_other(keep: SmallKeep) -> None:
    """
    While another writer holds the lease nothing is asked and no run begins.
    """
    before = run_keys(keep.root)
    vendor = Vendor(keep)
    with files_at(keep.root).lease("other"), pytest.raises(LeaseHeld):
        collect(keep, vendor)
    assert (run_keys(keep.root), vendor.asked, open_runs(keep.root)) == (before, [], [])


def test_runs_of_one_instant_have_names_of_their_own(keep: SmallKeep) -> None:
    """
    A clock that stands still does not make two runs write one journal.
    """
    names = []
    for _ in range(3):
        with run(keep.work, "noop", {}) as one:
            names.append(one.run_id)
    assert len(set(names)) == 3
    assert [name.removeprefix(names[0]) for name in names] == ["", "-2", "-3"]


def test_journal_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """
    A last line cut short is left out; what stands before it is told.
    """
    journal = Journal(tmp_path, "20250602T000000000000-x", datetime(2025, 6, 2, tzinfo=UTC))
    journal.write("started", datetime(2025, 6, 2, tzinfo=UTC), step="x", where=Path("a"))
    with (tmp_path / journal.key).open("ab") as file:
        file.write(b'{"at": "2025-06-02T00:0')
    [told] = read_run(tmp_path, journal.key)
    assert (told["event"], told["step"], told["where"]) == ("started", "x", "a")
    assert open_runs(tmp_path) == ["20250602T000000000000-x"]
    journal.end(datetime(2025, 6, 2, tzinfo=UTC))
    assert open_runs(tmp_path) == []


# --- what answers come to --------------------------------------------------------------------------------------------


def only(symbol: str, said: Said, times: int = 99) -> Say:
    """Say so of one symbol, the first times it is asked for."""
    left = [times]

    def say(request: Request, number: int) -> Said:
        if request.symbol != symbol or not left[0]:
            return None
        left[0] -= 1
        return said

    return say


def checks(keep: SmallKeep, symbol: str) -> list[str]:
    """Codes found about a symbol."""
    return keep.open().findings().filter(symbol=symbol)["check"].to_list()


def test_wrong_answer_is_asked_again_after_the_others(keep: SmallKeep) -> None:
    """
    What may come right is asked for again, after all others; it is told as a finding and mended.
    """
    vendor = Vendor(keep, only("AAPL", answer("MSFT", DAYS[0], DAYS[-1]), 2))
    outcome = collect(keep, vendor)
    assert [one.symbol for one in vendor.asked] == [*SYMBOLS, "AAPL", "AAPL"]
    assert outcome.collected.faults == {"wrong_symbol": 2}
    assert [code for code in checks(keep, "AAPL") if code != "flat_bar"] == ["wrong_symbol"] * 2
    whole(keep)


def test_answer_that_stays_wrong_fails_alone(keep: SmallKeep) -> None:
    """
    One symbol that cannot be had does not keep the others from being published; it is asked for again the next time.
    """
    outcome = collect(keep, Vendor(keep, only("AAPL", b"{}")))
    assert list(outcome.collected.failed) == ["AAPL"]
    assert keep.open().symbols() == SYMBOLS[1:]
    assert outcome.missing_after == len(DAYS)
    collect(keep)
    whole(keep)


def test_fetch_that_fails_is_remembered(keep: SmallKeep) -> None:
    """
    Nothing came back: told with its faults, asked again twice, and at once the next time.
    """
    vendor = Vendor(keep, only("NA", FetchFailed("yahoo", "NA", ("timeout", "http_500"))))
    outcome = collect(keep, vendor)
    assert [one.symbol for one in vendor.asked].count("NA") == 3
    assert outcome.collected.faults == {"timeout": 3, "http_500": 3}
    assert "NA" in outcome.collected.failed
    collect(keep)
    whole(keep)


def test_permanent_failure_is_not_asked_again(keep: SmallKeep) -> None:
    """
    What will not come right is asked for once a run.
    """
    vendor = Vendor(keep, only("NA", FetchFailed("yahoo", "NA", ("http_403",), permanent=True)))
    collect(keep, vendor)
    assert [one.symbol for one in vendor.asked].count("NA") == 1


def test_empty_twice_is_an_answer(keep: SmallKeep) -> None:
    """
    Trap 8: an empty answer is asked for again; said twice it is believed, but for the trailing sessions.
    """
    vendor = Vendor(keep, only("NA", answer("NA", date(2000, 1, 1), date(2000, 1, 1))))
    outcome = collect(keep, vendor)
    assert [one.symbol for one in vendor.asked].count("NA") == 2
    assert outcome.collected.failed == {}
    again = Vendor(keep)
    collect(keep, again)
    assert [(one.symbol, one.start) for one in again.asked] == [("NA", DAYS[-5])]
    healed = Vendor(keep)
    collect(keep, healed, repair, days=60)
    assert [one.symbol for one in healed.asked] == ["NA"]
    whole(keep)


def test_unknown_symbol_is_asked_again_in_a_day(keep: SmallKeep) -> None:
    """
    That the source knows no such symbol holds for a day, and is told apart from a failure.
    """
    outcome = collect(keep, Vendor(keep, only("NA", 404)))
    assert (list(outcome.collected.nothing), outcome.collected.failed) == (["NA"], {})
    vendor = Vendor(keep)
    collect(keep, vendor)
    assert vendor.asked == []
    keep.now += timedelta(hours=16, minutes=30)
    collect(keep, vendor)
    assert [one.symbol for one in vendor.asked] == ["NA"]
    whole(keep)


def test_batches_are_flushed_and_published_on_the_way(keep: SmallKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A long run writes batches when enough is gathered and publishes now and then; the outcome is the same.
    """
    monkeypatch.setattr("marketkeep.pipeline.batching.PAYLOADS_PER_BATCH", 1)
    monkeypatch.setattr(collecting, "_PUBLISH_EVERY", 2)
    outcome = collect(keep)
    assert len([one for one in events(keep, "published") if one["bars"]]) > 1
    assert len(outcome.absorbed.symbols) == len(SYMBOLS)
    whole(keep)


def test_interrupted_ingest_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file that was landed when its ingest was cut short is batched and published by the next run, as it would have
    been.
    """
    kept = {}
    for name in ("cut", "whole"):
        keep = SmallKeep(tmp_path / name)
        rows = [(day, 10.0 + n, 0.5 if n == 4 else 0.0) for n, day in enumerate(DAYS)]
        if name == "cut":
            with monkeypatch.context() as patch:
                patch.setattr(BatchStore, "write", interrupt)
                with pytest.raises(KeyboardInterrupt):
                    keep.bars(*rows)
            assert keep.open().symbols() == []
            with run(keep.work, "noop", {}):
                pass
        else:
            keep.bars(*rows)
        kept[name] = keep.open().bars("AAPL", adjust="all").polars()
    assert kept["cut"].equals(kept["whole"])


def test_what_a_killed_writer_set_aside_is_swept(keep: SmallKeep) -> None:
    """
    Half-written files of a run that was killed are gone after the next, and only those.
    """
    aside = keep.root / "ticks" / "daily" / "AAPL" / "2025" / ".ticks.json.4711.tmp"
    aside.parent.mkdir(parents=True)
    aside.write_bytes(b"[\n{")
    Journal(keep.root, "20250602T000000000000-update", keep.work.clock())
    add_symbols(keep.work, ["SPY"])
    assert not list(keep.root.rglob("*.tmp"))
    assert open_runs(keep.root) == []
    assert keep.work.lake.securities()["symbol"].is_in(["SPY"]).any()


def test_what_another_version_published_is_refused_before_anything_is_landed(keep: SmallKeep) -> None:
    """
    Over a catalog of another form no run begins: nothing is landed and no mark left; a rebuild makes it anew, and then
    the same run goes through.
    """
    add_symbols(keep.work, ["MORE"])
    pointer = keep.root / layout.CURRENT
    pointer.write_bytes(pointer.read_bytes().replace(b'"form": 3', b'"form": 2'))
    before = {path for path in keep.root.rglob("*") if path.is_file()}
    with pytest.raises(OtherForm, match="marketkeep rebuild"):
        add_symbols(keep.work, ["LATE"])
    assert {path for path in keep.root.rglob("*") if path.is_file()} == before
    rebuild(keep.work)
    add_symbols(keep.work, ["LATE"])
    assert {"MORE", "LATE"} <= set(keep.open().securities()["symbol"])
