"""What a killed writer or a full disk leaves is recovered; what is damaged is named, and never cut."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from landing_keep import child, output, payload, request, tree

from marketkeep.errors import BadInput, CorruptFile, NotFound, StoreError
from marketkeep.raw.landing import Dropped, Landing
from marketkeep.raw.landing.packs import PackFile

INDEX = (
    "SELECT place, indexed FROM packs ORDER BY 1",
    "SELECT digest, place, offset FROM payloads JOIN packs ON id = pack ORDER BY 1",
    "SELECT digest, place, offset FROM revisits JOIN packs ON id = pack ORDER BY 1, 2, 3",
)


def index_rows(root: Path) -> list[list[tuple[object, ...]]]:
    """All that the index holds: packs, payloads and revisits, in order and by name."""
    with closing(sqlite3.connect(root / "landing" / "index.sqlite")) as connection:
        return [connection.execute(query).fetchall() for query in INDEX]


def complaint(act: Callable[[], object]) -> str | None:
    """What an act says is corrupt, None if nothing."""
    try:
        act()
    except CorruptFile as error:
        return str(error)
    return None


@pytest.fixture
def keep(tmp_path: Path) -> tuple[Path, Path, list[int]]:
    """A keep with one pack of three exchanges, a revisit behind them, and the offsets behind each."""
    ends = []
    with Landing(tmp_path).writer("run") as writer:
        for body in (b"first", b"second", b"third", b"first"):
            ref = writer.land(request(), payload(body))
            ends.append((tmp_path / ref.pack).stat().st_size)
    return tmp_path, tmp_path / ref.pack, ends


@pytest.mark.parametrize(("last", "indexed"), [(2, False), (3, True)], ids=["response", "revisit"])
def test_tail_cut_anywhere_is_recovered(keep: tuple[Path, Path, list[int]], last: int, indexed: bool) -> None:
    """At whatever byte the last exchange is cut, all before it stays and the index is what a rebuild gives."""
    root, pack, ends = keep
    whole = pack.read_bytes()
    index = root / "landing" / "index.sqlite"
    kept_index = index.read_bytes()
    for size in range(ends[last - 1], ends[last]):
        pack.write_bytes(whole[:size])
        index.write_bytes(kept_index) if indexed else index.unlink(missing_ok=True)
        cut = size - ends[last - 1]
        expected = (Dropped(pack.relative_to(root).as_posix(), cut),) if cut else ()
        assert Landing(root).recover() == expected
        assert pack.read_bytes() == whole[: ends[last - 1]]
        assert [row[1] for row in index_rows(root)[0]] == [ends[last - 1]]
        assert len(index_rows(root)[1]) == last
    assert Landing(root).recover() == ()
    assert [each.length for each in Landing(root).records("run")] == [5, 6, 5][:last]


def test_pack_with_nothing_whole_is_removed(keep: tuple[Path, Path, list[int]]) -> None:
    """A pack cut within its first record holds nothing, and goes; the same bytes then land in full."""
    root, pack, _ = keep
    for size in (0, 100):
        pack.write_bytes(pack.read_bytes()[:size] or b"")
        dropped = Landing(root).recover()
        assert [each.bytes for each in dropped] == ([size] if size else [])
        assert not pack.exists()
        with Landing(root).writer("run") as writer:
            assert writer.land(request(), payload(b"first")).revisit is False


def test_garbage_tail_is_cut(keep: tuple[Path, Path, list[int]]) -> None:
    """Zeros or noise behind the last whole exchange, as a power cut leaves them, are cut; a writer says so."""
    root, pack, ends = keep
    whole = pack.read_bytes()
    for tail in (bytes(5_000), os.urandom(5_000), whole[:300] * 3):
        pack.write_bytes(whole + tail)
        with Landing(root).writer("next") as writer:
            assert [each.bytes for each in writer.dropped] == [len(tail)]
        assert pack.stat().st_size == ends[-1]


def test_readers_pass_over_an_unfinished_tail(keep: tuple[Path, Path, list[int]]) -> None:
    """Before recovery a reader sees what is whole, and only that."""
    root, pack, ends = keep
    third = list(Landing(root).records("run"))[2].ref.digest
    (root / "landing" / "index.sqlite").unlink()
    pack.write_bytes(pack.read_bytes()[: ends[2] - 1])
    assert [each.length for each in Landing(root).records("run")] == [5, 6]
    with pytest.raises(NotFound):
        Landing(root).read(third)


@pytest.mark.parametrize("indexed", [False, True])
def test_damage_in_the_middle_is_named_and_not_cut(keep: tuple[Path, Path, list[int]], indexed: bool) -> None:
    """A wrong bit before the last exchange is told with pack and offset; the bytes stay, the others are readable."""
    root, pack, ends = keep
    whole = pack.read_bytes()
    digests = [each.ref.digest for each in Landing(root).records("run")]
    told = 0
    for at in range(ends[0], ends[1], 29):
        damaged = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        pack.write_bytes(damaged)
        if not indexed:
            (root / "landing" / "index.sqlite").unlink(missing_ok=True)
        found = complaint(lambda: list(Landing(root).records("run")))
        recovering = complaint(Landing(root).recover)
        # What is indexed is not read again. And a few bits of a gzip header mean nothing: then nothing is wrong.
        assert recovering == (None if indexed else found)
        if found:
            assert f"{pack} is corrupt: the record at byte" in found
            told += 1
        assert pack.read_bytes() == damaged
        assert Landing(root).read(digests[0]) == b"first"
        assert Landing(root).read(digests[2]) == b"third"
    assert told > 30


def test_damage_in_the_last_of_what_was_acknowledged_is_not_cut(keep: tuple[Path, Path, list[int]]) -> None:
    """A wrong bit in the newest exchange is no cut tail while the index knows it was acknowledged."""
    root, pack, ends = keep
    data = bytearray(pack.read_bytes())
    data[ends[1] + 400] ^= 1
    pack.write_bytes(data)
    assert Landing(root).recover() == ()
    assert pack.stat().st_size == ends[-1]


def test_cut_pack_that_has_a_successor_is_damage(tmp_path: Path) -> None:
    """A writer made a pack durable before it began the next: a cut in the earlier one is damage, not a tail."""
    with Landing(tmp_path).writer("run", pack_bytes=1) as writer:
        refs = [writer.land(request(), payload(b"%d" % n)) for n in range(2)]
    pack = tmp_path / refs[0].pack
    pack.write_bytes(pack.read_bytes()[:-5])
    with pytest.raises(CorruptFile, match="at byte"):
        Landing(tmp_path).recover()
    with pytest.raises(CorruptFile):
        Landing(tmp_path).writer("next")
    assert Landing(tmp_path).read(refs[1].digest) == b"1"


def test_wrong_payload_byte_is_detected_on_read(tmp_path: Path) -> None:
    """Whichever byte of a record is wrong, reading it never gives other bytes than were landed."""
    body = os.urandom(3_000)
    with Landing(tmp_path).writer("run") as writer:
        ref = writer.land(request(), payload(body))
    pack = tmp_path / ref.pack
    whole = pack.read_bytes()
    caught = 0
    for at in range(ref.offset, len(whole), 7):
        pack.write_bytes(whole[:at] + bytes([whole[at] ^ 0x04]) + whole[at + 1 :])
        given: list[bytes] = []
        if found := complaint(lambda: given.append(Landing(tmp_path).read(ref.digest))):  # noqa: B023  called at once
            assert f"at byte {ref.offset}" in found
            caught += 1
        assert given == ([] if found else [body])
    assert caught > 400


def test_payload_that_was_exchanged_is_detected(tmp_path: Path) -> None:
    """A sound record with another body is not taken for the one asked for: the hash decides."""
    with Landing(tmp_path).writer("run") as writer:
        ref = writer.land(request(), payload(b"A" * 50))
    pack = tmp_path / ref.pack
    good = pack.read_bytes()
    forged = gzip.compress(gzip.decompress(good[ref.offset :]).replace(b"A" * 50, b"B" * 50))
    pack.write_bytes(good[: ref.offset] + forged)
    with pytest.raises(CorruptFile, match="hash"):
        Landing(tmp_path).read(ref.digest)


def test_index_is_rebuilt_the_same(keep: tuple[Path, Path, list[int]]) -> None:
    """An index that is gone, unreadable or half made is made anew from the packs, equal to the one written along."""
    root, _, _ = keep
    with Landing(root).writer("two", pack_bytes=1) as writer:
        for body in (b"first", b"new", b"third", b"new"):
            writer.land(request(source="stooq"), payload(body))
    rows, index = index_rows(root), root / "landing" / "index.sqlite"
    assert len(rows[1]) == 4
    for content in (None, b"", b"no database at all " * 99, index.read_bytes()[:4096]):
        index.unlink()
        if content is not None:
            index.write_bytes(content)
        digest = next(Landing(root).records("two")).ref.digest
        assert Landing(root).read(digest) == b"first"
        assert Landing(root).recover() == ()
        assert index_rows(root) == rows


def test_index_behind_or_ahead_of_the_packs_is_put_right(keep: tuple[Path, Path, list[int]]) -> None:
    """Packs that came or went behind the index's back are found, or forgotten, by readers and by recovery."""
    root, pack, _ = keep
    old = (root / "landing" / "index.sqlite").read_bytes()
    with Landing(root).writer("two") as writer:
        ref = writer.land(request(), payload(b"later"))
        writer.land(request(), payload(b"first"))
    new = index_rows(root)
    (root / "landing" / "index.sqlite").write_bytes(old)
    assert Landing(root).read(ref.digest) == b"later"
    assert len(Landing(root).describe(next(Landing(root).records("run")).ref.digest).again) == 2
    Landing(root).recover()
    assert index_rows(root) == new
    (root / ref.pack).unlink()
    with pytest.raises(NotFound):
        Landing(root).read(ref.digest)
    Landing(root).recover()
    assert index_rows(root)[0] == [(pack.relative_to(root).as_posix(), pack.stat().st_size)]


