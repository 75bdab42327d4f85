"""Stores: where gold is published and read back. Today the lake of flat files."""
