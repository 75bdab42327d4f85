"""A whole keep in a bucket: what a folder can do, it can do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from bucket_keep import SYMBOLS, Clock, bars, command, content, make, run
from polars.testing import assert_frame_equal

import marketkeep
from marketkeep.errors import NotFound, StoreError
from marketkeep.files import files_at
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.workspace import open_workspace
from s3_servers import KEY_ID, KINDS, SECRET, Place, Server, place_on


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, s3_servers: dict[str, Server], aws: pytest.MonkeyPatch) -> Place:
    """A prefix on each server."""
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "0")
    return place_on(s3_servers[request.param], aws)


def test_the_same_bytes_as_in_a_folder(place: Place, tmp_path: Path) -> None:
    """The same files taken in at the same times give the same bytes of raw, gold, panel and catalog as in a folder."""
    files = [bars(tmp_path), bars(tmp_path, count=320)]
    folder = make(tmp_path / "keep", *files)
    bucket = make(place.url, *files)
    without = ("landing/", "journal/")
    assert content(bucket, without=without) == content(folder, without=without)


def test_the_same_answers_as_from_a_folder(place: Place, tmp_path: Path) -> None:
    """What is asked of a keep in a bucket is answered as from a folder."""
    path = bars(tmp_path)
    make(tmp_path / "keep", path)
    make(place.url, path)
    here, there = marketkeep.open(tmp_path / "keep"), marketkeep.open(place.url)
    assert there.symbols() == here.symbols() == sorted(SYMBOLS)
    for asked in (("AAPL",), (list(SYMBOLS), "2023-06-01", "2023-08-31")):
        assert_frame_equal(there.bars(*asked).polars(), here.bars(*asked).polars())
    assert there.explain("AAPL", "2023-06-01", "close") == here.explain("AAPL", "2023-06-01", "close")


def test_a_rebuild_changes_nothing(place: Place, tmp_path: Path) -> None:
    """Rebuilt from what was received, a keep in a bucket is the same byte for byte."""
    files = make(place.url, bars(tmp_path))
    before = content(files)
    files.remove([key for key in files.keys("") if key.startswith(("ticks/", "panel/", "quality/"))])
    rebuild(open_workspace(files, clock=Clock()))
    assert content(files) == before


def test_a_second_question_asks_nothing(place: Place, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """The same question again within the window, from another opened keep too, makes no request but for the pointer."""
    make(place.url, bars(tmp_path))
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "60")
    keep = marketkeep.open(place.url)
    first = keep.bars(list(SYMBOLS), "2023-06-01", "2023-08-31").polars()
    before = place.asked()
    assert_frame_equal(keep.bars(list(SYMBOLS), "2023-06-01", "2023-08-31").polars(), first)
    assert place.asked() == before
    again = marketkeep.open(place.url)
    assert_frame_equal(again.bars(list(SYMBOLS), "2023-06-01", "2023-08-31").polars(), first)
    new = place.asked() - before
    assert sum(new.values()) <= 2
    assert set(new) <= {"GET", "HEAD"}


def test_questions_never_list(place: Place, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """No question lists the bucket."""
    make(place.url, bars(tmp_path))
    before = place.asked()
    keep = marketkeep.open(place.url)
    keep.bars(list(SYMBOLS)).polars()
    keep.bars(universe="all", start="2023-06-01", end="2023-06-02").polars()
    keep.symbols()
    keep.securities()
    keep.findings()
    keep.actions("AAPL")
    keep.coverage()
    keep.explain("AAPL", "2023-06-01", "close")
    assert (place.asked() - before)["LIST"] == 0


def test_no_keep_and_no_bucket(place: Place) -> None:
    """A prefix without a keep is told with how to make one, a bucket that is not there as that."""
    with pytest.raises(NotFound, match=r"no keep in s3://.*marketkeep init s3://"):
        marketkeep.open(place.url).symbols()
    with pytest.raises(StoreError, match="no such bucket"):
        marketkeep.open("s3://there-is-no-such-bucket/keep").symbols()


def test_two_writers(place: Place, tmp_path: Path) -> None:
    """Of two commands that write at once one is refused and told who is at work; run again it does its work."""
    make(place.url)
    files = files_at(place.url)
    path = bars(tmp_path)
    with files.lease("a long update"):
        code, _, err = run("ingest", path, "--data", place.url)
        assert code == 1
        assert "is being written by process" in err
        assert "a long update" in err
    assert run("ingest", path, "--data", place.url)[0] == 0
    assert marketkeep.open(place.url).symbols() == sorted(SYMBOLS)


@pytest.mark.parametrize("wait", [0.9, 1.3, 1.7])
def test_a_writer_killed_anywhere(place: Place, tmp_path: Path, aws: pytest.MonkeyPatch, wait: float) -> None:
    """A writer that is killed leaves a keep that answers as before or after; the next one completes its work."""
    aws.setenv("MARKETKEEP_LEASE_SECONDS", "1")
    old = bars(tmp_path, count=200)
    files = make(place.url, old)
    before = marketkeep.open(place.url).bars("AAPL").polars()
    process = command("ingest", bars(tmp_path, count=320), "--data", place.url)
    time.sleep(wait)
    process.kill()
    process.communicate()
    assert marketkeep.open(files_at(place.url)).bars("AAPL").polars().height in {before.height, 320}
    for _ in range(40):
        code, _, err = run("ingest", bars(tmp_path, count=320), "--data", place.url)
        if code == 0:
            break
        assert "is being written by" in err
        time.sleep(0.2)
    assert marketkeep.open(files_at(place.url)).bars("AAPL").polars().height == 320
    code, out, err = run("doctor", "--data", place.url)
    assert (code, err) == (0, "")
    assert "everything is as it was kept" in out
    assert files.keys("journal/open/") == []


def test_no_secret_is_told(place: Place, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """Keys of the server are in no message, no file of the keep, no copy and no record of a run."""
    aws.setenv("MARKETKEEP_RETRIES", "1")
    path = bars(tmp_path)
    told = [
        run("init", place.url),
        run("ingest", path, "--data", place.url),
        run("query", "AAPL", "--data", place.url),
        run("doctor", "--data", place.url),
        run("query", "AAPL", "--data", "s3://there-is-no-such-bucket/x"),
        run("query", "AAPL", "--data", f"s3://{KEY_ID}:{SECRET}@bucket/x"),
        run("query", "AAPL", "--data", place.url, AWS_ENDPOINT_URL_S3=f"http://{KEY_ID}:{SECRET}@127.0.0.1:1"),
        run("query", "AAPL", "--data", place.url, AWS_ENDPOINT_URL_S3="http://127.0.0.1:1"),
    ]
    assert [code for code, _, _ in told] == [0, 0, 0, 0, 1, 2, 2, 1]
    texts = [out + err for _, out, err in told]
    texts += [(data or b"").decode("latin-1") for data in content(files_at(place.url), without=()).values()]
    texts += [path.read_bytes().decode("latin-1") for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not any(SECRET in text or KEY_ID in text for text in texts)
