from collections.abc import Iterable

import numpy as np
import pytest

from matching import Cohort, Policy, Shortfall, Weights, build
from matching.obstacle import GIVES_WAY, View, obstacle
from matching.pairs import Mask
from matching.rules import WORDS
from matching.ways import in_words

from .conftest import profile, vectors_of

FOUR = range(4)


def some(places: Iterable[int]) -> Mask:
    return np.isin(np.arange(len(FOUR)), list(places))


def view(
    masks: dict[str, Iterable[int]] | None = None,
    traits: dict[str, Iterable[int]] | None = None,
    limits: tuple[int, ...] = (2, 2, 2, 2),
    **given: Iterable[int],
) -> View:
    """Elm of Rome, whose list has two places, and four others whom nothing keeps away."""
    closed = {rule: some((masks or {}).get(rule, ())) for rule in WORDS}
    kinds = {name: some((traits or {}).get(name, FOUR)) for name in ("partners", "other_city", "other_sector")}
    return View(
        profile=profile("elm", name="Elm", city="Rome", sector="Games"),
        open=~np.any(list(closed.values()), axis=0),
        masks=closed,
        traits=kinds,
        chosen=some(given.get("chosen", ())),
        pinned=some(given.get("pinned", ())),
        full=some(given.get("full", ())),
        limits=np.array(limits),
        wanted={"partners": 2, "other_city": 2, "other_sector": 1},
        most=2,
        longest=2,
    )


def told(seen: View, minimum: str = "other_city", count: int = 1) -> tuple[str, str, str]:
    found = obstacle(seen, minimum, count)
    return found.rule, found.reason, in_words(found.ways, "Elm")


def test_a_list_full_of_pins_is_its_own_obstacle_whoever_else_is_free() -> None:
    assert told(view(chosen=(0, 1), pinned=(0, 1), traits={"other_city": (2, 3)}), count=2) == (
        "own_list",
        "Elm's own list is full: 2 of its 2 places are pinned or asked for",
        "allow 4 partners on a list instead of 2, or release 2 pins for Elm",
    )


def test_a_pin_counts_only_where_it_takes_the_place_of_what_is_lacking() -> None:
    assert told(view(chosen=(0, 1), pinned=(0, 1), traits={"other_city": (1, 2, 3)})) == (
        "own_list",
        "Elm's own list is full: one of its 2 places is pinned or asked for",
        "allow 3 partners on a list instead of 2, or release one pin for Elm",
    )


def test_a_place_that_another_minimum_needs_is_told() -> None:
    seen = view(chosen=(0, 1), traits={"other_city": (1, 2, 3), "other_sector": (0,)})
    assert told(seen) == (
        "own_list",
        "Elm's own list is full: one of its 2 places is needed for another minimum",
        "allow one partner from Rome's own city for Elm, or allow 3 partners on a list instead of 2",
    )


def test_pins_and_another_minimum_together_are_told() -> None:
    seen = view(chosen=(0, 1), pinned=(1,), traits={"other_city": (2, 3), "other_sector": (0,)})
    assert told(seen)[1] == (
        "Elm's own list is full: 2 of its 2 places are pinned, asked for or needed for another minimum"
    )


def test_a_list_shorter_than_its_minimum_is_told() -> None:
    assert told(view(chosen=(0, 1)), "partners") == (
        "own_list",
        "Elm's own list is full: it holds 2 partners at most",
        "allow 3 partners on a list instead of 2",
    )


def test_others_are_said_to_be_full_only_if_all_of_them_are() -> None:
    near = {"other_city": (1, 2, 3)}
    ways = "allow one partner from Rome's own city for Elm, or allow 3 partners on a list instead of 2"
    assert told(view(chosen=(0,), full=(1, 2, 3), traits=near)) == (
        "full",
        "the candidates from another city that Elm could have are already on 2 lists",
        ways,
    )
    assert told(view(chosen=(0,), full=(1, 2), traits=near)) == (
        "others_first",
        (
            "of the 3 candidates from another city that Elm could have, 2 are already on 2 lists, "
            "and the choice that is fairest to all SMEs gives the rest to others"
        ),
        ways,
    )
    assert told(view(chosen=(0,), traits=near)) == (
        "others_first",
        "the choice that is fairest to all SMEs gives the 3 candidates from another city that Elm could have to others",
        ways,
    )


