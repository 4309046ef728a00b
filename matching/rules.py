"""Hard rules: which pairs may not be matched at all, each rule a named boolean over pairs."""

import numpy as np

from matching.facts import Facts, among, equal, shared_languages
from matching.pairs import Mask, Pairs
from matching.profile import Policy

# What a broker reads when a rule is what keeps an SME's list short.
WORDS = {
    "same_owner": "they belong to the same company group",
    "banned": "the pair was ruled out",
    "known": "they know each other already",
    "no_shared_language": "they share no working language",
    "same_city": "the event asks for partners from another city",
    "same_sector": "the event asks for partners from another sector",
    "nothing_to_match": "one of the two profiles says nothing to match on",
}
# A pin is the organiser's decision and outweighs every rule but these.
STRONGER_THAN_PINS = ("same_owner", "banned", "known")


def removed(facts: Facts, policy: Policy, pairs: Pairs) -> dict[str, Mask]:
    """(m,) per rule: the pairs that it removes."""
    return {
        "same_owner": equal(facts.owner, pairs),
        "banned": among(pairs, facts.banned),
        "known": among(pairs, facts.known),
        "no_shared_language": no_shared_language(facts, pairs),
        "same_city": equal(facts.city, pairs) & policy.require_other_city,
        "same_sector": equal(facts.sector, pairs) & policy.require_other_sector,
        "nothing_to_match": facts.silent[pairs.first] | facts.silent[pairs.second],
    }


def allowed(facts: Facts, pairs: Pairs, masks: dict[str, Mask]) -> Mask:
    """(m,) the pairs that may be matched: no rule removes them, or they are pinned and no stronger rule does."""
    pinned = among(pairs, facts.pinned)
    forbidden = np.any([masks[name] for name in STRONGER_THAN_PINS], axis=0)
    return np.asarray(~np.any(list(masks.values()), axis=0) | (pinned & ~forbidden))


def no_shared_language(facts: Facts, pairs: Pairs) -> Mask:
    """(m,) both languages known and none in common; an SME of unknown languages is not excluded."""
    known = np.asarray(facts.languages.any(axis=1))
    return np.asarray((shared_languages(facts, pairs) == 0) & known[pairs.first] & known[pairs.second])
