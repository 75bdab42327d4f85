"""An export to a bucket: the files that a folder has, its `export.json` last, and never over something else."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl
import pytest
from bucket_keep import bars, make, run

import marketkeep
from marketkeep.errors import BadInput, StoreError
from marketkeep.export import FORMS, Wanted, export
from marketkeep.files import files_at
from marketkeep.files.bucket import Bucket
from s3_servers import KINDS, Place, Server, place_on

ALL = Wanted(universe="all")


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, s3_servers: dict[str, Server], aws: pytest.MonkeyPatch) -> Place:
    """A prefix on each server."""
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "0")
    return place_on(s3_servers[request.param], aws)


@pytest.fixture
def keep(tmp_path: Path) -> marketkeep.Keep:
    """A small keep in a folder."""
    return marketkeep.open(make(tmp_path / "keep", bars(tmp_path, count=60)))


def there(place: Place) -> dict[str, bytes | None]:
    """What is under the prefix."""
    files = files_at(place.url)
    return dict(files.stream(files.keys("")))


def scratch(place: Place) -> list[Path]:
    """What an export left on this machine."""
    return [path for path in files_at(place.url).scratch.rglob("*") if path.is_file()]


def test_every_form_is_what_a_folder_has(place: Place, keep: marketkeep.Keep, tmp_path: Path) -> None:
    """Each form in a bucket is the same files, byte for byte, each in place of the one before; nothing stays here."""
    for form in sorted(FORMS):
        folder = tmp_path / form
        export(keep, form, ALL, folder)
        done = export(keep, form, ALL, Path(place.url))
        assert str(done.out) == place.url
        want = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert there(place) == want
    assert scratch(place) == []


def test_something_else_is_never_replaced(place: Place, keep: marketkeep.Keep) -> None:
    """A prefix that holds anything but an export is refused and left alone, the keep's own too."""
    files_at(place.url).write("thesis.txt", b"x", durable=True)
    with pytest.raises(BadInput, match=r"s3://.* holds something else"):
        export(keep, "csv", ALL, place.url)
    assert there(place) == {"thesis.txt": b"x"}


def test_cut_short_is_told_and_taken_up(
    place: Place, keep: marketkeep.Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What was not uploaded whole says so, the next export completes it; one that fails before it is uploaded changes
    nothing.
    """
    export(keep, "csv", ALL, place.url)
    before = there(place)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_csv", full)
        with pytest.raises(StoreError, match="No space left"):
            export(keep, "csv", ALL, place.url)
    assert there(place) == before
    real, count = Bucket.adopt, 0

    def dying(self: Bucket, key: str, path: Path) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise StoreError("the line is cut")
        real(self, key, path)

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "adopt", dying)
        with pytest.raises(StoreError, match="the line is cut"):
            export(keep, "qlib", ALL, place.url)
    assert orjson.loads(there(place)["export.json"] or b"") == {"unfinished": True}
    export(keep, "csv", ALL, place.url)
    assert there(place) == before
    assert scratch(place) == []


def test_the_command(place: Place, keep: marketkeep.Keep, tmp_path: Path) -> None:
    """`marketkeep export` takes an address, also of a keep that is in a bucket itself, but not the keep's own."""
    told = run("export", "--to", "parquet", "--universe", "all", "--data", tmp_path / "keep", f"{place.url}/out")
    assert told == (0, f"180 bars of 3 symbols written to {place.url}/out\n", "")
    files = files_at(f"{place.url}/out")
    assert files.keys("") == ["actions.parquet", "daily_bars.parquet", "export.json"]
    path = tmp_path / "daily.parquet"
    path.write_bytes(files.read("daily_bars.parquet"))
    assert pl.read_parquet(path).height == 180
    make(f"{place.url}/keep", bars(tmp_path, count=60))
    asked = ("export", "--to", "csv", "--universe", "all", "--data", f"{place.url}/keep")
    assert run(*asked, f"{place.url}/of-bucket")[0] == 0
    code, _, err = run(*asked, f"{place.url}/keep")
    assert code == 2
    assert "holds something else" in err
