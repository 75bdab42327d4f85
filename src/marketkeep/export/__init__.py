"""Export: a keep written in the forms that other tools read from disk. Reads through `query`, collects nothing."""
