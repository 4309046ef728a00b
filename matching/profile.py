"""What the engine knows of a cohort: profiles, the pairs already ruled on, and the organiser's policy."""

from dataclasses import dataclass

from matching.sentences import sentences

__all__ = ["Cohort", "Pair", "Policy", "Profile", "pair", "sentences", "texts"]

Pair = tuple[str, str]  # two SME ids, the smaller first


@dataclass(frozen=True, slots=True)
class Profile:
    """One SME as the engine sees it; every text or set may be empty, which means *unknown*."""

    id: str
    name: str
    city: str
    country: str  # ISO 3166 alpha-2
    sector: str
    group: str  # 'creative', 'growth' or '' (unknown)
    description: str
    offers: tuple[str, ...]
    needs: tuple[str, ...]
    languages: frozenset[str]  # working languages, ISO 639-1
    markets: frozenset[str]  # countries it wants to sell to, ISO 3166 alpha-2
    readiness: int | None  # readiness for internationalisation, 1..5
    owner: str = ""  # equal and not empty: the same company group


@dataclass(frozen=True, slots=True)
class Policy:
    """What the organiser asks of every shortlist. Minimums hold as far as the candidates allow."""

    min_partners: int = 3
    max_partners: int = 5  # the longest shortlist
    max_lists: int = 8  # the most shortlists one SME may be on; a list and its mirror count once
    min_other_city: int = 2
    min_other_sector: int = 2
    min_creative_growth: int = 1
    require_other_city: bool = False
    require_other_sector: bool = False
    dial: float = 0.5  # 0 deepen … 1 explore: where the inverted U of closeness has its peak

    def __post_init__(self) -> None:
        if not 0 <= self.min_partners <= self.max_partners:
            raise ValueError(
                f"min_partners {self.min_partners} must lie between 0 and max_partners {self.max_partners}"
            )
        if not 0.0 <= self.dial <= 1.0:
            raise ValueError(f"dial {self.dial} must lie between 0 (deepen) and 1 (explore)")

    @property
    def most_partners(self) -> int:
        """The most pairs one SME may be part of: a chosen pair stands on both lists, so both limits bind."""
        return min(self.max_partners, self.max_lists)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Everyone who takes part, with the pairs that are decided already; other ids are ignored, but in `history`."""

    profiles: tuple[Profile, ...]
    banned: frozenset[Pair] = frozenset()
    known: frozenset[Pair] = frozenset()  # they met or worked together before
    pinned: frozenset[Pair] = frozenset()
    history: frozenset[Pair] = frozenset()  # who worked with whom; ids outside `profiles` count as shared partners

    def places(self) -> dict[str, int]:
        """Where each SME stands among the profiles, by id."""
        return {profile.id: i for i, profile in enumerate(self.profiles)}


def pair(a: str, b: str) -> Pair:
    """The two ids as a `Pair`, smaller first."""
    return (a, b) if a < b else (b, a)


def texts(profile: Profile) -> tuple[str, ...]:
    """Every text of a profile that needs a vector, once each: description, its sentences, offers, needs."""
    parts = (profile.description, *sentences(profile.description), *profile.offers, *profile.needs)
    return tuple(dict.fromkeys(part for part in parts if part.strip()))
