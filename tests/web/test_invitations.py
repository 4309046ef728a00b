"""The organiser looks before inviting, and the SME's page changes nothing until a button is pressed."""

from collections.abc import Callable
from datetime import timedelta

from fastapi.testclient import TestClient
from sqlmodel import select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import events, invitations
from broker.models import Event, Hub, Invitation, Registration
from tests import factories
from tests.web.world import World

Browse = Callable[..., TestClient]


def test_looking_says_how_many_would_be_invited_and_only_the_button_invites(
    browse: Browse, database: Database, world: World
) -> None:
    hub = _hub(database)
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/invitations"

    page = " ".join(organiser.get(f"{address}?city=rome&hub={hub}&hub=0&hub=99999").text.split())
    assert "<strong>2 SMEs</strong> of Rome would get the mail" in page
    assert "Roman" not in page
    assert _invited(database, world) == 1
    answer = organiser.post(address, data={"city": "rome", "hub": [str(hub)]})
    assert answer.headers["location"] == f"{address}?city=rome"
    assert _invited(database, world) == 3
    assert "2 SMEs invited. The mails are being written." in organiser.get(f"{address}?city=rome").text
    organiser.post(address, data={"city": "rome", "hub": [str(hub)]})
    assert _invited(database, world) == 3
    assert "Nobody else could be invited." in organiser.get(f"{address}?city=rome").text


def test_the_organisers_words_are_in_the_mail_that_is_shown_and_nothing_in_them_is_markup(
    browse: Browse, world: World
) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/invitations"

    organiser.post(f"{address}/words", data={"words": "Come <b>early</b> & stay"})

    assert "Come &lt;b&gt;early&lt;/b&gt; &amp; stay" in organiser.get(f"{address}/html").text
    assert "/i/preview" in organiser.get(f"{address}/html").text
    too_long = organiser.post(f"{address}/words", data={"words": "x" * 1001})
    assert (too_long.status_code, "at most 1000 letters, not 1001" in too_long.text) == (422, True)
    assert "x" * 1001 in too_long.text


def test_nobody_is_invited_once_registration_is_closed(browse: Browse, database: Database, world: World) -> None:
    hub = _hub(database)
    with database.write() as session:
        session.get_one(Event, world.event.id).register_until = now(session) - timedelta(minutes=1)
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/invitations"

    assert "nobody can be invited any more" in organiser.get(f"{address}?city=rome&hub={hub}").text
    assert organiser.post(address, data={"city": "rome", "hub": [str(hub)]}).status_code == 409
    assert "Registration closed on" in browse().get(world.invitation).text
    assert browse().post(world.invitation, data={"takes_part": "no"}).status_code == 409


def test_an_sme_says_yes_and_no_by_its_link_and_a_look_changes_nothing(
    browse: Browse, database: Database, world: World, settings: Settings
) -> None:
    hub = _hub(database)
    with database.write() as session:
        invitations.invite(session, "ann", world.event.id, "rome", [hub])
        session.flush()
        asked = session.exec(select(Invitation).order_by(Invitation.id.desc())).first()  # type: ignore[attr-defined]
        address = invitations.link(settings, asked).removeprefix(settings.public_url)
    sme = browse()

    page = sme.get(address).text
    assert "Do you take part in Internationalisation Workshop?" in page
    assert not _is_registered(database, world, asked.sme_id)
    assert sme.post(address, data={"takes_part": "yes"}).headers["location"] == address
    assert _is_registered(database, world, asked.sme_id)
    page = sme.get(address).text
    assert "You take part in" in page
    assert "You can change your mind until" in page
    sme.post(address, data={"takes_part": "no"})
    assert not _is_registered(database, world, asked.sme_id)
    assert "<h1>Not this time</h1>" in sme.get(address).text
    assert sme.post(address, data={"takes_part": "maybe"}).status_code == 422
    assert sme.get(address + "x").status_code == 404

    by_hub = " ".join(browse("organiser").get(f"/events/{world.event.id}/invitations?city=rome").text.split())
    assert '<td class="num">1<span class="unit"> not this time</span></td>' in by_hub
    assert "of 3 invited, 0 said yes and 1 not this time" in browse("organiser").get(f"/events/{world.event.id}").text


def test_who_was_taken_off_is_told_so_and_offered_no_button(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        spielwerk = next(row.sme_id for name, row in world.registrations.items() if name.startswith("Spielwerk"))
        events.withdraw(session, "organiser:1", world.event.id, spielwerk)
    sme = browse()

    page = sme.get(world.invitation).text
    assert "You are not registered" in page
    assert "The organiser has taken your firm off this workshop" in page
    assert f'action="{world.invitation}"' not in page
    answer = sme.post(world.invitation, data={"takes_part": "yes"})
    assert (answer.status_code, "please ask your broker" in answer.text) == (409, True)
    assert not _is_registered(database, world, spielwerk)


def test_the_page_asks_the_database_as_often_for_many_smes_as_for_few(
    browse: Browse, database: Database, world: World, queries_of: Callable[..., int]
) -> None:
    hub = _hub(database)
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/invitations?city=rome"
    few = queries_of(lambda: organiser.get(address))
    with database.write() as session:
        for _ in range(30):
            factories.make_sme(session, city="rome", hub_id=hub)

    assert queries_of(lambda: organiser.get(address)) == few


def _hub(database: Database) -> int:
    """A hub of Rome with two SMEs."""
    with database.write() as session:
        hub = Hub(city_code="rome", name="Roma Hub")
        session.add(hub)
        session.flush()
        for number in range(2):
            factories.make_sme(session, f"Roman {number}", city="rome", hub_id=hub.id)
    return hub.id


def _invited(database: Database, world: World) -> int:
    with database.read() as session:
        return len(session.exec(select(Invitation).where(Invitation.event_id == world.event.id)).all())


def _is_registered(database: Database, world: World, sme_id: int) -> bool:
    with database.read() as session:
        found = select(Registration).where(Registration.event_id == world.event.id, Registration.sme_id == sme_id)
        return session.exec(found).first() is not None
