"""What the pages read: right figures, and the same number of queries however many rows there are."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlmodel import Session, select

from broker.db import Database, now
from broker.domain.queries import events, invitations, mail, places, registrations, shortlists, smes
from broker.domain.queries.smes import Filters
from broker.models import (
    Account,
    Answer,
    Consent,
    Event,
    Interest,
    Introduction,
    MatchRun,
    Purpose,
    RunStatus,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
    SmeStatus,
)
from broker.models.matches import Match
from broker.models.people import Role
from tests import factories


def test_search_is_by_beginnings_of_words_in_every_text(session: Session) -> None:
    ids = {
        name: factories.make_sme(session, name, city="warsaw", **fields).id
        for name, fields in {
            "Łódka": {"offers": ["AI for hospitals"], "needs": ["shops"]},
            "Retailer": {"description": "We sell things in retail.", "sector": "retail"},
            "Zażółć": {"needs": ["Künstliche Intelligenz"], "offers": []},
        }.items()
    }

    def found(words: str, **more: Any) -> set[str]:
        page = smes.sme_page(session, Filters(city="warsaw", words=words, **more))
        return {row.sme.name for row in page.rows}

    assert found("ai") == {"Łódka"}
    assert found("lodka") == found("ŁÓDKA") == {"Łódka"}
    assert found("zazolc kunst") == {"Zażółć"}
    assert found("retail") == {"Retailer"}
    assert found("ai kunst") == set()
    assert found("", sector="retail") == {"Retailer"}
    assert smes.sme_page(session, Filters(city="rome")).rows == []
    assert len(ids) == 3


def test_the_list_counts_by_status_and_says_what_is_missing(session: Session) -> None:
    factories.make_sme(session, "Whole", readiness=3, markets=["DE"])
    factories.make_sme(session, "Draft", status=SmeStatus.DRAFT, description="", email="", sector=None, consents=())

    page = smes.sme_page(session, Filters(city="berlin"))

    assert page.counts == {SmeStatus.PUBLISHED: 1, SmeStatus.DRAFT: 1}
    missing = {row.sme.name: row.to_complete for row in page.rows}
    assert missing["Whole"] == ["hub"]
    assert {"description", "sector", "contact e-mail", "consent"} <= set(missing["Draft"])
    drafts = smes.sme_page(session, Filters(city="berlin", status=SmeStatus.DRAFT))
    assert [row.sme.name for row in drafts.rows] == ["Draft"]
    assert (drafts.counts, drafts.total) == (page.counts, 1)
    ready = smes.sme_page(session, Filters(city="berlin", readiness=3, status=SmeStatus.DRAFT))
    assert (ready.counts, ready.total, ready.everything) == ({SmeStatus.PUBLISHED: 1}, 0, 2)


@pytest.mark.parametrize("page", [1, 2, 3, 99])
def test_pages_stay_within_their_bounds(session: Session, page: int) -> None:
    for number in range(120):
        factories.make_sme(session, f"Firm {number:03}", city="linz")

    found = smes.sme_page(session, Filters(city="linz"), page)

    assert (found.page, found.pages, found.total) == (min(page, 3), 3, 120)
    assert len(found.rows) == (20 if found.page == 3 else 50)


def test_registrations_are_counted_by_city_without_those_that_are_out(session: Session) -> None:
    event = factories.make_event(session)
    here = factories.make_sme(session, city="rome")
    factories.make_sme(session, city="rome")
    factories.make_sme(session, city="rome", status=SmeStatus.PAUSED)
    gone = factories.make_sme(session, city="linz", status=SmeStatus.EXPIRED)
    factories.register(session, event, here, gone)

    gauges = registrations.gauges(session, event)

    assert {row.city.code: (row.registered, row.possible, row.waiting) for row in gauges} == {
        "rome": (1, 2, 1),
        "linz": (1, 1, 0),
    }


def test_an_events_page_counts_answers_and_names_the_mutual_ones(session: Session) -> None:
    event, _ = _event_with_drafts(session)
    one, other, third = session.exec(select(Sme).order_by(Sme.id).limit(3)).all()  # type: ignore[arg-type]
    for own, partner, answer in (
        (one, other, Answer.INTERESTED),
        (other, one, Answer.INTERESTED),
        (one, third, Answer.NEVER),
    ):
        session.add(
            Interest(
                event_id=event.id or 0,
                sme_id=own.id or 0,
                partner_id=partner.id or 0,
                answer=answer,
                answered_at=now(session),
            )
        )
    a_id, b_id = sorted((one.id or 0, other.id or 0))
    session.add(Introduction(event_id=event.id or 0, a_id=a_id, b_id=b_id, made_at=now(session)))
    session.flush()

    page = events.event_page(session, event)

    assert page.tally.answers == {Answer.INTERESTED: 2, Answer.NEVER: 1}
    assert page.tally.answered == 2
    assert [(row.sme, row.partner, row.mutual) for row in page.newest] == [
        (one.name, third.name, False),
        (other.name, one.name, True),
        (one.name, other.name, True),
    ]
    assert [(row.a.name, row.b.name) for row in page.introductions] == [(one.name, other.name)]
    assert page.tally.lists == {ShortlistStatus.DRAFT: 5}
    assert page.short == 1


def test_figures_count_each_pair_once_by_city_and_by_sector(session: Session) -> None:
    event, _ = _event_with_drafts(session)

    counted = shortlists.figures(session, event.id or 0)

    assert counted is not None
    assert counted.pairs == 3
    assert counted.by_city == {("berlin", "pilsen"): 2, ("berlin", "rome"): 1}
    assert counted.other_city == 3
    assert counted.creative_growth == 2
    assert counted.by_sector == {("games", "health"): 1, ("games", "food"): 1}
    assert shortlists.figures(session, factories.make_event(session).id or 0) is None


def test_an_organiser_sees_the_own_events_and_an_administrator_all(session: Session) -> None:
    own, admin = factories.make_account(session, Role.ORGANISER), factories.make_account(session, Role.ADMIN)
    mine = factories.make_event(session, "Mine", organiser_id=own.id)
    factories.make_event(session, "Nobody's")
    factories.register(session, mine, factories.make_sme(session))

    assert [(row.event.name, row.registered) for row in events.event_list(session, own)] == [("Mine", 1)]
    assert {row.event.name for row in events.event_list(session, admin)} == {"Mine", "Nobody's"}


def test_lists_to_choose_from_come_in_their_order(session: Session) -> None:
    assert [city.name for city in places.cities(session)][:3] == ["Amsterdam", "Berlin", "Birmingham"]
    assert places.sectors(session)[0].code == "games"
    assert places.hubs(session, "berlin") == []


@pytest.mark.parametrize(
    "read",
    [
        lambda session, event, account: smes.sme_page(session, Filters(city=None)),
        lambda session, event, account: smes.sme_page(session, Filters(city=None, words="firm")),
        lambda session, event, account: events.event_list(session, account),
        lambda session, event, account: events.event_page(session, event),
        lambda session, event, account: registrations.gauges(session, event),
        lambda session, event, account: registrations.participants(session, event),
        lambda session, event, account: invitations.city_view(session, event, "linz", ()),
        lambda session, event, account: shortlists.list_page(session, event.id or 0, ShortlistStatus.DRAFT),
        lambda session, event, account: shortlists.figures(session, event.id or 0),
        lambda session, event, account: mail.outbox(session),
    ],
    ids=["smes", "search", "events", "event", "gauges", "participants", "invitees", "shortlists", "figures", "outbox"],
)
def test_a_page_takes_as_many_queries_for_many_rows_as_for_few(
    database: Database, read: Callable[[Session, Event, Account], object]
) -> None:
    with database.write() as session:
        account = factories.make_account(session, Role.ADMIN)
        event, _ = _event_with_drafts(session)
    few = _queries(database, lambda session: read(session, event, account))
    with database.write() as session:
        for _ in range(3):
            factories.make_event(session)
            _more_drafts(session, event)

    assert _queries(database, lambda session: read(session, event, account)) == few


def _event_with_drafts(session: Session) -> tuple[Event, dict[str, str]]:
    """Five SMEs of which two can be mailed, in three pairs; one has no partner."""
    event = factories.make_event(session)
    smes = {
        "hub": factories.make_sme(session, sector="games"),
        "plain": factories.make_sme(session, city="pilsen", sector="health"),
        "silent": factories.make_sme(session, city="rome", sector="food", email=""),
        "refusing": factories.make_sme(session, city="pilsen", sector="design", consents=(Purpose.MATCHING,)),
        "lonely": factories.make_sme(session),
    }
    session.add(
        Consent(
            sme_id=smes["refusing"].id or 0,
            purpose=Purpose.MAILING,
            given_at=now(session),
            recorded_by="test",
            withdrawn_at=now(session),
        )
    )
    factories.register(session, event, *smes.values())
    run = _run(session, event)
    lists = {name: _list(session, event, run, sme) for name, sme in smes.items()}
    for partner in ("plain", "silent", "refusing"):
        _pair(session, run, lists["hub"], smes["hub"], lists[partner], smes[partner])
    lists["lonely"].shortfall = {"reason": "Nobody is left.", "relaxation": ""}
    session.flush()
    return event, {name: sme.name for name, sme in smes.items()}


def _more_drafts(session: Session, event: Event) -> None:
    one, other = factories.make_sme(session), factories.make_sme(session, city="linz")
    factories.register(session, event, one, other)
    run = session.exec(select(MatchRun).where(MatchRun.event_id == event.id)).one()
    _pair(session, run, _list(session, event, run, one), one, _list(session, event, run, other), other)


def _run(session: Session, event: Event) -> MatchRun:
    run = MatchRun(event_id=event.id or 0, status=RunStatus.DONE, created_at=now(session), finished_at=now(session))
    session.add(run)
    session.flush()
    return run


def _list(session: Session, event: Event, run: MatchRun, sme: Sme) -> Shortlist:
    shortlist = Shortlist(run_id=run.id or 0, event_id=event.id or 0, sme_id=sme.id or 0, status=ShortlistStatus.DRAFT)
    session.add(shortlist)
    session.flush()
    return shortlist


def _pair(session: Session, run: MatchRun, list_a: Shortlist, a: Sme, list_b: Shortlist, b: Sme) -> None:
    a_id, b_id = sorted((a.id or 0, b.id or 0))
    match = Match(run_id=run.id or 0, a_id=a_id, b_id=b_id, strength=0.5, evidence={"distance": "near", "missing": []})
    session.add(match)
    session.flush()
    for shortlist, partner in ((list_a, b), (list_b, a)):
        session.add(
            ShortlistEntry(shortlist_id=shortlist.id or 0, partner_id=partner.id or 0, match_id=match.id or 0, rank=1)
        )
    session.flush()


def _queries(database: Database, read: Callable[[Session], object]) -> int:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    sqlalchemy_event.listen(database.engine, "before_cursor_execute", note)
    try:
        with database.read() as session:
            read(session)
    finally:
        sqlalchemy_event.remove(database.engine, "before_cursor_execute", note)
    return sum("PRAGMA" not in statement and "BEGIN" not in statement for statement in seen)
