"""The lake: published flat files, their catalog, and the writer's lease."""

from marketkeep.stores.lake import layout, minutes, records
from marketkeep.stores.lake.catalog import Catalog, batch_rows, read_catalog, write_catalog
from marketkeep.stores.lake.lake import Lake
from marketkeep.stores.lake.lease import lease

__all__ = ["Catalog", "Lake", "batch_rows", "layout", "lease", "minutes", "read_catalog", "records", "write_catalog"]
