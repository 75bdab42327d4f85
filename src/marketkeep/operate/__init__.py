"""Operate: keeping a keep in order. Today the doctor, which reads all and says what is wrong."""

from marketkeep.operate.doctor import Health, Problem, examine

__all__ = ["Health", "Problem", "examine"]
