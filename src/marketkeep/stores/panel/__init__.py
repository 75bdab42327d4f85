"""The panel: the rows of whole markets by period, derived from the published files, for reading across symbols."""
