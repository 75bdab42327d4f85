"""Derived values: pure functions of gold frames. Touches neither disk nor network."""
