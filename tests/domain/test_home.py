"""A city's home: what needs its brokers today."""

import itertools
from datetime import timedelta

from sqlmodel import Session, select

from broker.db import now
from broker.domain.queries.home import Home, city_home
from broker.models import (
    Answer,
    Contact,
    Email,
    EmailStatus,
    Event,
    Interest,
    Introduction,
    Proposal,
    ProposalStatus,
    Purpose,
    Review,
    ReviewOutcome,
    ShortlistStatus,
    Sme,
    SmeStatus,
)
from tests import factories


def tasks(home: Home) -> dict[str, list[str]]:
    """The names of each task, in its order."""
    assert all(task.count >= len(task.first) for task in home.tasks)
    return {task.reason: [sme.name for sme in task.first] for task in home.tasks}


def listed(session: Session, event: Event, *smes: Sme) -> None:
    """The SMEs are registered, each with the next one on an approved shortlist."""
    factories.register(session, event, *smes)
    for shortlist in factories.make_shortlists(session, event, *itertools.pairwise(smes)).values():
        shortlist.status = ShortlistStatus.APPROVED
    session.flush()


def mail(session: Session, sme: Sme, status: EmailStatus, kind: str = "shortlist") -> None:
    """A mail to the SME's address of today."""
    moment = now(session)
    contact = session.exec(select(Contact).where(Contact.sme_id == sme.id)).one()
    number = len(session.exec(select(Email.id)).all())
    session.add(
        Email(
            key=f"mail:{number}",
            kind=kind,
            sme_id=sme.id,
            to_address=contact.email.upper(),
            subject="Hello",
            message_id=f"<{number}@x>",
            message=b"",
            status=status,
            created_at=moment,
            next_at=moment,
            deadline=moment,
        )
    )
    session.flush()


def test_nothing_needs_a_city_whose_profiles_are_published_and_without_an_event(session: Session) -> None:
    factories.make_sme(session, "Anna", consents=())

    home = city_home(session, "berlin")
    assert (home.smes, home.tasks, home.cases, home.cases_count, home.events) == (1, [], [], 0, [])
    assert city_home(session, "rome").smes == 0


def test_profiles_are_told_by_what_they_wait_for(session: Session) -> None:
    for number in range(6):
        factories.make_sme(session, f"Draft {number}", status=SmeStatus.DRAFT)
    factories.make_sme(session, "Ready", status=SmeStatus.IN_REVIEW)
    factories.make_sme(session, "Elsewhere", city="rome", status=SmeStatus.IN_REVIEW)
    moment = now(session)
    factories.make_sme(session, "Oldest", expires_at=moment + timedelta(days=15, hours=1))
    factories.make_sme(session, "Old", expires_at=moment + timedelta(days=25))
    factories.make_sme(session, "Young", expires_at=moment + timedelta(days=35))
    factories.make_sme(session, "Resting", status=SmeStatus.PAUSED, expires_at=moment + timedelta(days=15))
    factories.make_sme(session, "Over", status=SmeStatus.EXPIRED, expires_at=moment - timedelta(days=59))
    factories.make_sme(session, "Long over", status=SmeStatus.EXPIRED, expires_at=moment - timedelta(days=61))

    home = city_home(session, "berlin")
    assert tasks(home) == {
        "finish": ["Draft 0", "Draft 1", "Draft 2", "Draft 3"],
        "review": ["Ready"],
        "expiring": ["Over", "Oldest", "Old"],
        "read": [],
    }
    finish, _, expiring, read = home.tasks
    assert read.count == 1  # of another city, so it is not told by name
    assert (finish.count, finish.first[0].until) == (6, None)
    until = expiring.first[1].until
    assert until is not None
    assert (until - moment).days == 15
    assert tasks(city_home(session, None))["review"] == ["Elsewhere", "Ready"]


def test_what_smes_ask_for_and_what_second_brokers_said_is_told(session: Session) -> None:
    leaving, wishing, sent_back, asked_again, confirmed = (
        factories.make_sme(session, name, status=status)
        for name, status in (
            ("Leaving", SmeStatus.PUBLISHED),
            ("Wishing", SmeStatus.PUBLISHED),
            ("Sent back", SmeStatus.DRAFT),
            ("Asked again", SmeStatus.DRAFT),
            ("Confirmed", SmeStatus.REVIEWED),
        )
    )
    moment = now(session)
    leaving.erasure_asked_at = moment - timedelta(days=10)
    session.add(Proposal(sme_id=wishing.id, version=1, after={"description": "New"}, made_at=moment))
    session.add(Proposal(sme_id=confirmed.id, version=1, status=ProposalStatus.DECLINED, made_at=moment))
    asker = factories.make_account(session)
    session.flush()
    for sme, *outcomes in (
        (sent_back, ReviewOutcome.WITHDRAWN, ReviewOutcome.SENT_BACK),
        (asked_again, ReviewOutcome.SENT_BACK, ReviewOutcome.WITHDRAWN),
        (confirmed, ReviewOutcome.SENT_BACK, ReviewOutcome.CONFIRMED),
    ):
        for outcome in outcomes:
            session.add(Review(sme_id=sme.id, asked_by_id=asker.id, asked_at=moment, outcome=outcome))
            session.flush()

    home = city_home(session, "berlin")
    assert tasks(home) == {
        "erasure": ["Leaving"],
        "proposal": ["Wishing"],
        "sent_back": ["Sent back"],
        "finish": ["Asked again"],
        "publish": ["Confirmed"],
    }
    assert home.tasks[0].first[0].until == leaving.erasure_asked_at + timedelta(days=30)
    assert tasks(city_home(session, "rome")) == {}


