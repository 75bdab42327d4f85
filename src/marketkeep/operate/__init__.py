"""Looking after a keep: the doctor, and how the sources stand."""

from marketkeep.operate.doctor import Health, Problem, examine

__all__ = ["Health", "Problem", "examine"]
