"""What a build changes, pins and bans, and lists shorter than asked, as an organiser sees them."""

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from broker.db import Database
from broker.models import Match, MatchRun, PairRule, RunStatus, Shortlist, ShortlistEntry, ShortlistStatus
from tests.web.world import World, make_run

Browse = Callable[..., TestClient]
SPIEL, MEDI, NORD, SOLAR = "Spielwerk", "Medilab Plzeň", "Nordljus Film", "Solar Łódka"


def words(page: str) -> str:
    """The text of a page, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("<main", 1)[1]).split())


def frozen(
    world: World, names: list[str], policy: dict[str, object], **pairs: list[tuple[str, str]]
) -> dict[str, object]:
    ids = {name: world.smes[name].id for name in names}
    return {
        "policy": policy,
        "weights": {"fit": 0.62},
        "profiles": {str(sme_id): 1 for sme_id in ids.values()},
        "pairs": {
            kind: [sorted(world.smes[name].id for name in pair) for pair in rows] for kind, rows in pairs.items()
        },
    }


def build_again(session: Session, world: World) -> MatchRun:
    """A second run: drafts with Spielwerk and Medilab, as before, and a stronger pair of Spielwerk's."""
    old = session.get_one(MatchRun, world.run.id)
    old.frozen = frozen(world, [SPIEL, MEDI, NORD], {"max_partners": 5})
    run = make_run(session, world.event)
    run.frozen = frozen(world, [SPIEL, MEDI, NORD, SOLAR], {"max_partners": 4}, ban=[(MEDI, NORD)])
    run.frozen["profiles"][str(world.smes[NORD].id)] = 2
    lists: dict[int, Shortlist] = {}
    for one, other, strength in ((SPIEL, MEDI, 0.7), (SPIEL, SOLAR, 0.81)):
        a, b = sorted((world.smes[one].id, world.smes[other].id))
        match = Match(run_id=run.id, a_id=a, b_id=b, strength=strength, evidence={})
        session.add(match)
        session.flush()
        for own, partner in ((a, b), (b, a)):
            if own not in lists:
                lists[own] = Shortlist(run_id=run.id, event_id=world.event.id, sme_id=own)
                session.add(lists[own])
                session.flush()
            session.add(ShortlistEntry(shortlist_id=lists[own].id, partner_id=partner, match_id=match.id, rank=1))
    session.flush()
    return run


@pytest.fixture
def rebuilt(database: Database, world: World) -> str:
    """The address of an event with approved lists and drafts of a later build."""
    with database.write() as session:
        build_again(session, world)
    return f"/events/{world.event.id}"


def test_the_first_build_has_nothing_to_be_compared_with(browse: Browse, world: World) -> None:
    page = browse("organiser").get(f"/events/{world.event.id}/diff").text
    assert "This is the first build." in words(page)
    empty = browse("other organiser").get(f"/events/{world.other_event.id}/diff").text
    assert "Build shortlists first." in words(empty)


def test_the_difference_says_what_was_set_otherwise_and_why_each_list_changes(browse: Browse, rebuilt: str) -> None:
    page = words(browse("organiser").get(f"{rebuilt}/diff").text)

    assert "compared with the lists the SMEs see" in page
    assert "4 lists change" in re.sub(r"(lists change) (\d+)", r"\2 \1", page)
    assert "Partners, at most then 5 → now 4" in page
    assert "Ban Medilab Plzeň and Nordljus Film" in page
    assert "1 profile changed Nordljus Film Stockholm version 1 → 2" in page
    assert "1 SME is new Solar Łódka Warsaw" in page
    assert "enters: Solar Łódka Warsaw · 81 % Solar Łódka is new." in page
    assert "leaves: Nordljus Film Stockholm · 70 % The profile of Nordljus Film changed: version 1 → 2." in page
    assert "leaves: Medilab Plzeň Pilsen · 70 % You ruled the pair out." in page


def test_the_difference_is_filtered_by_city(browse: Browse, rebuilt: str) -> None:
    page = browse("organiser").get(f"{rebuilt}/diff", params={"city": "pilsen"}).text
    assert re.findall(r'<a class="name"[^>]*>([^<]+)</a>', page) == [MEDI]


