"""
The vendor gym: a known truth, vendors that serve it in their own wire forms, and faults told in advance.

Tests collect from it over real sockets and compare with the truth. It judges nothing and imports no source of
marketkeep's, so that a parser is never tested against itself.
"""

from gym.faults import KINDS, FaultPlan
from gym.server import Gym, Hit, serve
from gym.truth import Action, Security, Truth
from gym.yahoo import Yahoo

__all__ = ["KINDS", "Action", "FaultPlan", "Gym", "Hit", "Security", "Truth", "Yahoo", "serve"]