def test_the_lists_of_others_may_be_of_several_lengths() -> None:
    assert told(view(full=FOUR, limits=(2, 2, 4, 2)), "partners")[1] == (
        "every further partner Elm could have is already on 2 to 4 lists"
    )


def test_two_rules_that_close_the_same_candidates_are_named_together() -> None:
    assert told(view(masks={"same_city": FOUR, "no_shared_language": FOUR}), "partners", 2) == (
        "same_city+no_shared_language",
        (
            "4 candidates of Elm left out: the event asks for partners from another city, "
            "and they share no working language"
        ),
        (
            "allow 2 partners from Rome's own city for Elm, and offer an interpreter for 2 partners"
            " or ask Elm for a further language"
        ),
    )


def test_of_several_pairs_of_rules_the_easiest_that_bring_enough_are_named() -> None:
    closed = {"same_city": (0, 1), "banned": (0, 1), "same_sector": (2, 3), "known": (2, 3)}
    assert told(view(masks=closed), "partners", 2)[0] == "same_sector+known"
    assert told(view(masks=closed | {"known": (3,), "same_owner": (2,)}), "partners", 2)[0] == "same_city+banned"


def test_one_rule_alone_goes_before_two_together() -> None:
    closed = {"banned": (0, 1, 2), "same_city": (1, 2, 3), "same_sector": (3,)}
    assert told(view(masks=closed), "partners", 2) == (
        "banned",
        "one candidate of Elm left out: the pair was ruled out",
        "lift the exclusion of one partner for Elm",
    )


def test_three_rules_together_are_named_where_two_bring_nobody() -> None:
    closed = {"same_city": FOUR, "no_shared_language": FOUR, "known": FOUR}
    assert told(view(masks=closed), "partners")[0] == "same_city+no_shared_language+known"


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ((), "no SMEs from another city"),
        ((1,), "only one SME from another city"),
        ((1, 2), "only 2 SMEs from another city"),
    ],
)
def test_too_few_counts_those_who_could_be_asked(there: tuple[int, ...], words: str) -> None:
    assert told(view(traits={"other_city": there}), count=3) == (
        "too_few",
        f"{words} could be asked for Elm",
        "allow 3 partners from Rome's own city for Elm, or register 3 more SMEs from another city",
    )


def test_every_rule_has_its_place_among_those_that_give_way() -> None:
    assert set(GIVES_WAY) == set(WORDS)


def short_of(cohort: Cohort, policy: Policy) -> dict[str, Shortfall]:
    return build(cohort, vectors_of(cohort.profiles), policy, Weights(), seed=1).short


def test_a_run_tells_of_pins_that_fill_a_list() -> None:
    rome = [profile(f"r{i}", city="Rome", name=f"Roma {i}") for i in range(3)]
    linz = [profile(f"l{i}", city="Linz") for i in range(8)]
    cohort = Cohort((*rome, *linz), pinned=frozenset({("r0", "r1"), ("r0", "r2")}))
    short = short_of(cohort, Policy(min_partners=2, max_partners=2, min_other_city=1, min_other_sector=0))["r0"]
    assert (short.missing, short.rule) == ({"other_city": 1}, "own_list")
    assert short.reason == "Roma 0's own list is full: 2 of its 2 places are pinned or asked for"
    assert short.relaxation == "allow 3 partners on a list instead of 2, or release one pin for Roma 0"


def test_a_run_names_two_rules_that_only_together_keep_everybody_out() -> None:
    rome = [profile(str(i), name=f"Roma {i}", city="Rome", languages=frozenset({f"l{i}"})) for i in range(4)]
    policy = Policy(min_partners=1, min_other_city=0, min_other_sector=0, require_other_city=True)
    short = short_of(Cohort(tuple(rome)), policy)["2"]
    assert short.rule == "same_city+no_shared_language"
    assert short.relaxation == (
        "allow one partner from Rome's own city for Roma 2, and offer an interpreter for one partner"
        " or ask Roma 2 for a further language"
    )
