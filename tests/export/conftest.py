"""The keep that the exports' tests share; none of them writes to it."""

from __future__ import annotations

import pytest
from export_keep import export_keep

import marketkeep


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """The keep of `export_keep`."""
    return export_keep(tmp_path_factory.mktemp("export"))
