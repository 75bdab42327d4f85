"""
The vendor gym: a known truth, vendors that serve it in their own wire forms, and faults told in advance.

Tests collect from it over real sockets and compare with the truth. It judges nothing and imports no source of
marketkeep's, so that a parser is never tested against itself.
"""

from gym.faults import KINDS, FaultPlan
from gym.profiles import Profile
from gym.server import Gym, serve
from gym.traffic import Down, Hit, Limit
from gym.truth import Action, Security, Truth
from gym.vendors import all_vendors, some_vendors
from gym.yahoo import Yahoo

__all__ = [
    "KINDS",
    "Action",
    "Down",
    "FaultPlan",
    "Gym",
    "Hit",
    "Limit",
    "Profile",
    "Security",
    "Truth",
    "Yahoo",
    "all_vendors",
    "serve",
    "some_vendors",
]
