"""LEAN's map file of a ticker that another company had before."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from gold.told import directory, kept
from marketkeep.export.lean import write_lean
from marketkeep.pipeline.rebuild import rebuild
from small_keep import SmallKeep


def test_end_of_an_earlier_holder_does_not_end_the_map_file(tmp_path: Path) -> None:
    """Trap 30: the first holder's delisting lies before the first bar and is no part of the second one's life."""
    keep = SmallKeep(tmp_path / "keep")
    keep.bars((date(2025, 5, 5), 10.0), (date(2025, 5, 6), 11.0), symbol="REUS")
    old, new = "First Co. - Common Stock", "Second Corp. - Common Stock"
    held = {date(2024, 6, 3) + timedelta(days=n): lines for n, lines in enumerate(({"REUS": old}, {}, {}))}
    for day, lines in {**held, date(2025, 5, 5): {"REUS": new}}.items():
        kept(keep.work.batches, directory(day, lines))
    rebuild(keep.work)
    assert keep.work.lake.ticker_history()["new_symbol"].to_list() == [None]
    write_lean(keep.open(), "REUS", tmp_path / "lean")
    text = (tmp_path / "lean/equity/usa/map_files/reus.csv").read_text()
    assert text.split() == ["20250505,reus", "20501231,reus"]
