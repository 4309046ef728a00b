"""The organiser's desk: events, registrations, building, reviewing, approving, exporting."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from broker.db import Database
from broker.domain import cards
from broker.models import Email, Event, ExportLog, Match, MatchRun, RunStatus, Shortlist, ShortlistStatus
from tests import factories
from tests.web.world import World, add_ring

Browse = Callable[..., TestClient]


def test_a_build_is_asked_for_once_and_its_progress_shown_until_it_is_cancelled(
    browse: Browse, database: Database, world: World
) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}"

    assert organiser.post(f"{address}/runs").headers["location"] == f"{address}#shortlists"
    again = organiser.post(f"{address}/runs")
    assert (again.status_code, "being built already" in again.text) == (409, True)
    page = organiser.get(address).text
    assert 'http-equiv="refresh"' in page
    assert "Waiting for a worker" in page
    fragment = organiser.get(f"{address}/progress", headers={"hx-request": "true"})
    assert 'hx-trigger="every 1s"' in fragment.text
    assert "hx-refresh" not in fragment.headers
    run_id = _newest_run(database).id
    organiser.post(f"{address}/runs/{run_id}/cancel")
    assert _newest_run(database).status == RunStatus.CANCELLED

    ended = organiser.get(f"{address}/progress", headers={"hx-request": "true"})
    assert "hx-trigger" not in ended.text
    assert ended.headers["hx-refresh"] == "true"
    assert "The last build was cancelled" in organiser.get(address).text


def test_progress_shows_stage_and_count_and_a_failure_its_reason(
    browse: Browse, database: Database, world: World
) -> None:
    organiser = browse("organiser")
    organiser.post(f"/events/{world.event.id}/runs")
    _change_run(database, status=RunStatus.RUNNING, stage="reading the texts", done=40, total=102)

    page = organiser.get(f"/events/{world.event.id}/progress").text
    assert "Reading the profiles" in page
    assert "40 of 102" in page
    assert '<progress aria-label="Reading the profiles" value="40" max="102">' in page

    _change_run(database, status=RunStatus.FAILED, error="The worker stopped 3 times while building.")
    assert "The worker stopped 3 times while building." in organiser.get(f"/events/{world.event.id}").text


def test_drafts_are_reviewed_one_by_one_and_approved_at_once(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            shortlist.status = ShortlistStatus.DRAFT
            if shortlist.sme_id == world.smes["Nordljus Film"].id:
                shortlist.shortfall = {"reason": "Only two share a language.", "relaxation": "allow one language"}
    organiser = browse("organiser")
    address = f"/events/{world.event.id}"

    page = organiser.get(f"{address}/shortlists").text
    assert "Approve 3 shortlists and send 3 mails" in page
    assert page.count('<span class="tag across">creative × growth</span>') == 4
    assert "Only two share a language. To change that, allow one language." in page
    assert "Spielwerk</a>" not in organiser.get(f"{address}/shortlists", params={"short": "1"}).text
    one = organiser.get(f"{address}/shortlists/{world.smes['Spielwerk'].id}").text
    assert "Spielwerk looks for" in one
    assert "<q>dvě kliniky a pacienty pro pilotní ověření terapeutických her</q>" in one

    stale = organiser.post(f"{address}/approve", data={"run_id": world.run.id + 1})
    assert (stale.status_code, "built again since you looked" in stale.text) == (409, True)
    seen = re.search(r'name="run_id" value="(\d+)"', page)
    assert seen is not None
    assert organiser.post(f"{address}/approve", data={"run_id": seen[1]}).status_code == 303
    assert "Approved. 3 mails written" in organiser.get(address).text
    second = organiser.post(f"{address}/approve", data={"run_id": seen[1]})
    assert (second.status_code, "no draft shortlists" in second.text) == (409, True)
    with database.read() as session:
        assert len(session.exec(select(Email).where(Email.kind == "shortlist")).all()) == 3


def test_short_lists_come_with_advice_and_with_what_the_organiser_could_allow(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        session.get_one(MatchRun, world.run.id).report = {"relaxations": ["allow one partner from Rome for 3 SMEs"]}
        for shortlist in session.exec(select(Shortlist).where(Shortlist.sme_id == world.smes["Nordljus Film"].id)):
            shortlist.shortfall = {"reason": "all are full", "relaxation": "", "advice": "With German 14 more."}
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/shortlists"
    status = {"status": "approved"}

    short = organiser.get(address, params=status | {"short": "1"}).text
    assert "<li>Allow one partner from Rome for 3 SMEs.</li>" in short
    assert "All are full. With German 14 more." in " ".join(short.split())
    assert "To change that" not in short
    assert "Allow one partner from Rome" not in organiser.get(address, params=status).text
    one = organiser.get(f"{address}/{world.smes['Nordljus Film'].id}").text
    assert "With German 14 more." in one


def test_the_reviewer_reads_what_a_strength_is_made_of(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        for match in session.exec(select(Match)):
            match.evidence = match.evidence | {"shares": {"closeness": 0.004, "fit": 0.61, "markets": 0.0, "new": 0.09}}

    page = " ".join(
        browse("organiser").get(f"/events/{world.event.id}/shortlists/{world.smes['Spielwerk'].id}").text.split()
    )
    assert "What the strength of 70 % is made of" in page
    assert page.index("<dt>Needs and offers</dt><dd>61 %") < page.index("<dt>new</dt><dd>9 %")
    assert "<dt>Distance of fields</dt><dd>under 1 %" in page
    assert "Target markets" not in page


def test_rings_are_shown_beside_the_lists_with_a_way_to_each_firm(
    browse: Browse, database: Database, world: World
) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}"
    assert "Exchange rings" not in organiser.get(address).text
    with database.write() as session:
        add_ring(session, world)

    page = " ".join(organiser.get(address).text.split())
    assert "Nothing is mailed for it" in page
    medilab = world.smes["Medilab Plzeň"].id
    assert f'<a href="{address}/shortlists/{medilab}">Medilab Plzeň</a> (Pilsen) writes' in page
    assert "<q>a clinic for our game</q>" in page
    assert page.count(" looks for</span>") == 3


def test_the_page_says_who_cannot_be_mailed_before_anything_is_approved(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            shortlist.status = ShortlistStatus.DRAFT
        session.add(Shortlist(run_id=world.run.id, event_id=world.event.id, sme_id=world.smes["Solar Łódka"].id))

    page = browse("organiser").get(f"/events/{world.event.id}/shortlists").text

    assert "Approve 4 shortlists and send 3 mails" in page
    assert "Solar Łódka: no partner was found" in page


def test_answers_and_introductions_appear_as_they_come(browse: Browse, world: World) -> None:
    sme, organiser = browse(), browse("organiser")
    for own, other in (("Spielwerk", "Medilab Plzeň"), ("Medilab Plzeň", "Spielwerk")):
        sme.post(f"{world.links[own]}/answers/{world.smes[other].id}", data={"answer": "interested"})
    sme.post(f"{world.links['Spielwerk']}/answers/{world.smes['Nordljus Film'].id}", data={"answer": "known"})

    page = organiser.get(f"/events/{world.event.id}").text

    assert page.count(">mutual</span>") == 2
    assert "Know each other" in page
    assert "<b>Spielwerk</b>" in page.split('id="introductions"')[1]


@pytest.mark.parametrize("what", ["matches", "answers", "participants"])
def test_exports_are_files_for_a_spreadsheet_and_are_written_down(
    browse: Browse, database: Database, world: World, what: str
) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/export"

    as_csv = organiser.post(address, data={"what": what, "form": "csv"})
    as_xlsx = organiser.post(address, data={"what": what, "form": "xlsx"})

    assert as_csv.headers["content-disposition"] == f'attachment; filename="{what}-event-{world.event.id}.csv"'
    assert as_csv.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(as_csv.content.decode("utf-8-sig"))))
    assert rows[0][0] == "sme"
    assert as_xlsx.content.startswith(b"PK")
    assert organiser.get(address).status_code == 405
    with database.read() as session:
        assert [(row.what, row.format) for row in session.exec(select(ExportLog).order_by(col(ExportLog.id)))] == [
            (what, "csv"),
            (what, "xlsx"),
        ]
    assert organiser.post(address, data={"what": "passwords", "form": "csv"}).status_code == 422


def test_the_pictures_have_their_figures_beside_them(browse: Browse, world: World) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}"

    assert "<title>Berlin – Pilsen: 1 pair</title>" in organiser.get(address).text
    page = organiser.get(f"{address}/picture").text
    assert "<title>Berlin – Pilsen: 1 pair</title>" in page
    assert '<tr><th scope="row">Berlin – Pilsen</th><td class="num">1</td></tr>' in page
    assert '<th scope="row">Games</th><td class="h9">1</td>' in page
    assert "1 pair is not in it: 1 creative × creative, 0 growth × growth." in page.replace("\N{NO-BREAK SPACE}", " ")
    by_city = page.split('aria-label="City by city"')[1].split("</table>")[0]
    none = '<td class="h0"><span class="visually-hidden">0</span></td>'
    assert f'<th scope="row">Berlin</th>{none}<td class="h9">1</td><td class="h9">1</td></tr>' in by_city


def test_the_picture_can_show_those_who_both_said_yes_instead(browse: Browse, world: World) -> None:
    organiser, sme = browse("organiser"), browse()
    address = f"/events/{world.event.id}/picture?of=yes"
    assert "As soon as two SMEs say yes to each other" in organiser.get(address).text

    for own, other in (("Spielwerk", "Medilab Plzeň"), ("Medilab Plzeň", "Spielwerk")):
        sme.post(f"{world.links[own]}/answers/{world.smes[other].id}", data={"answer": "interested"})

    page = organiser.get(address).text
    assert "<title>Berlin – Pilsen: 1 pair</title>" in page
    assert "Stockholm –" not in page


def test_the_page_shows_where_the_event_stands_and_one_thing_to_do(
    browse: Browse, database: Database, world: World
) -> None:
    address = f"/events/{world.other_event.id}"
    empty = browse("other organiser").get(address).text
    assert '<li class="now" aria-current="step"><a href="/events/2/registrations">Register</a>' in empty
    assert f'<a class="button" href="{address}/registrations">Say who takes part</a>' in empty
    with database.write() as session:
        factories.register(session, session.get_one(Event, world.other_event.id), *world.smes.values())

    ready = browse("other organiser").get(address).text
    assert f'<form method="post" action="{address}/runs">' in ready
    assert ready.count("Build shortlists</button>") == 1


def test_the_review_page_asks_the_database_as_often_for_many_shortlists_as_for_few(
    browse: Browse, database: Database, world: World, queries_of: Callable[..., int]
) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/shortlists?status=approved"
    few = queries_of(lambda: organiser.get(address))
    with database.write() as session:
        for number in range(20):
            sme = factories.make_sme(session, f"Firm of many {number}", city="rome")
            session.add(
                Shortlist(
                    run_id=world.run.id,
                    event_id=world.event.id,
                    sme_id=sme.id or 0,
                    status=ShortlistStatus.APPROVED,
                )
            )

    assert queries_of(lambda: organiser.get(address)) == few


def test_distances_have_a_picture_each() -> None:
    assert set(cards.DISTANCE) == {"close", "near", "far"}


def _newest_run(database: Database) -> MatchRun:
    with database.read() as session:
        run = session.exec(select(MatchRun).order_by(col(MatchRun.id).desc())).first()
    assert run is not None
    return run


def _change_run(database: Database, **values: object) -> None:
    newest = _newest_run(database).id
    with database.write() as session:
        run = session.get_one(MatchRun, newest)
        for name, value in values.items():
            setattr(run, name, value)
        session.add(run)
