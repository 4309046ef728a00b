"""The plan on an event's page: its form, its previews, stop and resume."""

import html
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from broker.db import Database
from broker.models import (
    AuditEntry,
    Contact,
    Email,
    EmailStatus,
    Event,
    Mailing,
    MailingKind,
    Registration,
    Shortlist,
    ShortlistStatus,
    Sme,
)
from tests.domain.mail_rows import add_mail
from tests.web.world import World

Browse = Callable[..., TestClient]
BERLIN = ZoneInfo("Europe/Berlin")


def day(world: World, before: int) -> datetime:
    starts: datetime = world.event.starts_at
    return (starts - timedelta(days=before)).astimezone(BERLIN).replace(hour=9, minute=0, second=0, microsecond=0)


def form(world: World, **changes: str) -> dict[str, str]:
    dates = {"shortlist": 14, "reminder": 7, "last_call": 2, "summary": 1}
    fields = {name: f"{day(world, before):%Y-%m-%dT%H:%M}" for name, before in dates.items()}
    return fields | {"opens": "08:00", "closes": "20:00"} | changes


def planned(session: Session) -> dict[MailingKind, datetime]:
    return {row.kind: row.due_at for row in session.exec(select(Mailing))}


def test_a_new_event_proposes_a_plan_and_has_none(browse: Browse, database: Database, world: World) -> None:
    page = browse("organiser").get(f"/events/{world.event.id}").text

    assert "these are proposals, and nothing is sent by date before you save" in page
    for name, value in form(world).items():
        assert f'name="{name}"' in page
        assert f'value="{value}"' in page
    with database.read() as session:
        assert planned(session) == {}


def test_the_plan_is_saved_in_the_time_of_the_city_and_shown(browse: Browse, database: Database, world: World) -> None:
    organiser = browse("organiser")

    answer = organiser.post(f"/events/{world.event.id}/mailings", data=form(world, last_call="", closes="18:30"))

    assert (answer.status_code, answer.headers["location"]) == (303, f"/events/{world.event.id}#mailings")
    page = organiser.get(f"/events/{world.event.id}").text
    assert "The plan is saved." in page
    assert "sent 08:00–18:30 where the recipient is" in page
    with database.read() as session:
        assert planned(session) == {
            MailingKind.SHORTLIST: day(world, 14),
            MailingKind.REMINDER: day(world, 7),
            MailingKind.SUMMARY: day(world, 1),
        }


def test_a_form_that_cannot_be_used_comes_back_filled_and_nothing_is_saved(
    browse: Browse, database: Database, world: World
) -> None:
    fields = form(world, reminder="2020-01-01T09:00", shortlist="", last_call="")

    answer = browse("organiser").post(f"/events/{world.event.id}/mailings", data=fields)

    assert answer.status_code == 422
    assert "Reminder: that time has passed." in answer.text
    assert 'value="2020-01-01T09:00"' in answer.text
    with database.read() as session:
        assert planned(session) == {}


@pytest.mark.parametrize("part", ["html", "text"])
@pytest.mark.parametrize("kind", ["shortlist", "reminder", "last_call"])
def test_a_preview_opens_no_smes_page(browse: Browse, database: Database, world: World, kind: str, part: str) -> None:
    organiser = browse("organiser")

    page = organiser.get(f"/events/{world.event.id}/mailings/{kind}?part={part}")
    frame = organiser.get(f"/events/{world.event.id}/mailings/{kind}/html?to={world.smes['Spielwerk'].id}")

    assert "3 SMEs would get it as things stand" in page.text
    for name in ("Spielwerk", "Medilab Plzeň", "Nordljus Film"):
        assert name in page.text
    assert "Medilab Plzeň" in frame.text
    assert "/s/preview" in frame.text
    assert "sandbox" in frame.headers["content-security-policy"]
    with database.read() as session:
        keys = session.exec(select(Registration.link_key)).all()
        assert session.exec(select(Email).where(Email.kind == kind)).all() == []
    for secret in (*keys, *world.links.values()):
        assert secret not in page.text
        assert secret not in frame.text
    assert organiser.get("/s/preview").status_code == 404


def test_the_summary_is_previewed_for_each_broker(browse: Browse, world: World) -> None:
    other = world.accounts["other broker"]

    page = browse("organiser").get(f"/events/{world.event.id}/mailings/summary?part=text&to={other.id}").text

    assert "2 brokers would get it as things stand" in page
    assert "Pilsen at Internationalisation Workshop: 0 of 1 answered" in html.unescape(page)


@pytest.mark.parametrize("address", ["nonsense", "sign_in", "reminder?to=99999", "reminder/html?to=99999"])
def test_what_is_no_mailing_and_who_gets_none_is_no_page(browse: Browse, world: World, address: str) -> None:
    assert browse("organiser").get(f"/events/{world.event.id}/mailings/{address}").status_code == 404


def test_a_preview_nobody_would_get_says_so(browse: Browse, world: World) -> None:
    other = browse("other organiser")

    assert "Nobody would get it as things stand" in other.get(f"/events/{world.other_event.id}/mailings/reminder").text
    assert other.get(f"/events/{world.other_event.id}/mailings/reminder/html").status_code == 404