def test_pack_inside_a_payload_is_not_taken_for_ours(keep: tuple[Path, Path, list[int]]) -> None:
    """A cut record whose body is itself a pack is still a tail: the records inside are another run's."""
    root, pack, _ = keep
    with Landing(root).writer("two") as writer:
        ref = writer.land(request(source="csv"), payload(pack.read_bytes() + os.urandom(2_000)))
    other = root / ref.pack
    other.write_bytes(other.read_bytes()[:-50])
    (dropped,) = Landing(root).recover()
    assert dropped.pack == ref.pack


def test_unclean_exit_acknowledges_nothing_and_loses_nothing_older(tmp_path: Path) -> None:
    """An exception inside the writer's block commits nothing; what was committed before stays."""
    writer = Landing(tmp_path).writer("run")
    ref = writer.land(request(), payload(b"kept"))
    writer.commit()
    writer.land(request(), payload(b"whole, not acknowledged"))
    with pytest.raises(BadInput), writer:
        writer.land(request(source="../"), payload(b""))
    assert [row[1] for row in index_rows(tmp_path)[1]] == [ref.pack]
    assert Landing(tmp_path).recover() == ()
    assert Landing(tmp_path).read(ref.digest) == b"kept"


KILLED = """
    import os, sys
    from pathlib import Path
    from landing_keep import payload, request
    from marketkeep.raw.landing import Landing

    with Landing(Path(sys.argv[1])).writer(sys.argv[2], pack_bytes=100_000) as writer:
        for n in range(10**9):
            bodies = [os.urandom(n % 5_000 + k) + b"x" * n for k in range(n % 4 + 1)] + [b"same"]
            refs = [writer.land(request(source=("yahoo", "stooq")[n % 2]), payload(body)) for body in bodies]
            writer.commit()
            print(*(ref.digest for ref in refs), flush=True)
"""


