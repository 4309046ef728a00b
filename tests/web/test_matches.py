"""The match list: what is filtered and chosen is on the page and in the files; reminders to who has said nothing."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta

import openpyxl
import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import interests
from broker.models import (
    Answer,
    AuditEntry,
    Contact,
    Email,
    EmailStatus,
    Event,
    ExportLog,
    Match,
    MatchRun,
    RunStatus,
    Shortlist,
    ShortlistStatus,
)
from tests.domain.mail_rows import add_mail
from tests.web.test_runs import words
from tests.web.world import World

Browse = Callable[..., TestClient]
SPIEL, MEDI, NORD = "Spielwerk", "Medilab Plzeň", "Nordljus Film"


@pytest.fixture
def address(world: World) -> str:
    return f"/events/{world.event.id}"


@pytest.fixture
def answered(database: Database, settings: Settings, world: World) -> None:
    """Spielwerk and Medilab said yes to each other, Spielwerk never to Nordljus."""
    with database.write() as session:
        for own, partner, answer in (
            (SPIEL, MEDI, Answer.INTERESTED),
            (MEDI, SPIEL, Answer.INTERESTED),
            (SPIEL, NORD, Answer.NEVER),
        ):
            interests.express(session, settings, world.registrations[own], world.smes[partner].id, answer)


def pairs_of(page: str) -> list[tuple[str, str]]:
    names = re.findall(r'<a class="name"[^>]*>([^<]+)</a>', page)
    return list(zip(names[::2], names[1::2], strict=True))


def test_without_shortlists_the_page_says_what_to_do_first(browse: Browse, world: World) -> None:
    page = browse("other organiser").get(f"/events/{world.other_event.id}/matches").text
    assert "No pair yet" in page


@pytest.mark.usefixtures("answered")
def test_pairs_are_listed_with_their_answers_and_filtered(browse: Browse, address: str) -> None:
    organiser = browse("organiser")
    page = organiser.get(f"{address}/matches").text
    assert sorted(pairs_of(page)) == [(MEDI, NORD), (SPIEL, MEDI), (SPIEL, NORD)]
    assert "Both said yes 1 One yes, the other has not answered 0 Somebody declined 1 Nobody has answered 1" in words(
        page
    )
    assert "2 of 3 SMEs have answered. 1 SME has not" in words(page)

    def found(**asked: str) -> list[tuple[str, str]]:
        return pairs_of(organiser.get(f"{address}/matches", params=asked).text)

    assert found(state="mutual") == [(SPIEL, MEDI)]
    assert found(city="stockholm", sort="name") == [(NORD, MEDI), (NORD, SPIEL)]
    assert found(q="plzen", state="unanswered") == [(MEDI, NORD)]
    assert found(min="71") == []
    assert "No pair fits" in organiser.get(f"{address}/matches", params={"min": "71"}).text
    for least in ("", "²", "-1", "abc"):
        assert found(state="nonsense", sort="nonsense", c="nonsense", city="", min=least) == found()


@pytest.mark.usefixtures("answered")
def test_the_columns_chosen_stay_in_the_address(browse: Browse, address: str) -> None:
    page = browse("organiser").get(f"{address}/matches", params=[("c", "reasons"), ("c", "city,hub")]).text
    assert "c=city%2Creasons%2Chub" in page
    text = words(page)
    assert "Berlin · Betahaus Werkstatt" in text
    assert "Looks for “designéra, který udělá z cvičení hru” – finds “game design for exercise and therapy”." in text
    assert '<th scope="col" class="num">Strength</th>' not in page


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_file_holds_exactly_what_is_filtered_and_chosen_and_is_logged(
    browse: Browse, database: Database, world: World, address: str, form: str
) -> None:
    answer = browse("organiser").post(
        f"{address}/matches/export?city=pilsen&sort=name&c=city,answers", data={"form": form}
    )
    assert answer.headers["content-disposition"] == f'attachment; filename="match-list-event-1.{form}"'
    assert _rows(answer.content, form) == [
        ["sme", "partner", "sme_city", "partner_city", "answer_sme", "answer_partner"],
        [MEDI, NORD, "Pilsen", "Stockholm", "", ""],
        [MEDI, SPIEL, "Pilsen", "Berlin", "interested", "interested"],
    ]
    with database.read() as session:
        log = session.exec(select(ExportLog)).one()
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "event.export")).one()
    assert (log.what, log.format, log.rows, log.actor) == (
        "match list",
        form,
        2,
        f"Organiser (account {world.accounts['organiser'].id})",
    )
    assert entry.detail["columns"] == ["sme", "partner", "sme_city", "partner_city", "answer_sme", "answer_partner"]


def _rows(content: bytes, form: str) -> list[list[str]]:
    if form == "csv":
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    rows = openpyxl.load_workbook(io.BytesIO(content)).active.values
    return [[cell or "" for cell in row] for row in rows]


@pytest.mark.usefixtures("answered")
def test_contacts_leave_only_where_both_said_yes(
    browse: Browse, database: Database, world: World, address: str
) -> None:
    with database.read() as session:
        mails = {row.sme_id: row.email for row in session.exec(select(Contact))}
    organiser = browse("organiser")
    for page in (
        organiser.get(f"{address}/matches?c=contacts").text,
        organiser.post(f"{address}/matches/export?c=contacts", data={"form": "print"}).text,
        organiser.post(f"{address}/matches/export?c=contacts", data={"form": "csv"}).text,
    ):
        shown = {name for name in (SPIEL, MEDI, NORD) if mails[world.smes[name].id] in page}
        assert shown == {SPIEL, MEDI}
    rows = _rows(organiser.post(f"{address}/matches/export?c=contacts", data={"form": "csv"}).content, "csv")
    found = {frozenset(row[:2]): {cell for cell in row if "@" in cell} for row in rows[1:]}
    assert found == {
        frozenset((SPIEL, MEDI)): {mails[world.smes[SPIEL].id], mails[world.smes[MEDI].id]},
        frozenset((SPIEL, NORD)): set(),
        frozenset((MEDI, NORD)): set(),
    }


def test_what_is_printed_has_every_pair_on_one_page_and_is_logged(
    browse: Browse, database: Database, address: str
) -> None:
    page = browse("organiser").post(f"{address}/matches/export?state=unanswered", data={"form": "print"})
    assert "3 pairs · nobody has answered" in words(page.text)
    assert page.text.count('<span class="name">') == 6
    assert "nobody has answered, answers as of" in words(page.text)
    with database.read() as session:
        assert session.exec(select(ExportLog.format)).one() == "print"


def test_what_is_printed_says_by_what_it_was_filtered(browse: Browse, address: str) -> None:
    filters = "q=spiel&city=berlin&sector=games&min=40"
    page = browse("organiser").post(f"{address}/matches/export?{filters}", data={"form": "print"})
    assert " · “spiel” · Berlin · Games · strength at least 40 %, answers as of " in words(page.text)


def test_answers_are_asked_for_again_until_nobody_can_answer(browse: Browse, database: Database, address: str) -> None:
    organiser = browse("organiser")
    part = organiser.get(f"{address}/matches/answers?state=mutual").text
    assert f'hx-get="{address}/matches/answers?state=mutual" hx-trigger="every 30s"' in part
    with database.write() as session:
        for event in session.exec(select(Event)):
            event.answers_until = now(session) - timedelta(minutes=1)
    assert "hx-trigger" not in organiser.get(f"{address}/matches/answers").text


def test_drafts_are_told_from_what_the_smes_see(browse: Browse, database: Database, address: str) -> None:
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            shortlist.status = ShortlistStatus.DRAFT
    assert "3 pairs of the drafts: no SME sees them" in words(browse("organiser").get(f"{address}/matches").text)


def test_approved_lists_come_before_the_drafts_of_a_later_build(
    browse: Browse, database: Database, world: World, address: str
) -> None:
    with database.write() as session:
        run = MatchRun(event_id=world.event.id, status=RunStatus.DONE, created_at=now(session))
        session.add(run)
        session.flush()
        session.add(Shortlist(run_id=run.id, event_id=world.event.id, sme_id=world.smes[SPIEL].id))
        session.add(Match(run_id=run.id, a_id=world.smes[SPIEL].id, b_id=world.smes[MEDI].id, strength=0.9))
    page = browse("organiser").get(f"{address}/matches").text
    assert "3 pairs of the approved shortlists" in words(page)


def _tell(database: Database, world: World, *names: str) -> None:
    """Their shortlists left two days ago."""
    with database.write() as session:
        event = session.get_one(Event, world.event.id)
        for name in names:
            add_mail(session, event, world.smes[name], sent_at=now(session) - timedelta(days=2))


def _reminders(database: Database) -> list[int | None]:
    with database.read() as session:
        return list(session.exec(select(Email.sme_id).where(Email.kind == "reminder").order_by(Email.id)))


@pytest.mark.usefixtures("answered")
def test_who_has_not_answered_is_reminded_once(browse: Browse, database: Database, world: World, address: str) -> None:
    _tell(database, world, NORD)
    organiser = browse("organiser")
    page = organiser.get(f"{address}/unanswered").text
    assert "1 SME without an answer" in page
    assert "Can be reminded" in page

    assert organiser.post(f"{address}/unanswered", data={"whom": "all"}).headers["location"] == f"{address}/unanswered"
    page = words(organiser.get(f"{address}/unanswered").text)
    assert "1 reminder written; each leaves at the send hours of its recipient." in page
    assert "A mail is on its way." in page
    organiser.post(f"{address}/unanswered", data={"whom": "all"})
    told = words(organiser.get(f"{address}/unanswered").text)
    assert "No reminder was written. 1 SME passed over: the reason stands beside each." in told
    assert _reminders(database) == [world.smes[NORD].id]
    with database.read() as session:
        assert session.exec(select(Email.status).where(Email.kind == "reminder")).one() == EmailStatus.QUEUED


def test_only_the_ticked_or_those_of_a_city_are_reminded(
    browse: Browse, database: Database, world: World, address: str
) -> None:
    _tell(database, world, SPIEL, MEDI, NORD)
    organiser = browse("organiser")
    assert "Remind all 3 SMEs" in organiser.get(f"{address}/unanswered").text
    organiser.post(f"{address}/unanswered", data={"whom": "chosen"})
    assert "Nobody was chosen" in organiser.get(f"{address}/unanswered").text
    assert _reminders(database) == []
    organiser.post(f"{address}/unanswered", data={"whom": "chosen", "sme": [str(world.smes[MEDI].id)]})
    assert _reminders(database) == [world.smes[MEDI].id]
    filtered = organiser.post(f"{address}/unanswered", data={"whom": "all", "city": "stockholm"})
    assert filtered.headers["location"] == f"{address}/unanswered?city=stockholm"
    assert _reminders(database) == [world.smes[MEDI].id, world.smes[NORD].id]


@pytest.mark.usefixtures("answered")
def test_everybody_may_have_answered(browse: Browse, world: World) -> None:
    page = browse("other organiser").get(f"/events/{world.other_event.id}/unanswered").text
    assert "Nobody to remind" in page


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(
    ("path", "statements"),
    [("matches", 2), ("matches?c=reasons,contacts,hub&page=9", 3), ("matches/answers", 2), ("unanswered", 2)],
)
def test_a_page_takes_three_statements_at_most_beside_account_and_clock(
    browse: Browse, address: str, queries_of: Callable[..., int], path: str, statements: int
) -> None:
    organiser = browse("organiser")
    # The account; an event that is not there is looked for twice.
    least = queries_of(lambda: organiser.get(f"/events/99999/{path}")) - 2
    looks_at_the_clock = 2 if path == "unanswered" else 1
    assert queries_of(lambda: organiser.get(f"{address}/{path}")) - least - looks_at_the_clock == statements