def test_stop_and_resume_by_button(browse: Browse, database: Database, world: World) -> None:
    organiser, base = browse("organiser"), f"/events/{world.event.id}"
    organiser.post(f"{base}/mailings", data=form(world))
    with database.write() as session:
        add_mail(session, world.event, world.smes["Spielwerk"], status=EmailStatus.QUEUED)

    assert organiser.post(f"{base}/mailings/shortlist/stop").status_code == 303
    page = organiser.get(base).text
    assert "Shortlist: stopped. Nothing of it is sent until you resume it." in page
    assert f'action="{base}/mailings/shortlist/resume"' in page
    with database.read() as session:
        assert session.exec(select(Email.status).where(Email.kind == "shortlist")).one() == EmailStatus.HELD

    assert organiser.post(f"{base}/mailings/shortlist/resume").status_code == 303
    assert f'action="{base}/mailings/shortlist/stop"' in organiser.get(base).text
    with database.read() as session:
        assert session.exec(select(Email.status).where(Email.kind == "shortlist")).one() == EmailStatus.QUEUED
        done = [row for row in session.exec(select(AuditEntry)) if row.action.startswith("mailing")]
    actor = f"Organiser (account {world.accounts['organiser'].id})"
    assert [(row.action, row.actor) for row in done] == [
        ("mailings.plan", actor),
        ("mailing.stop", actor),
        ("mailing.resume", actor),
    ]


def test_approving_says_when_the_mails_leave(browse: Browse, database: Database, world: World) -> None:
    organiser, base = browse("organiser"), f"/events/{world.event.id}"
    told = []
    for step in ("", "mailings", "mailings/shortlist/stop"):
        if step:
            organiser.post(f"{base}/{step}", data=form(world))
        with database.write() as session:
            for shortlist in session.exec(select(Shortlist).where(Shortlist.event_id == world.event.id)):
                shortlist.status = ShortlistStatus.DRAFT
            for email in session.exec(select(Email).where(Email.kind == "shortlist")):
                session.delete(email)
        page = organiser.get(f"{base}/shortlists").text
        organiser.post(f"{base}/approve", data={"run_id": str(world.run.id)})
        told.append((re.findall(r"The mails [^<.]*", page)[0], organiser.get(base).text))
    date = f"{day(world, 14):%a} {day(world, 14).day} {day(world, 14):%B %Y}, 09:00 (Berlin time)"
    until_then = "at the send hours of their recipients; until then you can move or stop them on the event’s page"
    assert [told for told, _ in told] == [
        "The mails go out at once and cannot be called back",
        f"The mails leave from {date}, {until_then}",
        "The mails are held until you resume the mailing on the event’s page",
    ]
    for (_, page), expected in zip(
        told,
        (
            "3 mails written; they are on their way.",
            f"3 mails written; they leave from {date}, at the send hours.",
            "3 mails written; they are held until you resume the mailing.",
        ),
        strict=True,
    ):
        assert expected in page


@pytest.mark.parametrize("kind", list(MailingKind))
def test_what_people_type_stays_text_in_every_mail(
    browse: Browse, database: Database, world: World, kind: MailingKind
) -> None:
    typed = "<script>alert(1)</script>"
    with database.write() as session:
        for row in (*session.exec(select(Sme)), *session.exec(select(Event)), *session.exec(select(Contact))):
            row.name = typed

    page = browse("organiser").get(f"/events/{world.event.id}/mailings/{kind}/html").text

    assert typed not in page
    assert html.escape(typed) in page


def test_introductions_have_a_row_without_a_date_and_are_stopped_and_resumed(
    browse: Browse, database: Database, world: World
) -> None:
    organiser, base = browse("organiser"), f"/events/{world.event.id}"

    page = organiser.get(base).text
    assert "as soon as both have said yes, at any hour" in page
    assert 'name="introduction"' not in page
    answer = organiser.post(f"{base}/mailings/introduction/stop")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{base}#mailings")
    assert "Introduction: stopped. Nothing of it is sent until you resume it." in organiser.get(base).text
    assert "Stopped: nothing of it is sent" in organiser.get(f"{base}/mailings/introduction").text
    organiser.post(f"{base}/mailings", data=form(world))
    with database.read() as session:
        stopped = {row.kind for row in session.exec(select(Mailing)) if row.stopped_at}
    assert stopped == {MailingKind.INTRODUCTION}
    organiser.post(f"{base}/mailings/introduction/resume")
    with database.read() as session:
        assert {row.stopped_at for row in session.exec(select(Mailing))} == {None}


def test_an_introduction_can_be_seen_before_anybody_has_said_yes(
    browse: Browse, database: Database, world: World
) -> None:
    with database.read() as session:
        addresses = session.exec(select(Contact.email).where(Contact.email != "")).all()
    page = browse("organiser").get(f"/events/{world.event.id}/mailings/introduction?part=text").text

    assert "A sample, to any of" in page
    assert "their contact details are invented until both have said yes" in page
    assert "their.address@firm.example" in page
    assert not any(address in page for address in addresses)


def test_the_zone_is_chosen_in_the_form_and_names_every_time_of_the_event(
    browse: Browse, database: Database, world: World
) -> None:
    organiser, base = browse("organiser"), f"/events/{world.event.id}"

    organiser.post(f"{base}/mailings", data=form(world, zone="Europe/Lisbon"))
    page = organiser.get(base).text

    assert "From, Lisbon time" in page
    assert '<option value="Europe/Lisbon" selected>Lisbon (Europe/Lisbon)</option>' in page
    assert "(Berlin time)" not in page
    assert "The send hours stay on the clocks of each recipient" in page
    with database.read() as session:
        assert planned(session)[MailingKind.REMINDER] == day(world, 7).replace(tzinfo=ZoneInfo("Europe/Lisbon"))