def test_kill_in_mid_write_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A writer killed at random moments: each digest it printed after a commit is readable, after recovery too."""
    rng = random.Random(7)
    said: set[str] = set()
    for n in range(4):
        with child(KILLED, tmp_path, f"run-{n}") as process:
            assert process.stdout is not None
            said.update(process.stdout.readline().split())
            time.sleep(rng.random() / 4)
            # While the writer is at work a reader gets the very body, which may be an empty one.
            digest = next(iter(said))
            assert hashlib.sha256(Landing(tmp_path).read(digest)).hexdigest() == digest.partition(":")[2]
            process.send_signal(signal.SIGKILL)
            # The last line may be cut by the kill.
            said.update(word for line in process.stdout if line.endswith("\n") for word in line.split())
        before = {digest: Landing(tmp_path).read(digest) for digest in sorted(said)[:50]}
        Landing(tmp_path).recover()
        assert Landing(tmp_path).recover() == ()
        assert before == {digest: Landing(tmp_path).read(digest) for digest in before}
    assert all(Landing(tmp_path).read(digest) is not None for digest in said)
    rows = index_rows(tmp_path)
    shutil.copytree(tmp_path / "landing", tmp_path / "copy" / "landing", ignore=shutil.ignore_patterns("index.*"))
    Landing(tmp_path / "copy").recover()
    assert index_rows(tmp_path / "copy") == rows


FULL = """
    import os, resource, sys
    from pathlib import Path
    from landing_keep import file_facts, payload, request
    from marketkeep.errors import StoreError
    from marketkeep.raw.landing import Landing

    root = Path(sys.argv[1])
    big = root / "big.csv"
    big.write_bytes(os.urandom(400_000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    with Landing(root).writer("run") as writer:
        size = 0
        while True:
            try:
                ref = writer.land(request(), payload(os.urandom(30_000)))
            except StoreError as error:
                assert str(root / ref.pack) in str(error)
                break
            size = (root / ref.pack).stat().st_size
            print(ref.digest)
        assert (root / ref.pack).stat().st_size == size
        print(writer.land(request(), payload(b"small")).digest)
        try:
            writer.land_file(big, **file_facts())
        except StoreError:
            print(writer.land_bytes(b"said", name="x", **file_facts()).digest)
"""


def test_full_disk_loses_only_what_did_not_fit(tmp_path: Path) -> None:
    """A refused write raises `StoreError` and leaves the pack at its last whole record; smaller ones still land."""
    digests = output(FULL, tmp_path)
    assert len(digests) == 8
    assert Landing(tmp_path).recover() == ()
    lengths = [len(Landing(tmp_path).read(digest)) for digest in digests]
    assert lengths == [30_000] * 6 + [5, 4]


def test_failed_flush_takes_back_what_was_not_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk refuses at commit, all since the last commit is taken back, and the writer can go on."""

    def refuse(_: PackFile) -> None:
        raise StoreError("no space left")

    with Landing(tmp_path).writer("run") as writer:
        kept = writer.land(request(), payload(b"kept"))
        writer.commit()
        lost = writer.land(request(), payload(b"lost"))
        with monkeypatch.context() as patch:
            patch.setattr(PackFile, "sync", refuse)
            with pytest.raises(StoreError):
                writer.commit()
        again = writer.land(request(), payload(b"lost"))
    assert (again.digest, again.revisit) == (lost.digest, False)
    assert [each.ref for each in Landing(tmp_path).records("run")] == [kept, again]


def test_recovery_twice_changes_nothing(keep: tuple[Path, Path, list[int]]) -> None:
    """A second recovery finds nothing to do and leaves every file as it was."""
    root, pack, ends = keep
    pack.write_bytes(pack.read_bytes()[: ends[2] + 9])
    assert len(Landing(root).recover()) == 1
    before = tree(root)
    assert Landing(root).recover() == ()
    assert tree(root) == before


LARGE = """
    import re, sys
    from pathlib import Path
    from landing_keep import file_facts
    from marketkeep.raw.landing import Landing

    with Landing(Path(sys.argv[1])).writer("run") as writer:
        ref = writer.land_file(Path(sys.argv[2]), **file_facts())
    with Landing(Path(sys.argv[1])).open(ref.digest) as stream:
        print(sum(len(piece) for piece in iter(lambda: stream.read(1 << 20), b"")))
    Path(sys.argv[1], "landing", "index.sqlite").unlink()
    Landing(Path(sys.argv[1])).recover()
    # getrusage would begin with the high-water mark of the process that started this one.
    print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def test_large_file_is_landed_read_and_recovered_in_bounded_memory(tmp_path: Path) -> None:
    """A file of 200 MB passes through in a fraction of its size."""
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        for n in range(200):
            file.write((b"%09d," % n * 104_858)[: 1 << 20])
    length, megabytes = output(LARGE, tmp_path / "keep", path)
    assert int(length) == 200 << 20
    assert int(megabytes) < 150
