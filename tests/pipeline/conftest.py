"""What several of the pipeline's tests begin with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from vendor_keep import DAYS, SYMBOLS

from marketkeep.pipeline.securities import add_symbols
from small_keep import SmallKeep


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """A keep that follows four symbols and holds nothing yet."""
    made = SmallKeep(tmp_path / "keep", now=datetime(2025, 6, 2, 22, tzinfo=UTC))
    add_symbols(made.work, SYMBOLS, start=DAYS[0])
    return made
