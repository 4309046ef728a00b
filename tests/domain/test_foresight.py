"""What a policy can give is counted by the engine's own rules, each SME told of for its first reason only."""

from collections.abc import Sequence

from sqlmodel import Session

from broker.domain import pairs, shortlists
from broker.domain.shortlists import foresight
from broker.models import Event, Purpose, Sme, SmeStatus
from matching import Cohort, Profile
from tests import factories


def test_everybody_who_can_have_what_is_asked_is_no_lack(session: Session) -> None:
    event, _ = _cohort(session)
    found = shortlists.foresee(session, event.id, {"min_partners": 1, "min_other_city": 1, "min_other_sector": 1})
    assert (found.matched, found.pairs, list(found.lacks)) == (4, 6, [])


def test_who_has_too_few_possible_partners_is_told_by_kind_and_name(session: Session) -> None:
    event, _ = _cohort(session)

    lacks = _lacks(session, event, {"min_other_city": 3, "min_partners": 3, "min_other_sector": 3})

    # Of three partners each: the two in Berlin have two in another city, the two in games two of another sector.
    assert lacks == {
        "other_city": (3, ["Anna", "bert"]),
        "other_sector": (3, ["Anna", "Celia"]),
    }


def test_a_required_other_city_takes_pairs_away(session: Session) -> None:
    event, _ = _cohort(session)
    found = shortlists.foresee(session, event.id, {"require_other_city": True, "min_other_sector": 0})
    assert found.pairs == 5
    assert {lack.kind: lack.names for lack in found.lacks} == {"partners": ["Anna", "bert"]}


def test_who_speaks_with_nobody_or_says_nothing_is_told_of_once(session: Session) -> None:
    event, _ = _cohort(session)
    factories.register(
        session,
        event,
        factories.make_sme(session, "Mute", city="lisbon", languages=["pt"]),
        factories.make_sme(session, "Silent", city="lisbon", offers=(), needs=(), description=""),
        factories.make_sme(session, "Unasked", city="lisbon", consents=(Purpose.MAILING,)),
    )

    lacks = _lacks(session, event, {"min_partners": 3, "min_other_sector": 0, "min_creative_growth": 0})

    assert lacks == {"silent": (1, ["Silent"]), "language": (1, ["Mute"])}
    assert shortlists.foresee(session, event.id, {}).matched == 6


def test_it_looks_at_the_same_firms_and_pairs_as_a_build_does(session: Session) -> None:
    event, (anna, bert, celia, dora) = _cohort(session)
    pairs.rule(session, "ann", event.id, anna.id, bert.id, "ban")
    pairs.rule(session, "ann", event.id, celia.id, dora.id, "pin")
    anna.sector_code, bert.languages, dora.description, celia.status = None, ["pt"], " ", SmeStatus.PAUSED
    factories.register(session, event, factories.make_sme(session, "Silent", offers=(), needs=(), description=" "))

    for policy in ({}, {"min_other_city": 3}, {"require_other_sector": True, "min_partners": 4}):
        seen = foresight.judge(shortlists.gather(session, event.id).cohort, policy)
        assert shortlists.foresee(session, event.id, policy) == seen


def test_nobody_and_one_lack_nothing(session: Session) -> None:
    event = factories.make_event(session)
    assert shortlists.foresee(session, event.id, {}) == foresight.Foresight(0, 0, [])
    factories.register(session, event, factories.make_sme(session, "Alone"))
    assert _lacks(session, event, {"min_partners": 0, "min_other_city": 0, "min_other_sector": 0}) == {
        "creative_growth": (1, ["Alone"])
    }


def test_more_than_can_be_counted_while_somebody_waits_are_not_counted() -> None:
    one = Profile("1", "N", "berlin", "DE", "games", "creative", "d", (), (), frozenset(), frozenset(), None)
    cohort = Cohort((one,) * (foresight.MOST + 1))
    assert foresight.judge(cohort, {}) == foresight.Foresight(foresight.MOST + 1, None, [])


def _lacks(session: Session, event: Event, policy: dict[str, object]) -> dict[str, tuple[int, Sequence[str]]]:
    return {lack.kind: (lack.wanted, lack.names) for lack in shortlists.foresee(session, event.id, policy).lacks}


def _cohort(session: Session) -> tuple[Event, list[Sme]]:
    """Two of Berlin and two from elsewhere; two in games and two that are not, of which one is creative."""
    event = factories.make_event(session)
    smes = [
        factories.make_sme(session, "Anna", city="berlin", sector="games"),
        factories.make_sme(session, "bert", city="berlin", sector="health"),
        factories.make_sme(session, "Celia", city="rome", sector="games"),
        factories.make_sme(session, "Dora", city="linz", sector="food"),
    ]
    factories.register(session, event, *smes)
    return event, smes
