"""What an SME is shown of a partner before both said yes, and after."""

from sqlmodel import Session, select

from broker.db import now
from broker.domain import cards
from broker.models import Introduction, Match
from tests import factories


def test_contacts_typed_into_a_statement_are_told_once_both_said_yes(session: Session) -> None:
    own = factories.make_sme(session, "Anna")
    partner = factories.make_sme(session, "Bruno", city="rome")
    event = factories.make_event(session)
    lists = factories.make_shortlists(session, event, (own, partner))
    match = session.exec(select(Match)).one()
    offer = "Bread for 200 guests. Write to bruno@bakery.it, call +39 06 123 45 67 or see bruno.studio"
    match.evidence = match.evidence | {
        way: {"need": "bread (fresh)", "offer": offer, "strength": "good"} for way in ("a_to_b", "b_to_a")
    }
    session.flush()

    def told() -> list[tuple[str, str]]:
        [card] = cards.for_shortlists(session, [lists[own.id]])[own.id]
        return [(quote.need, quote.offer) for quote in (card.you_need, card.they_need) if quote]

    cut = "Bread for 200 guests. Write to [contact] call [number] or see [contact]"
    assert told() == [("bread (fresh)", cut)] * 2
    a_id, b_id = sorted((own.id, partner.id))
    session.add(Introduction(event_id=event.id, a_id=a_id, b_id=b_id, made_at=now(session)))
    session.flush()
    assert told() == [("bread (fresh)", offer)] * 2
