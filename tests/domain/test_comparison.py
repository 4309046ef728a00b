"""Two runs compared: who enters or leaves whose list, and the reason that can be told."""

from typing import Any

from broker.domain.comparison import Change, ListChange, Person, Reason, Seen, compare

PEOPLE = {
    1: Person("Ada", "berlin", "games"),
    2: Person("Bea", "rome", "health"),
    3: Person("Cyd", "linz", "design"),
    4: Person("Dan", "berlin", "food"),
    5: Person("Eve", "rome", "music"),
}
ALL = dict.fromkeys(PEOPLE, 1)


def seen(strengths: dict[tuple[int, int], float], **what: Any) -> Seen:
    return Seen(strengths, **({"versions": ALL} | what))


def reasons(change: tuple[Change, ...]) -> list[tuple[int, tuple[Reason, ...]]]:
    return [(one.partner, one.reasons) for one in change]


def test_equal_runs_differ_in_nothing() -> None:
    run = seen({(1, 2): 0.5, (1, 3): 0.4})
    found = compare(run, run, PEOPLE)
    assert (found.lists, found.entered, found.left, found.stayed) == ({}, 0, 0, 2)
    assert (found.new, found.gone, found.changed, found.settings, found.rules) == ((), (), {}, {}, ())


def test_a_better_partner_is_told_with_both_strengths_to_all_three() -> None:
    found = compare(seen({(1, 2): 0.55}), seen({(1, 3): 0.62}), PEOPLE)
    assert found.lists == {
        1: ListChange(
            entered=(Change(3, 0.62, (Reason("better", 2, 0.55, 0.62),)),),
            left=(Change(2, 0.55, (Reason("better", 3, 0.55, 0.62),)),),
        ),
        2: ListChange(left=(Change(1, 0.55, (Reason("better for them", 3, 0.55, 0.62),)),)),
        3: ListChange(entered=(Change(1, 0.62, (Reason("better for them", 2, 0.55, 0.62),)),)),
    }
    assert (found.entered, found.left, found.stayed) == (1, 1, 0)


def test_who_is_new_or_gone_is_the_reason_and_his_places_are_taken_one_each() -> None:
    old = seen({(1, 2): 0.9, (1, 4): 0.8}, versions={1: 1, 2: 1, 3: 1, 4: 1})
    new = seen({(1, 3): 0.5, (1, 5): 0.4}, versions={1: 1, 3: 1, 5: 1})
    found = compare(old, new, PEOPLE)
    assert (found.new, found.gone) == ((5,), (2, 4))
    assert reasons(found.lists[1].left) == [(2, (Reason("gone", 2),)), (4, (Reason("gone", 4),))]
    assert reasons(found.lists[1].entered) == [(3, (Reason("place of", 2),)), (5, (Reason("new", 5),))]


def test_a_changed_profile_is_told_with_its_versions() -> None:
    old = seen({(1, 2): 0.5}, versions=ALL | {2: 3})
    new = seen({(1, 3): 0.4}, versions=ALL | {2: 4})
    found = compare(old, new, PEOPLE)
    assert found.changed == {2: (3, 4)}
    assert reasons(found.lists[1].left) == [(2, (Reason("profile", 2, 3, 4),))]
    assert reasons(found.lists[2].left) == [(1, (Reason("profile", 2, 3, 4),))]


def test_pins_and_bans_that_came_and_went_are_told_of_their_pairs() -> None:
    old = seen({(1, 2): 0.5, (1, 3): 0.1}, pairs={"pin": frozenset({(1, 3)}), "ban": frozenset({(4, 5)})})
    new = seen({(4, 5): 0.3, (2, 3): 0.2}, pairs={"pin": frozenset({(2, 3)}), "ban": frozenset({(1, 2)})})
    found = compare(old, new, PEOPLE)
    assert found.rules == (
        ("pin", (1, 3), False),
        ("pin", (2, 3), True),
        ("ban", (1, 2), True),
        ("ban", (4, 5), False),
    )
    assert reasons(found.lists[1].left) == [(2, (Reason("ban"),)), (3, (Reason("no pin"),))]
    assert reasons(found.lists[4].entered) == [(5, (Reason("no ban"),))]
    assert reasons(found.lists[2].entered) == [(3, (Reason("pin"),))]


def test_a_pinned_newcomer_is_named_to_who_had_to_leave() -> None:
    new = seen({(1, 3): 0.1}, pairs={"pin": frozenset({(1, 3)})})
    found = compare(seen({(1, 2): 0.5}), new, PEOPLE)
    assert reasons(found.lists[1].left) == [(2, (Reason("pinned instead", 3),))]
    assert reasons(found.lists[2].left) == [(1, (Reason("pinned for them", 3),))]


def test_answers_are_told_like_rules_and_a_never_before_a_known() -> None:
    new = seen({}, pairs={"never": frozenset({(1, 2)}), "known": frozenset({(1, 2), (1, 3)})})
    found = compare(seen({(1, 2): 0.5, (1, 3): 0.4}), new, PEOPLE)
    assert reasons(found.lists[1].left) == [(2, (Reason("never"),)), (3, (Reason("known"),))]


def test_a_policy_that_forbids_the_pair_is_its_reason_and_any_other_setting_the_last_one_told() -> None:
    old = seen({(1, 4): 0.5, (1, 2): 0.4}, settings={"require_other_city": False, "max_partners": 5, "gone": 1})
    new = seen({(3, 5): 0.1}, settings={"require_other_city": True, "max_partners": 4})
    found = compare(old, new, PEOPLE)
    assert found.settings == {"require_other_city": (False, True), "max_partners": (5, 4)}
    assert reasons(found.lists[1].left) == [(4, (Reason("require_other_city"),)), (2, (Reason("settings"),))]
    back = compare(new, old, PEOPLE)
    assert reasons(back.lists[4].entered) == [(1, (Reason("require_other_city"),))]


def test_where_nothing_of_the_two_changed_all_lists_are_chosen_together() -> None:
    found = compare(seen({(1, 2): 0.5}), seen({(4, 5): 0.5}), PEOPLE)
    assert reasons(found.lists[1].left) == [(2, (Reason("together"),))]


def test_runs_that_froze_nothing_are_compared_by_their_pairs_alone_and_the_erased_have_no_list() -> None:
    found = compare(Seen({(1, 2): 0.5}), Seen({(1, 3): 0.6}), {1: PEOPLE[1], 3: PEOPLE[3]})
    assert sorted(found.lists) == [1, 3]
    assert (found.new, found.gone) == ((), ())
