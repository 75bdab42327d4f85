"""The lake: published flat files and their catalog."""

from marketkeep.stores.lake import layout, minutes, records
from marketkeep.stores.lake.catalog import Catalog, batch_rows, read_catalog, touching, write_catalog
from marketkeep.stores.lake.lake import Lake

__all__ = ["Catalog", "Lake", "batch_rows", "layout", "minutes", "read_catalog", "records", "touching", "write_catalog"]
