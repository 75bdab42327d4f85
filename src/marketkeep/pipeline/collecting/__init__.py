"""Collecting: what is missing, who is asked for it, and how the answers come in."""
