"""The matching engine: profiles and vectors in, explained shortlists out. Knows no web and no database."""

from matching.combination import Weights
from matching.engine import STAGES, build
from matching.evidence import Evidence
from matching.profile import Cohort, Pair, Policy, Profile, pair, sentences, texts
from matching.result import Match, Result, Ring
from matching.shortfall import Shortfall

__all__ = [
    "STAGES",
    "Cohort",
    "Evidence",
    "Match",
    "Pair",
    "Policy",
    "Profile",
    "Result",
    "Ring",
    "Shortfall",
    "Weights",
    "build",
    "pair",
    "sentences",
    "texts",
]
