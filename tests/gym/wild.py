"""
A truth whose prices are as wild as real ones: fat tails, calm and stormy times, quarterly days of news, and volume
that comes with them. Nothing is wrong with it; who calls it wrong gives a false alarm.

Daily log returns get a draw of Student's t with three degrees of freedom on top, scaled by a volatility that wanders
(the logarithm of it an autoregression), and every 63rd session one four times as large. Prices are cents.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gym.truth import History, Truth

_USUAL = 0.006
_PERSISTENCE, _UNREST = 0.98, 0.1
_NEWS_EVERY, _NEWS = 63, 4.0
_BACK = 0.01
_LOWEST, _STREAM = 100, 1_000_007


class Wild(Truth):
    """The truth of the same seed and symbols, with wilder prices; actions, listings and halts are the same."""

    def history(self, symbol: str) -> History:
        """One symbol's truth as arrays."""
        if symbol not in self._histories:
            calm = super().history(symbol)
            self._histories[symbol] = _stirred(calm)
        return self._histories[symbol]


def _stirred(calm: History) -> History:
    rng = np.random.default_rng([calm.seed, calm.security.number, _STREAM])
    moves = _moves(rng, len(calm.close))
    path, level = np.empty(len(moves)), 0.0
    for at, move in enumerate(moves.tolist()):
        level = (1 - _BACK) * level + move
        path[at] = level
    times = np.exp(path)
    cents = {
        name: np.maximum(np.round(getattr(calm, name) * times), _LOWEST).astype(np.int64)
        for name in ("open", "high", "low", "close")
    }
    volume = (calm.volume // 100 * np.exp(np.minimum(np.abs(moves) * 12, 3.0))).astype(np.int64) * 100
    return replace(calm, **cents, volume=np.maximum(volume, 100))


def _moves(rng: Any, count: int) -> Any:
    """What is added to each session's log return."""
    unrest = rng.normal(0.0, _UNREST, count)
    storm, calm = np.empty(count), 0.0
    for at, shock in enumerate(unrest.tolist()):
        calm = _PERSISTENCE * calm + shock
        storm[at] = calm
    moves = _USUAL * np.exp(storm) * rng.standard_t(3, count)
    moves[int(rng.integers(_NEWS_EVERY)) :: _NEWS_EVERY] *= _NEWS
    return np.clip(moves, -0.7, 0.7)
