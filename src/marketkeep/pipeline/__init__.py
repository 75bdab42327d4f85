"""Pipeline: the only room that knows both sources and stores. Runs, ingesting; collecting and publishing below it."""
