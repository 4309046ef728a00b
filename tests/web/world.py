"""A small world for the web tests: two brokers, two organisers, an administrator, four SMEs and an approved event."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlmodel import Session, select

from broker.config import Settings
from broker.db import now
from broker.domain import access, accounts, interests, invitations, letters, proposals, sign_ins, subscriptions
from broker.domain.digests import digest
from broker.models import (
    Account,
    Answer,
    Contact,
    Email,
    EmailStatus,
    Event,
    Hub,
    ImportFile,
    Interest,
    Invitation,
    Match,
    MatchRun,
    Registration,
    Review,
    Role,
    RunStatus,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
    SmeStatus,
)
from tests import factories

PASSWORD = "correct horse battery"


@dataclass
class World:
    """Rows by the name tests call them."""

    accounts: dict[str, Account] = field(default_factory=dict)
    smes: dict[str, Sme] = field(default_factory=dict)
    event: Any = None
    other_event: Any = None
    run: Any = None
    registrations: dict[str, Registration] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    unsubscribe: str = ""
    """Spielwerk's, as its mails have it."""
    invitation: str = ""
    """Spielwerk's, which is registered already."""
    import_file: Any = None
    change_set: Any = None
    """Only where a test makes one."""
    email: Any = None
    event_email: Any = None
    """Only where a test sends it."""
    proposal: Any = None
    """Spielwerk's, where a test makes it."""
    handle: str = ""
    """Of a session of somebody who is none of these people."""
    in_review: Any = None
    """Only where a test puts it there."""


def build(session: Session, settings: Settings) -> World:
    """Write the world; the caller commits."""
    world = World()
    for name, role, city in (
        ("broker", Role.BROKER, "berlin"),
        ("other broker", Role.BROKER, "pilsen"),
        ("organiser", Role.ORGANISER, None),
        ("other organiser", Role.ORGANISER, None),
        ("admin", Role.ADMIN, None),
    ):
        world.accounts[name] = accounts.create(
            session,
            email=f"{name.replace(' ', '.')}@network.example",
            name=name.title(),
            role=role,
            city_code=city,
        )
        world.accounts[name].password_hash = _password_hash()
    hub = Hub(city_code="berlin", name="Betahaus Werkstatt")
    session.add(hub)
    session.flush()
    world.smes = {
        "Spielwerk": factories.make_sme(
            session,
            "Spielwerk",
            hub_id=hub.id,
            offers=["game design for exercise and therapy"],
            needs=["a clinical partner to test our rehabilitation game with patients"],
            email="spielwerk@firm.example",
            languages=["de", "en"],
            markets=["CZ", "AT"],
            website="https://spielwerk.example",
        ),
        "Medilab Plzeň": factories.make_sme(
            session,
            "Medilab Plzeň",
            city="pilsen",
            sector="health",
            offers=["dvě kliniky a pacienty pro pilotní ověření terapeutických her"],
            needs=["designéra, který udělá z cvičení hru"],
            languages=["cs", "en", "de"],
            markets=["DE"],
        ),
        "Nordljus Film": factories.make_sme(
            session,
            "Nordljus Film",
            city="stockholm",
            sector="audiovisual",
            offers=["en motion capture-studio med två kameror, ledig i april"],
            needs=["a game that wants real human movement"],
            languages=["sv", "en"],
        ),
        "Solar Łódka": factories.make_sme(session, "Solar Łódka", city="warsaw", sector="clean-energy", email=""),
    }
    world.event = factories.make_event(
        session, "Internationalisation Workshop", organiser_id=world.accounts["organiser"].id, venue="Festsaal"
    )
    world.other_event = factories.make_event(
        session, "Other workshop", city="rome", organiser_id=world.accounts["other organiser"].id
    )
    rows = factories.register(session, world.event, *world.smes.values())
    world.registrations = dict(zip(world.smes, rows, strict=True))
    world.links = {
        name: interests.link(settings, row).removeprefix(settings.public_url)
        for name, row in world.registrations.items()
    }
    contact = session.exec(select(Contact).where(Contact.sme_id == world.smes["Spielwerk"].id)).one()
    world.unsubscribe = subscriptions.link(settings, contact.sme_id, contact.email).removeprefix(settings.public_url)
    invited = Invitation(event_id=world.event.id, sme_id=world.smes["Spielwerk"].id, invited_at=now(session))
    session.add(invited)
    session.flush()
    world.invitation = invitations.link(settings, invited).removeprefix(settings.public_url)
    world.run = make_run(session, world.event)
    for one, other, evidence in PAIRS:
        match_up(session, world, one, other, evidence)
    world.import_file = ImportFile(
        account_id=world.accounts["broker"].id,
        file_name="smes.csv",
        content=b"Firma;Stadt;Branche\nNeuland;Berlin;Design\n",
        city_code="berlin",
        uploaded_at=now(session),
    )
    session.add(world.import_file)
    session.flush()
    somebody = factories.make_account(session, Role.ADMIN, name="Somebody Else")
    world.handle = digest(sign_ins.sign_in(session, somebody))[: access.HANDLE]
    world.email = letters.sign_in(session, settings, world.accounts["broker"], "https://link.example/")
    return world


