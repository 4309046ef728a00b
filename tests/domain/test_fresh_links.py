"""Fresh links for SMEs: to their own address, for events still open, and nobody learns who is known."""

import base64
import random
import string
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import fresh_links, interests, suppressions
from broker.errors import NotFoundError
from broker.models import AuditEntry, Consent, Email, Event, Purpose, Registration, Sme, SmeStatus
from tests.domain.links import mailed_token
from tests.factories import make_event, make_sme, register

ADDRESS = "ada@firm.example"
SYMBOLS = string.ascii_letters + string.digits + "-_.=~%"


@pytest.fixture
def settings(database: Database) -> Settings:
    database.settings.secret_key = "a secret of this test only, long enough"
    return database.settings


@pytest.fixture
def ada(database: Database) -> Registration:
    """Ada takes part in one event that is ahead and in one that is over; another firm does, too."""
    with database.write() as session:
        sme = make_sme(session, "Ada", email="Ada@firm.example")
        moment = now(session)
        over = make_event(session, "Over", starts_at=moment - timedelta(days=3), ends_at=moment - timedelta(days=1))
        ahead = make_event(session, "Ahead")
        register(session, over, sme)
        register(session, ahead, make_sme(session, "Other"))
        return register(session, ahead, sme)[0]


def ask(database: Database, address: str = ADDRESS, *, renews: bool = False) -> list[Email]:
    with database.write() as session:
        fresh_links.mail(session, database.settings, address, renews=renews)
    with database.read() as session:
        return list(session.exec(select(Email).order_by(Email.id)))  # type: ignore[arg-type]


def renewal(database: Database) -> str:
    ask(database, renews=True)
    return mailed_token(database, "fresh_link", "/link/")


def test_a_link_is_mailed_for_each_event_still_open(database: Database, settings: Settings, ada: Registration) -> None:
    with database.write() as session:
        second = make_event(session, "Later", city="rome")
        register(session, second, session.get_one(Sme, ada.sme_id))
    (mail,) = ask(database, " ADA@firm.example ")

    text = mail.message.decode()
    assert (mail.kind, mail.sme_id, mail.to_address) == ("fresh_link", ada.sme_id, "Ada@firm.example")
    assert mail.subject == "Your links for 2 workshops"
    assert ("Ahead" in text, "Later" in text, "Over" in text) == (True, True, False)
    token = mailed_token(database, "fresh_link", "/s/")
    with database.read() as session:
        assert interests.open_link(session, settings, token).id == ada.id
        assert session.exec(select(AuditEntry.subject)).all() == [f"sme:{ada.sme_id}"]


def test_the_old_link_goes_on_working_unless_it_is_renewed(
    database: Database, settings: Settings, ada: Registration
) -> None:
    old = interests.link(settings, ada).rpartition("/")[2]
    token = renewal(database)
    with database.read() as session:
        assert interests.open_link(session, settings, old).id == ada.id
        assert fresh_links.open_renewal(session, settings, token).id == ada.id
    with database.write() as session:
        renewed = fresh_links.renew(session, settings, token)
        new = interests.link(settings, renewed).rpartition("/")[2]

    with database.write() as session:
        assert interests.open_link(session, settings, new).id == ada.id
        for open_it in (interests.open_link, fresh_links.open_renewal):
            with pytest.raises(NotFoundError):
                open_it(session, settings, old if open_it is interests.open_link else token)
        with pytest.raises(NotFoundError):
            fresh_links.renew(session, settings, token)
    assert mailed_token(database, "fresh_link", "/s/") == new
    with database.read() as session:
        assert session.exec(select(AuditEntry.action)).all() == ["link.mail", "link.renew"]


def test_a_renewal_is_good_for_a_day_and_until_the_event_is_over(
    database: Database, settings: Settings, ada: Registration
) -> None:
    token = renewal(database)
    with database.write() as session:
        expired = fresh_links._renewal(settings, ada, int((now(session) - timedelta(seconds=1)).timestamp()))
        with pytest.raises(NotFoundError, match="older than a day"):
            fresh_links.open_renewal(session, settings, expired)
        assert fresh_links.open_renewal(session, settings, token).id == ada.id
        session.get_one(Event, ada.event_id).ends_at = now(session) - timedelta(seconds=1)
        session.flush()
        with pytest.raises(NotFoundError, match="its workshop is over"):
            fresh_links.open_renewal(session, settings, token)


