"""The demo: 102 invented SMEs of eleven cities, their workshop in Berlin, and accounts to look around with."""

import csv
from datetime import datetime, time, timedelta
from typing import NamedTuple

from sqlmodel import Session, col, select

from broker.config import DATA, Settings
from broker.db import now
from broker.domain import accounts, events, imports, lifecycle, mailings, sheets
from broker.models import Account, City, Event, PastPartner, Review, Role, Sme, SmeStatus

PASSWORD = "cross-innovation"  # noqa: S105 - printed on the demo's own front page
ORGANISER = "organiser@workshop.example"
ADMIN = "admin@network.example"
DEMO = DATA / "demo"


class DemoSignIn(NamedTuple):
    """An account of the demo, for its front page and the terminal."""

    role: str
    email: str
    password: str


def sign_ins() -> list[DemoSignIn]:
    """The accounts worth trying first."""
    return [
        DemoSignIn("Organiser of the workshop in Berlin", ORGANISER, PASSWORD),
        DemoSignIn("Broker of Berlin", broker_email("berlin"), PASSWORD),
        DemoSignIn("Broker of Pilsen", broker_email("pilsen"), PASSWORD),
        DemoSignIn("Administrator", ADMIN, PASSWORD),
    ]


def broker_email(city: str) -> str:
    """The demo broker of a city."""
    return f"{city}@brokers.example"


def load(session: Session, settings: Settings) -> bool:
    """Fill an empty database with the demo; False where there is one already."""
    if session.exec(select(Event.id).limit(1)).first() is not None:
        return False
    organiser = _create_accounts(session)
    content = (DEMO / "smes.csv").read_bytes()
    preview = imports.preview(session, sheets.read("smes.csv", content))
    imports.apply(session, "the demo", preview, source="invented data")
    _remember_past_partners(session)
    _publish(session)
    event = _create_workshop(session, organiser)
    events.register(session, "demo", event.id, events.can_register(session))
    settings.demo_mark.parent.mkdir(parents=True, exist_ok=True)
    settings.demo_mark.write_text("This home holds invented data. `broker demo` made it.\n")
    return True


def _create_accounts(session: Session) -> Account:
    for city in session.exec(select(City).order_by(col(City.code))):
        accounts.create(
            session,
            email=broker_email(city.code),
            name=f"{city.name} broker",
            role=Role.BROKER,
            city_code=city.code,
            password=PASSWORD,
        )
    accounts.create(session, email=ADMIN, name="Network administrator", role=Role.ADMIN, password=PASSWORD)
    return accounts.create(session, email=ORGANISER, name="Workshop organiser", role=Role.ORGANISER, password=PASSWORD)


def _remember_past_partners(session: Session) -> None:
    ids = {sme.name: sme.id for sme in session.exec(select(Sme))}
    with (DEMO / "past_partners.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            a_id, b_id = sorted((ids[row["a"]], ids[row["b"]]))
            session.add(PastPartner(a_id=a_id, b_id=b_id, source="demo"))


def _publish(session: Session) -> None:
    """All were reviewed and published today, but the first two of Pilsen: they wait for a second broker."""
    moment = now(session)
    waiting = select(Sme.id).where(Sme.city_code == "pilsen").order_by(col(Sme.id)).limit(2)
    in_review = set(session.exec(waiting))
    asker = session.exec(select(Account).where(Account.email == broker_email("pilsen"))).one()
    for sme in session.exec(select(Sme)):
        sme.status = SmeStatus.IN_REVIEW if sme.id in in_review else SmeStatus.PUBLISHED
        sme.expires_at = None if sme.id in in_review else moment + lifecycle.LIFE
    session.add_all(Review(sme_id=sme_id, asked_by_id=asker.id, asked_at=moment) for sme_id in sorted(in_review))
    session.flush()


def _create_workshop(session: Session, organiser: Account) -> Event:
    """24 March, like the network's workshop of 2014: the next one that leaves time to answer."""
    today = now(session)
    year = today.year if today + timedelta(days=30) < today.replace(month=3, day=24) else today.year + 1
    start = datetime.combine(today.replace(year=year, month=3, day=24).date(), time(9, 30))
    data = events.parse(
        name="Internationalisation Workshop Berlin",
        city="berlin",
        venue="Festsaal am Kanal, Berlin",
        starts=start,
        ends=start.replace(hour=17, minute=30),
    )
    event = events.create(session, "demo", data, organiser.id)
    # No date for the shortlists: they go as they are approved, so that a visitor sees them arrive.
    plan = mailings.propose(event, today, with_shortlist=False)
    mailings.save(session, "demo", event.id, mailings.filled(plan))
    return event