def test_the_approval_tells_how_many_lists_change(browse: Browse, rebuilt: str) -> None:
    page = words(browse("organiser").get(f"{rebuilt}/shortlists").text)
    assert (
        "Against the lists the SMEs see now: 4 lists change, 1 pair new, 2 gone, 1 as before. See who and why" in page
    )


def test_after_the_approval_the_build_before_is_what_is_compared_with(
    browse: Browse, database: Database, rebuilt: str
) -> None:
    organiser = browse("organiser")
    both = organiser.get(f"{rebuilt}/diff").text
    assert ("Against the approved lists" in both, "Against the build before" in both) == (True, True)
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            is_draft = shortlist.status == ShortlistStatus.DRAFT
            shortlist.status = ShortlistStatus.APPROVED if is_draft else ShortlistStatus.REPLACED
    after = organiser.get(f"{rebuilt}/diff").text
    assert "compared with the build before" in words(after)
    assert "Against the approved lists" not in after
    assert "Review and approve" not in after


def test_equal_builds_say_that_every_list_is_as_it_was(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        run = make_run(session, world.event)
        for match in session.exec(select(Match).where(Match.run_id == world.run.id)).all():
            session.add(Match(run_id=run.id, a_id=match.a_id, b_id=match.b_id, strength=0.7))
    assert "Every list is as it was" in browse("organiser").get(f"/events/{world.event.id}/diff").text


def test_a_pair_is_pinned_by_name_with_a_reason_and_lifted(browse: Browse, database: Database, world: World) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/pairs"
    assert "The engine chooses every pair by itself." in organiser.get(address).text

    fields = {"one": "Spielwerk, Berlin", "other": "solar lodka", "kind": "pin", "reason": "Promised <b>"}
    assert organiser.post(address, data=fields).headers["location"] == address
    page = organiser.get(address)
    assert "Pinned: the two are to meet. It takes effect at the next build." in page.text
    assert "The last build does not follow these rules yet" in page.text
    assert '<q class="quiet-text small">Promised &lt;b&gt;</q>' in page.text

    ids = {"one": world.smes[SPIEL].id, "other": world.smes[SOLAR].id}
    assert organiser.post(f"{address}/lift", data=ids).status_code == 303
    assert organiser.post(f"{address}/lift", data=ids).status_code == 409
    with database.read() as session:
        assert session.exec(select(PairRule)).all() == []


def test_a_form_that_cannot_be_used_names_each_field(browse: Browse, database: Database, world: World) -> None:
    fields = {"one": "Nobody", "other": " ", "kind": "like", "reason": "x"}
    answer = browse("organiser").post(f"/events/{world.event.id}/pairs", data=fields)
    assert answer.status_code == 422
    assert re.findall(r'<li><a href="#f-(\w+)">([^<]+)</a>', answer.text) == [
        ("one", "No registered SME is called “Nobody”. Choose one of the list."),
        ("other", "Choose an SME."),
        ("kind", "Choose whether the two must meet or must not meet."),
    ]
    assert 'value="Nobody"' in answer.text
    same = {"one": SPIEL, "other": SPIEL, "kind": "ban"}
    assert "Choose two different SMEs." in browse("organiser").post(f"/events/{world.event.id}/pairs", data=same).text
    long = {"one": SPIEL, "other": MEDI, "kind": "ban", "reason": "x" * 201}
    assert "200 characters at most" in browse("organiser").post(f"/events/{world.event.id}/pairs", data=long).text
    with database.read() as session:
        assert session.exec(select(PairRule)).all() == []


def test_pairs_are_ruled_on_from_a_shortlist(browse: Browse, database: Database, world: World) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/shortlists/{world.smes[SPIEL].id}"
    partner = str(world.smes[MEDI].id)

    answer = organiser.post(f"{address}/pairs", data={"partner": partner, "kind": "ban"})
    assert answer.headers["location"] == f"{address}#partner-{partner}"
    page = words(organiser.get(address).text)
    assert "Banned from the next build on Lift the rule on Medilab Plzeň Pin" in page
    organiser.post(f"{address}/pairs", data={"partner": partner, "kind": "pin"})
    with database.read() as session:
        assert session.exec(select(PairRule.kind)).all() == ["pin"]
    organiser.post(f"{address}/pairs", data={"partner": partner, "kind": "lift"})
    with database.read() as session:
        assert session.exec(select(PairRule)).all() == []


def test_no_rule_is_set_on_an_sme_of_no_or_another_event(browse: Browse, world: World) -> None:
    admin = browse("admin")
    pair = {"one": f"{SPIEL}", "other": MEDI, "kind": "pin"}
    assert admin.post(f"/events/{world.other_event.id}/pairs", data=pair).status_code == 422
    sme, partner = world.smes[SPIEL].id, world.smes[MEDI].id
    address = f"/events/{world.other_event.id}/shortlists/{sme}/pairs"
    assert admin.post(address, data={"partner": partner, "kind": "pin"}).status_code == 422


def test_drafts_older_than_a_rule_are_told_before_they_are_approved(
    browse: Browse, database: Database, world: World, rebuilt: str
) -> None:
    told = "Pins or bans were changed after this build"
    organiser = browse("organiser")
    assert told in organiser.get(f"{rebuilt}/shortlists").text  # its ban was lifted since
    organiser.post(f"{rebuilt}/pairs", data={"one": MEDI, "other": NORD, "kind": "ban"})
    assert told not in organiser.get(f"{rebuilt}/shortlists").text


def test_with_nothing_to_review_the_page_leads_to_the_approved_lists(browse: Browse, world: World) -> None:
    page = browse("organiser").get(f"/events/{world.event.id}/shortlists").text
    assert "Nothing to review" in page
    assert "Build them on the event" not in page
    assert 'href="?status=approved">See the approved lists</a>' in page


def test_short_lists_stand_by_what_is_in_their_way(browse: Browse, database: Database, world: World) -> None:
    short = {
        SPIEL: {"rule": "full", "reason": "all are full", "relaxation": "", "missing": {"partners": 1}},
        MEDI: {"rule": "full", "reason": "all are full", "relaxation": "allow 6 partners", "missing": {"partners": 2}},
        NORD: {"rule": "no_shared_language+same_city", "reason": "no", "missing": {"other_city": 1}},
    }
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            name = next(name for name, sme in world.smes.items() if sme.id == shortlist.sme_id)
            shortlist.shortfall = short[name]
    page = browse("organiser").get(f"/events/{world.event.id}/shortlists", params={"short": "1", "status": "approved"})
    text = words(page.text)
    assert "3 shortlists shorter than asked" in text
    assert re.findall(r'<h2 id="h-group-\d">([^<]+)</h2><span class="quiet-text">([^<]+)<', page.text) == [
        ("Whom they could meet is on enough lists already", "2 SMEs"),
        ("No working language in common – and: Only partners from another city are asked for", "1 SME"),
    ]
    assert "What helps: Allow SMEs to be on more lists." in text
    assert "Medilab Plzeň Pilsen 2 partners All are full. To change that, allow 6 partners." in text


@pytest.mark.parametrize("path", ["diff", "pairs"])
def test_a_page_takes_three_statements_beside_account_and_clock(
    browse: Browse, rebuilt: str, queries_of: Callable[..., int], path: str
) -> None:
    organiser = browse("organiser")
    # The account; an event that is not there is looked for twice.
    least = queries_of(lambda: organiser.get(f"/events/99999/{path}")) - 2
    looks_at_the_clock = {"diff": 1, "pairs": 2}[path]
    assert queries_of(lambda: organiser.get(f"{rebuilt}/{path}")) - least - looks_at_the_clock == 3


def test_a_run_that_is_not_done_is_no_build_to_compare(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        make_run(session, world.event, RunStatus.FAILED)
    assert "This is the first build." in browse("organiser").get(f"/events/{world.event.id}/diff").text