def test_the_days_left_are_counted_in_the_zone_of_the_event_that_closes_first(session: Session) -> None:
    far = factories.make_event(session, city="lisbon", answers_until=now(session) + timedelta(days=3))
    near = factories.make_event(session, city="tallinn", answers_until=now(session) + timedelta(days=2))
    ada, bruno = (factories.make_sme(session, name) for name in ("Ada", "Bruno"))
    for event in (far, near):
        factories.register(session, event, ada, bruno)
        for shortlist in factories.make_shortlists(session, event, (ada, bruno)).values():
            shortlist.status = ShortlistStatus.APPROVED
    session.flush()
    factories.make_sme(session, "Carla", status=SmeStatus.EXPIRED, expires_at=now(session))
    home = city_home(session, "berlin")
    assert [(task.reason, [sme.zone for sme in task.first]) for task in home.tasks] == [
        ("answer", ["Europe/Tallinn", "Europe/Tallinn"]),
        ("expiring", ["Europe/Berlin"]),
    ]


def test_who_has_partners_and_has_not_answered_is_told_with_the_deadline(session: Session) -> None:
    anna, ada, bruno, silent = (
        factories.make_sme(session, name, city=city)
        for name, city in (("Anna", "berlin"), ("Ada", "berlin"), ("Bruno", "rome"), ("Without a list", "berlin"))
    )
    later, sooner, over = (
        factories.make_event(session, answers_until=now(session) + timedelta(days=days)) for days in (9, 3, -1)
    )
    listed(session, later, ada, bruno, anna)
    listed(session, sooner, bruno, anna)
    listed(session, over, anna, ada)
    factories.register(session, later, silent)

    [task] = city_home(session, "berlin").tasks
    assert (task.reason, task.count) == ("answer", 2)
    assert [(sme.name, sme.until) for sme in task.first] == [
        ("Anna", sooner.answers_until), ("Ada", later.answers_until),
    ]  # fmt: skip
    session.add(
        Interest(event_id=later.id, sme_id=ada.id, partner_id=bruno.id, answer=Answer.NEVER, answered_at=now(session))
    )
    session.flush()
    assert tasks(city_home(session, "berlin")) == {"answer": ["Anna"]}
    anna.status = SmeStatus.PAUSED
    session.flush()
    assert tasks(city_home(session, "berlin")) == {}


def test_mail_that_failed_counts_until_another_arrives_or_the_address_is_another(session: Session) -> None:
    names = ("Failed", "Arrived later", "Other address", "For the broker", "Sent")
    smes = {name: factories.make_sme(session, name) for name in names}
    for name in names[:3]:
        mail(session, smes[name], EmailStatus.FAILED)
    mail(session, smes["Arrived later"], EmailStatus.SENT)
    mail(session, smes["For the broker"], EmailStatus.FAILED, kind="undelivered")
    mail(session, smes["Sent"], EmailStatus.SENT)
    contact = session.exec(select(Contact).where(Contact.sme_id == smes["Other address"].id)).one()
    contact.email = "another@firm.example"
    session.flush()

    assert tasks(city_home(session, "berlin")) == {"mail": ["Failed"]}


def test_a_missing_consent_matters_before_an_event(session: Session) -> None:
    factories.make_sme(session, "Half", consents=(Purpose.MATCHING,))
    factories.make_sme(session, "Resting", consents=(), status=SmeStatus.PAUSED)
    assert tasks(city_home(session, "berlin")) == {}
    factories.make_event(session, city="rome")

    assert tasks(city_home(session, "berlin")) == {"consents": ["Half"]}


def test_coming_events_are_told_with_how_the_city_stands(session: Session) -> None:
    anna, ada, bruno = (
        factories.make_sme(session, name, city=city)
        for name, city in (("Anna", "berlin"), ("Ada", "berlin"), ("Bruno", "rome"))
    )
    moment = now(session)
    factories.make_event(session, "Over", ends_at=moment - timedelta(hours=1), starts_at=moment - timedelta(days=2))
    second = factories.make_event(session, "Second", starts_at=moment + timedelta(days=40))
    first = factories.make_event(session, "First", city="rome", starts_at=moment + timedelta(days=20))
    factories.register(session, second, anna, ada, bruno)
    for sme, partner in ((anna, bruno), (anna, ada), (bruno, anna)):
        session.add(
            Interest(
                event_id=second.id, sme_id=sme.id, partner_id=partner.id, answer=Answer.INTERESTED, answered_at=moment
            )
        )
    session.add(Introduction(event_id=second.id, a_id=anna.id, b_id=bruno.id, made_at=moment))
    session.flush()

    home = city_home(session, "berlin")
    assert [(row.event.id, row.city.name, row.registered, row.answered, row.introduced) for row in home.events] == [
        (first.id, "Rome", 0, 0, 0),
        (second.id, "Berlin", 2, 1, 1),
    ]
    assert home.cases_count == 2  # Ada is waited for, and nobody follows up Anna and Bruno
    assert [(row.registered, row.answered) for row in city_home(session, None).events] == [(0, 0), (3, 2)]