def await_review(session: Session, world: World) -> None:
    """Give the world an SME of Warsaw that waits for a second broker."""
    sme = factories.make_sme(session, "Cichy Młyn", city="warsaw", status=SmeStatus.IN_REVIEW)
    asker = factories.make_account(session, city="warsaw", name="Warsaw Broker")
    session.add(Review(sme_id=sme.id, asked_by_id=asker.id, asked_at=now(session)))
    session.flush()
    world.in_review = sme


def send_mail(session: Session, world: World) -> None:
    """Give the world a mail of its event that went to Spielwerk."""
    moment, sme = now(session), world.smes["Spielwerk"]
    email = Email(
        key=f"shortlist:{world.event.id}:{sme.id}:0",
        kind="shortlist",
        event_id=world.event.id,
        sme_id=sme.id,
        to_address="spielwerk@firm.example",
        subject="Your shortlist",
        message_id="<sent@service.example>",
        message=b"Subject: Your shortlist\r\n\r\nGood day\r\n",
        status=EmailStatus.SENT,
        created_at=moment,
        next_at=moment,
        deadline=moment + timedelta(days=1),
        sent_at=moment,
    )
    session.add(email)
    session.flush()
    world.event_email = email


def propose(session: Session, world: World, **wished: Any) -> None:
    """Give the world an open proposal of Spielwerk."""
    sme = session.get_one(Sme, world.smes["Spielwerk"].id)
    world.proposal = proposals.propose(session, sme, wished or {"website": "https://new.example", "markets": ["PL"]})


def say_yes(session: Session, world: World, own: str, partner: str) -> None:
    """One SME of the world says that it is interested in another."""
    session.add(
        Interest(
            event_id=world.event.id,
            sme_id=world.smes[own].id,
            partner_id=world.smes[partner].id,
            answer=Answer.INTERESTED,
            answered_at=now(session),
        )
    )
    session.flush()


@lru_cache(maxsize=1)
def _password_hash() -> str:
    """Hashing is slow on purpose; once is enough for all tests."""
    return accounts.hash_password(PASSWORD)


PAIRS = (
    (
        "Spielwerk",
        "Medilab Plzeň",
        {
            "a_to_b": {
                "need": "a clinical partner to test our rehabilitation game with patients",
                "offer": "dvě kliniky a pacienty pro pilotní ověření terapeutických her",
                "strength": "strong",
            },
            "b_to_a": {
                "need": "designéra, který udělá z cvičení hru",
                "offer": "game design for exercise and therapy",
                "strength": "good",
            },
            "distance": "far",
            "missing": [],
        },
    ),
    (
        "Spielwerk",
        "Nordljus Film",
        {
            "a_to_b": None,
            "b_to_a": {
                "need": "a game that wants real human movement",
                "offer": "game design for exercise and therapy",
                "strength": "possible",
            },
            "distance": "close",
            "missing": ["no_shared_language_but:en", "no_market_overlap"],
        },
    ),
    ("Medilab Plzeň", "Nordljus Film", {"a_to_b": None, "b_to_a": None, "distance": "near", "missing": []}),
)


def make_run(session: Session, event: Event, status: RunStatus = RunStatus.DONE) -> MatchRun:
    """A run of an event."""
    moment = now(session)
    run = MatchRun(
        event_id=event.id or 0,
        status=status,
        stage=status.value,
        created_at=moment,
        finished_at=moment if status == RunStatus.DONE else None,
    )
    session.add(run)
    session.flush()
    return run


def add_ring(session: Session, world: World) -> None:
    """A ring of the run's three firms with a list, of which the first step is quoted."""
    quote = {"need": "a clinic for our game", "offer": "Máme dvě kliniky.", "strength": "good", "source": "description"}
    members = [str(world.smes[name].id) for name in ("Spielwerk", "Medilab Plzeň", "Nordljus Film")]
    report = {"rings": [{"members": members, "evidence": [quote, None, None]}], "relaxations": []}
    session.get_one(MatchRun, world.run.id).report = report
    session.flush()


def match_up(
    session: Session,
    world: World,
    one: str,
    other: str,
    evidence: dict[str, Any],
    status: ShortlistStatus = ShortlistStatus.APPROVED,
) -> Match:
    """A match of two SMEs of the world, on the shortlist of each."""
    a, b = sorted((world.smes[one].id or 0, world.smes[other].id or 0))
    match = Match(run_id=world.run.id, a_id=a, b_id=b, strength=0.7, evidence=evidence)
    session.add(match)
    session.flush()
    for own, partner in ((a, b), (b, a)):
        shortlist = _shortlist(session, world, own, status)
        taken = len(session.exec(select(ShortlistEntry).where(ShortlistEntry.shortlist_id == shortlist.id)).all())
        session.add(
            ShortlistEntry(shortlist_id=shortlist.id or 0, partner_id=partner, match_id=match.id or 0, rank=taken + 1)
        )
        session.flush()
    return match


def _shortlist(session: Session, world: World, sme_id: int, status: ShortlistStatus) -> Shortlist:
    found = session.exec(
        select(Shortlist).where(Shortlist.run_id == world.run.id, Shortlist.sme_id == sme_id)
    ).one_or_none()
    if found is None:
        found = Shortlist(run_id=world.run.id, event_id=world.event.id, sme_id=sme_id, status=status)
        session.add(found)
        session.flush()
    return found
