"""Publishing: what raw batches touch is resolved anew and written, and the catalog over it."""
