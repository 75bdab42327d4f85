"""
Rebuild: all published files and the catalog made again from raw alone. The same bytes come out.
"""

from __future__ import annotations

from marketkeep.pipeline.publishing.absorb import Absorbed, clear_published
from marketkeep.pipeline.run import run
from marketkeep.pipeline.workspace import Workspace


def rebuild(work: Workspace) -> Absorbed:
    """
    Take away what is derived and derive it again. Corrupt raw batches are left out and named in the result.

    Cut short, it is finished by the next run of any kind.
    """
    with run(work, "rebuild", {}, over_catalog=False) as one:
        clear_published(work)
    return one.absorbed