@pytest.mark.parametrize(
    "why", ["unknown", "no address", "suppressed", "withdrawn", "never agreed", "no event ahead", "not registered"]
)
def test_nobody_is_mailed_who_is_unknown_or_may_not_be(
    database: Database, settings: Settings, ada: Registration, why: str
) -> None:
    with database.write() as session:
        mailing = session.exec(
            select(Consent).where(Consent.sme_id == ada.sme_id, Consent.purpose == Purpose.MAILING)
        ).one()
        match why:
            case "suppressed":
                suppressions.suppress(session, ADDRESS, suppressions.BOUNCED)
            case "withdrawn":
                mailing.withdrawn_at = now(session)
            case "never agreed":
                session.delete(mailing)
            case "no event ahead":
                session.get_one(Event, ada.event_id).ends_at = now(session) - timedelta(seconds=1)
            case "not registered":
                session.delete(session.get_one(Registration, ada.id))
    asked = {"unknown": "no@body.example", "no address": "ada@"}.get(why, ADDRESS)

    assert ask(database, asked) == []
    with database.read() as session:
        assert session.exec(select(AuditEntry)).all() == []


def test_each_firm_of_a_shared_address_gets_its_own_mail(
    database: Database, settings: Settings, ada: Registration
) -> None:
    with database.write() as session:
        sister = make_sme(session, "Sister", email=ADDRESS, status=SmeStatus.PAUSED)
        register(session, session.get_one(Event, ada.event_id), sister)
    mails = ask(database)

    assert [mail.sme_id for mail in mails] == [ada.sme_id, sister.id]
    assert [name in mails[0].message.decode() for name in ("Ada", "Sister")] == [True, False]


def tampered(token: str) -> Iterator[str]:
    """Every bit of it flipped that leaves text, and letters changed, added and left out at random."""
    chance = random.Random(20140324)
    for place in range(len(token)):
        for bit in range(7):
            yield token[:place] + chr(ord(token[place]) ^ (1 << bit)) + token[place + 1 :]
    while True:
        place = chance.randrange(len(token))
        cut = token[:place] + token[place + chance.choice((0, 1, 1, 2)) :]
        yield cut[:place] + "".join(chance.choices(SYMBOLS, k=chance.choice((0, 1, 1, 2)))) + cut[place:]


def accepted(session: Session, settings: Settings, token: str, count: int) -> list[str]:
    """Which of so many forgeries of a token any of our pages would open."""
    found: list[str] = []
    tried = 0
    for forged in tampered(token):
        if forged == token:
            continue
        tried += 1
        for opens in (interests.open_link, fresh_links.open_renewal):
            try:
                opens(session, settings, forged)
                found.append(forged)
            except NotFoundError:
                pass
        if tried == count:
            return found
    return found


@pytest.mark.parametrize("kind", ["page", "renewal"])
def test_of_ten_thousand_tampered_links_none_is_accepted(
    database: Database, settings: Settings, ada: Registration, kind: str
) -> None:
    token = renewal(database) if kind == "renewal" else interests.link(settings, ada).rpartition("/")[2]

    with database.read() as session:
        assert accepted(session, settings, token, 10_000) == []


def test_links_serve_neither_another_purpose_nor_another_event(
    database: Database, settings: Settings, ada: Registration
) -> None:
    token, page = renewal(database), interests.link(settings, ada).rpartition("/")[2]
    with database.write() as session:
        other = register(session, make_event(session, "Another"), session.get_one(Sme, ada.sme_id))[0]
        others = interests.link(settings, other).rpartition("/")[2]
        assert interests.open_link(session, settings, others).event_id == other.event_id != ada.event_id
        with pytest.raises(NotFoundError):
            interests.open_link(session, settings, token)
        with pytest.raises(NotFoundError):
            fresh_links.open_renewal(session, settings, page)
        mixed = [
            ".".join([page.split(".")[0], others.split(".")[1]]),
            ".".join([others.split(".")[0], page.split(".")[1]]),
        ]
        for forged in mixed:
            with pytest.raises(NotFoundError):
                interests.open_link(session, settings, forged)
        session.get_one(Event, ada.event_id).ends_at = now(session) - timedelta(seconds=1)
        session.flush()
        with pytest.raises(NotFoundError):
            interests.open_link(session, settings, page)


def test_a_link_holds_128_random_bits(database: Database, settings: Settings, ada: Registration) -> None:
    payload = interests.link(settings, ada).rpartition("/")[2].split(".")[0]
    key = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode().split('"')[1]
    assert (key, len(bytes.fromhex(key)) * 8) == (ada.link_key, 128)
