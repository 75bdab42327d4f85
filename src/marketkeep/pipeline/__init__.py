"""Pipeline: the only room that knows both sources and stores. Gaps, collect, land, check, promote, publish."""
