"""Registrations by city: places and gauges, single SMEs withdrawn and back again, all others only counted."""

import re
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

from fastapi.testclient import TestClient
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain.outbox import LEFT
from broker.models import EmailStatus, Event, Hub, Registration, Shortlist, ShortlistStatus, Sme
from tests import factories
from tests.domain.mail_rows import add_mail
from tests.web.world import World

Browse = Callable[..., TestClient]


def test_smes_are_registered_by_city_and_all_at_once_and_never_twice(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        for number in range(3):
            factories.make_sme(session, f"Roman {number}", city="rome")
    organiser = browse("other organiser")
    address = f"/events/{world.other_event.id}/registrations"

    assert "Register all 7 SMEs" in organiser.get(address).text
    organiser.post(address, data={"city": "rome"})
    assert _registered(database, world.other_event.id) == 3
    assert "3 SMEs of Rome registered." in organiser.get(address).text
    organiser.post(address)
    organiser.post(address)
    assert _registered(database, world.other_event.id) == 7


def test_too_many_for_a_citys_places_are_told_and_nobody_is_turned_away(browse: Browse, world: World) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/registrations"

    assert (
        organiser.post(
            f"{address}/places", data={"places_berlin": "0", "places_rome": "4", "places_x": "1"}
        ).status_code
        == 303
    )

    page = " ".join(organiser.get(address).text.split())
    assert "More than there are places:</strong> Berlin 1 too many." in page
    assert '1 of 0<span class="visually-hidden"> places</span>' in page
    assert "4 places left" in page
    assert "Berlin 1 too many" in organiser.get(f"/events/{world.event.id}").text
    organiser.post(f"{address}/places", data={"places_berlin": "1"})
    page = organiser.get(address).text
    assert ">full</span>" in page
    assert "1 too many" not in page


def test_places_that_are_no_number_are_refused_by_city(browse: Browse, world: World) -> None:
    organiser = browse("organiser")
    for wrong in ("-1", "many", "10001", "9" * 400, "²", "000001999999999", "0" * 5_000):
        answer = organiser.post(f"/events/{world.event.id}/registrations/places", data={"places_berlin": wrong})
        assert answer.status_code == 422
        assert "Berlin: expected a whole number from 0 to 10000, or nothing." in answer.text


def test_who_came_after_the_deadline_is_marked_and_can_be_listed_alone(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        late = factories.make_sme(session, "Late Ltd", city="rome")
        event = session.get_one(Event, world.event.id)
        event.register_until = now(session) - timedelta(hours=1)
        for row in session.exec(select(Registration)):
            row.registered_at = now(session) - timedelta(hours=2)
        factories.register(session, event, late)
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/registrations"

    page = organiser.get(address).text
    assert page.count('<span class="tag warn">late</span>') == 1
    assert "Spielwerk" in page
    only = organiser.get(f"{address}?late=1").text
    assert ("Late Ltd" in only, "Spielwerk" in only) == (True, False)


def test_one_sme_is_withdrawn_and_undoing_it_opens_its_link_again(
    browse: Browse, database: Database, world: World
) -> None:
    organiser, sme = browse("organiser"), browse()
    address = f"/events/{world.event.id}/registrations"
    spielwerk = world.smes["Spielwerk"].id

    withdrawn = organiser.post(f"{address}/{spielwerk}/withdraw")

    assert _registered(database, world.event.id) == 3
    assert sme.get(world.links["Spielwerk"]).status_code == 404
    page = organiser.get(withdrawn.headers["location"]).text
    assert "Spielwerk is withdrawn. Build and approve again" in page
    undo = re.search(r'name="undo" value="([^"]+)"', page)
    assert undo is not None
    assert organiser.post(f"{address}/{spielwerk}/withdraw").status_code == 404
    assert organiser.post(f"{address}/undo", data={"undo": undo[1]}).status_code == 303
    assert _registered(database, world.event.id) == 4
    assert "Spielwerk is registered again." in organiser.get(address).text
    assert sme.get(world.links["Spielwerk"]).status_code == 200
    assert organiser.post(f"{address}/undo", data={"undo": undo[1]}).status_code == 409


def _undone(organiser: TestClient, address: str, sme: Sme) -> str:
    """The registrations page after an SME was withdrawn there, and that was undone."""
    withdrawn = organiser.post(f"{address}/{sme.id}/withdraw")
    undo = re.search(r'name="undo" value="([^"]+)"', organiser.get(withdrawn.headers["location"]).text)
    assert undo is not None
    organiser.post(f"{address}/undo", data={"undo": undo[1]})
    return " ".join(organiser.get(address).text.split())


def test_undoing_a_withdrawal_says_how_many_mails_wait_again(
    browse: Browse, database: Database, settings: Settings, world: World
) -> None:
    organiser, address = browse("organiser"), f"/events/{world.event.id}/registrations"
    sme = world.smes["Spielwerk"]
    with database.write() as session:
        run_id = _shortlist(session, world, sme).run_id
        mail = add_mail(session, world.event, sme, status=EmailStatus.SUPPRESSED, sent_at=now(session))
        mail.key, mail.error = f"shortlist:{run_id}", LEFT
        message = EmailMessage()
        message.set_content(settings.public_url + world.links["Spielwerk"])
        mail.message = message.as_bytes()
    told = "Spielwerk is registered again. 1 mail that had ended with the withdrawal waits again."
    assert told in _undone(organiser, address, sme)


def test_undoing_a_withdrawal_says_where_the_sme_has_no_shortlist_any_more(
    browse: Browse, database: Database, world: World
) -> None:
    organiser, address = browse("organiser"), f"/events/{world.event.id}/registrations"
    sme = world.smes["Spielwerk"]
    with database.write() as session:
        _shortlist(session, world, sme).status = ShortlistStatus.REPLACED
    told = "is registered again. It has no approved shortlist, and gets no mail until you build and approve again."
    assert told in _undone(organiser, address, sme)


def test_an_undo_of_another_event_or_of_ones_own_making_registers_nobody(
    browse: Browse, database: Database, world: World
) -> None:
    admin = browse("admin")
    away = admin.post(f"/events/{world.event.id}/registrations/{world.smes['Spielwerk'].id}/withdraw")
    undo = away.headers["location"].partition("undo=")[2]
    for token in (undo, "made-up", ""):
        answer = admin.post(f"/events/{world.other_event.id}/registrations/undo", data={"undo": token})
        assert answer.status_code == 422
    assert _registered(database, world.other_event.id) == 0


def test_who_is_not_registered_is_counted_by_hub_and_sector_and_not_named(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        hub = Hub(city_code="rome", name="Roma Hub")
        session.add(hub)
        session.flush()
        for sector in ("games", "games", "health"):
            factories.make_sme(
                session, f"Secret {sector} {hub.id} {now(session)}", city="rome", sector=sector, hub_id=hub.id
            )
        factories.make_sme(session, "Secret free", city="rome", sector=None)

    page = " ".join(browse("organiser").get(f"/events/{world.event.id}/registrations?city=rome").text.split())

    assert "4 SMEs of Rome not registered" in page
    assert '<th scope="row">Roma Hub</th><td class="num">3</td>' in page
    assert '<th scope="row">no hub</th><td class="num">1</td>' in page
    assert '<th scope="row">Games</th><td class="num">2</td>' in page
    assert "Secret" not in page
    assert "Nobody from Rome is registered yet" in page


def test_the_page_asks_the_database_as_often_for_many_smes_as_for_few(
    browse: Browse, database: Database, world: World, queries_of: Callable[..., int]
) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/registrations"
    few = queries_of(lambda: organiser.get(address))
    with database.write() as session:
        factories.register(session, world.event, *(factories.make_sme(session, city="rome") for _ in range(60)))

    assert queries_of(lambda: organiser.get(address)) == few
    assert "Page 1 of 2" in organiser.get(address).text
    assert "Page 2 of 2" in organiser.get(f"{address}?page=2").text
    assert "Page 1 of 2" in organiser.get(f"{address}?page=99").text


def _shortlist(session: Session, world: World, sme: Sme) -> Shortlist:
    lists = select(Shortlist).where(Shortlist.event_id == world.event.id, Shortlist.sme_id == sme.id)
    return session.exec(lists.where(Shortlist.status == ShortlistStatus.APPROVED)).one()


def _registered(database: Database, event_id: int) -> int:
    with database.read() as session:
        return len(session.exec(select(Registration).where(Registration.event_id == event_id)).all())
