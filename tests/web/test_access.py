"""Who may open what: every route of the application × everybody who might ask."""

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from broker.db import Database
from broker.domain import changes
from broker.models import Sme
from tests.web.world import World, await_review, propose, say_yes, send_mail

PEOPLE = (
    "anonymous",
    "SME",
    "other SME",
    "organiser",
    "other organiser",
    "broker",
    "other broker",
    "admin",
)
EVERYBODY = dict.fromkeys(PEOPLE, 200)
SIGN_IN = {"anonymous": 303, "SME": 303, "other SME": 303}
"""Who is not signed in is led to the sign-in page; an SME never is, it has a link instead."""


def only(status: int, *people: str) -> dict[str, int]:
    """Signed-in people not named get 404, as if there were nothing."""
    return dict.fromkeys(PEOPLE, 404) | SIGN_IN | dict.fromkeys(people, status)


# In the demo world; "broker", "organiser" and "SME" are those the rows belong to. A POST is sent as its page sends it,
# but to a request that changes nothing (an empty form, a run that has ended), so that every person finds the same.
EXPECTED: dict[str, dict[str, int]] = {
    "GET /health": EVERYBODY,
    "GET /api": EVERYBODY,
    "GET /metrics": dict.fromkeys(PEOPLE, 404),  # signed in or not: only a token opens it
    "GET /": {
        **dict.fromkeys(("anonymous", "SME", "other SME"), 200),
        **dict.fromkeys(("organiser", "other organiser", "broker", "other broker", "admin"), 303),
    },
    "GET /sign-in": {
        **dict.fromkeys(("anonymous", "SME", "other SME"), 200),
        **dict.fromkeys(("organiser", "other organiser", "broker", "other broker", "admin"), 303),
    },
    "POST /sign-in": dict.fromkeys(PEOPLE, 422),
    "POST /sign-in/link": dict.fromkeys(PEOPLE, 422),
    "GET /sign-in/link/{token}": dict.fromkeys(PEOPLE, 404),
    "POST /sign-in/link/{token}": dict.fromkeys(PEOPLE, 404),
    "POST /sign-out": dict.fromkeys(PEOPLE, 303),
    "POST /sign-out/everywhere": dict.fromkeys(PEOPLE, 303),
    "GET /account/tokens": dict.fromkeys(PEOPLE, 200) | SIGN_IN,
    "POST /account/tokens": dict.fromkeys(PEOPLE, 422) | SIGN_IN,
    "POST /account/tokens/{token_id}/revoke": dict.fromkeys(PEOPLE, 404) | SIGN_IN,
    "GET /password": EVERYBODY,
    "POST /password": dict.fromkeys(PEOPLE, 422),
    "GET /password/{token}": dict.fromkeys(PEOPLE, 404),
    "POST /password/{token}": dict.fromkeys(PEOPLE, 404),
    "GET /invitation/{token}": dict.fromkeys(PEOPLE, 404),
    "POST /invitation/{token}": dict.fromkeys(PEOPLE, 404),
    "GET /link": EVERYBODY,
    "POST /link": dict.fromkeys(PEOPLE, 422),
    "GET /link/{token}": dict.fromkeys(PEOPLE, 404),
    "POST /link/{token}": dict.fromkeys(PEOPLE, 404),
    "GET /account": EVERYBODY | SIGN_IN,
    "POST /account": dict.fromkeys(PEOPLE, 422) | SIGN_IN,
    "POST /account/password": dict.fromkeys(PEOPLE, 422) | SIGN_IN,
    "POST /account/sign-ins/{handle}/end": only(404),  # of somebody else: not even the administrator
    "GET /accounts": only(200, "admin"),
    "POST /accounts": only(422, "admin"),
    "GET /accounts/{account_id}": only(200, "admin"),
    "POST /accounts/{account_id}": only(422, "admin"),
    "POST /accounts/{account_id}/deactivate": only(303, "admin"),
    "POST /accounts/{account_id}/invite": only(409, "admin"),
    "POST /accounts/{account_id}/reactivate": only(303, "admin"),
    "GET /account/webhooks": dict.fromkeys(PEOPLE, 200) | SIGN_IN,
    "POST /account/webhooks": dict.fromkeys(PEOPLE, 422) | SIGN_IN,
    "POST /account/webhooks/{webhook_id}/test": dict.fromkeys(PEOPLE, 404) | SIGN_IN,
    "POST /account/webhooks/{webhook_id}/off": dict.fromkeys(PEOPLE, 404) | SIGN_IN,
    "POST /account/webhooks/{webhook_id}/on": dict.fromkeys(PEOPLE, 404) | SIGN_IN,
    "POST /account/webhooks/{webhook_id}/delete": dict.fromkeys(PEOPLE, 404) | SIGN_IN,
    "GET /outbox": EVERYBODY,
    "GET /outbox/{email_id}": EVERYBODY,
    "GET /outbox/{email_id}/html": EVERYBODY,
    "GET /s/{token}": EVERYBODY,  # the link is the key; SME and other SME each hold their own
    "POST /s/{token}/answers/{partner_id}": {**dict.fromkeys(PEOPLE, 303), "other SME": 404},
    "GET /s/{token}/profile": EVERYBODY,
    "POST /s/{token}/profile": dict.fromkeys(PEOPLE, 422),
    "POST /s/{token}/profile/withdraw": {**dict.fromkeys(PEOPLE, 303), "other SME": 404},
    "GET /s/{token}/data": EVERYBODY,
    "GET /s/{token}/data.json": EVERYBODY,
    "POST /s/{token}/pause": dict.fromkeys(PEOPLE, 303),
    "POST /s/{token}/resume": dict.fromkeys(PEOPLE, 303),
    "POST /s/{token}/erasure": dict.fromkeys(PEOPLE, 303),
    "POST /s/{token}/erasure/undo": dict.fromkeys(PEOPLE, 303),
    "GET /u/{token}": EVERYBODY,  # so is this one; it works once more as often as it is used
    "POST /u/{token}": EVERYBODY,
    "POST /u/{token}/undo": dict.fromkeys(PEOPLE, 303),
    "GET /city": only(200, "broker", "other broker", "admin"),
    "GET /introductions": only(200, "broker", "other broker", "admin"),
    "GET /introductions/rings": only(200, "broker", "other broker", "admin"),
    # Of a pair between two cities; both brokers own it.
    "POST /introductions/{event_id}/{sme_id}/{partner_id}/notes": only(422, "broker", "other broker", "admin"),
    "POST /introductions/{event_id}/{sme_id}/{partner_id}/follow": only(303, "broker", "other broker", "admin"),
    "GET /smes": only(200, "broker", "other broker", "admin"),
    "GET /smes/new": only(200, "broker", "other broker", "admin"),
    "POST /smes/new": only(422, "broker", "other broker", "admin"),
    "GET /smes/{sme_id}": only(200, "broker", "admin"),
    "POST /smes/{sme_id}/proposals/{proposal_id}/accept": only(303, "broker", "admin"),
    "POST /smes/{sme_id}/proposals/{proposal_id}/decline": only(303, "broker", "admin"),
    "GET /smes/{sme_id}/erasure": only(200, "broker", "admin"),
    "POST /smes/{sme_id}/erasure": only(422, "broker", "admin"),
    "POST /smes/{sme_id}/erasure/decline": only(303, "broker", "admin"),
    "POST /smes/{sme_id}/steps/{step}": only(409, "broker", "admin"),
    "GET /smes/{sme_id}/edit": only(303, "broker", "admin"),
    "GET /smes/{sme_id}/edit/{section}": only(200, "broker", "admin"),
    "POST /smes/{sme_id}/edit/{section}": only(409, "broker", "admin"),
    "POST /smes/{sme_id}/edit/{section}/draft": only(303, "broker", "admin"),
    "GET /smes/{sme_id}/seen": only(200, "broker", "admin"),
    "GET /reviews": only(200, "broker", "other broker", "admin"),
    "GET /reviews/{sme_id}": only(200, "broker", "other broker", "admin"),
    "POST /reviews/{sme_id}": only(422, "broker", "other broker", "admin"),
    "GET /import": only(200, "broker", "other broker", "admin"),
    "POST /import": only(422, "broker", "other broker", "admin"),
    "GET /import/{file_id}": only(200, "broker"),  # not even an administrator: it is a file of that account
    "POST /import/{file_id}": only(409, "broker"),
    "GET /import/{file_id}/columns": only(200, "broker"),
    "POST /import/{file_id}/columns": only(422, "broker"),
    "GET /import/{file_id}/duplicates": only(200, "broker"),
    "POST /import/{file_id}/duplicates": only(303, "broker"),
    "GET /import/{file_id}/rejected.{form}": only(422, "broker"),
    "GET /import/template.{form}": only(200, "broker", "other broker", "admin"),
    "POST /smes/bulk": only(303, "broker", "other broker", "admin"),
    "GET /changes": only(200, "broker", "other broker", "admin"),
    "GET /changes/{set_id}": only(200, "broker", "admin"),
    "POST /changes/{set_id}/undo": only(303, "broker", "admin"),
    "GET /events": only(200, "organiser", "other organiser", "admin"),
    "GET /events/new": only(200, "organiser", "other organiser", "admin"),
    "POST /events/new": only(422, "organiser", "other organiser", "admin"),
    "GET /events/{event_id}": only(200, "organiser", "admin"),
    "GET /events/{event_id}/edit": only(200, "organiser", "admin"),
    "POST /events/{event_id}/edit": only(422, "organiser", "admin"),
    "GET /events/{event_id}/picture": only(200, "organiser", "admin"),
    "GET /events/{event_id}/registrations": only(200, "organiser", "admin"),
    "POST /events/{event_id}/registrations": only(303, "organiser", "admin"),
    "POST /events/{event_id}/registrations/places": only(303, "organiser", "admin"),
    "POST /events/{event_id}/registrations/{sme_id}/withdraw": only(404),  # of one who is not registered
    "POST /events/{event_id}/registrations/undo": only(422, "organiser", "admin"),
    "GET /events/{event_id}/invitations": only(200, "organiser", "admin"),
    "POST /events/{event_id}/invitations": only(303, "organiser", "admin"),
    "GET /events/{event_id}/invitations/html": only(200, "organiser", "admin"),
    "POST /events/{event_id}/invitations/words": only(303, "organiser", "admin"),
    "GET /i/{token}": EVERYBODY,  # the link is the key here, too
    "POST /i/{token}": dict.fromkeys(PEOPLE, 303),
    "POST /events/{event_id}/runs": only(303, "organiser", "admin"),
    "GET /events/{event_id}/progress": only(200, "organiser", "admin"),
    "POST /events/{event_id}/runs/{run_id}/cancel": only(409, "organiser", "admin"),
    "GET /events/{event_id}/shortlists": only(200, "organiser", "admin"),
    "GET /events/{event_id}/shortlists/{sme_id}": only(200, "organiser", "admin"),
    "POST /events/{event_id}/approve": only(409, "organiser", "admin"),
    "POST /events/{event_id}/export": only(200, "organiser", "admin"),
    "POST /events/{event_id}/shortlists/{sme_id}/pairs": only(409, "organiser", "admin"),
    "GET /events/{event_id}/diff": only(200, "organiser", "admin"),
    "GET /events/{event_id}/pairs": only(200, "organiser", "admin"),
    "POST /events/{event_id}/pairs": only(422, "organiser", "admin"),
    "POST /events/{event_id}/pairs/lift": only(409, "organiser", "admin"),
    "GET /events/{event_id}/matches": only(200, "organiser", "admin"),
    "GET /events/{event_id}/matches/answers": only(200, "organiser", "admin"),
    "POST /events/{event_id}/matches/export": only(200, "organiser", "admin"),
    "GET /events/{event_id}/unanswered": only(200, "organiser", "admin"),
    "POST /events/{event_id}/unanswered": only(303, "organiser", "admin"),
    "GET /events/{event_id}/mailings": only(200, "organiser", "admin"),
    "POST /events/{event_id}/mailings": only(422, "organiser", "admin"),
    "GET /events/{event_id}/mailings/{kind}": only(200, "organiser", "admin"),
    "GET /events/{event_id}/mailings/{kind}/html": only(200, "organiser", "admin"),
    "POST /events/{event_id}/mailings/{kind}/stop": only(303, "organiser", "admin"),
    "POST /events/{event_id}/mailings/{kind}/resume": only(409, "organiser", "admin"),
    "GET /events/{event_id}/mail": only(200, "organiser", "admin"),
    "POST /events/{event_id}/mail/retry": only(303, "organiser", "admin"),
    "POST /events/{event_id}/mail/{email_id}/retry": only(409, "organiser", "admin"),
    "POST /events/{event_id}/mail/{email_id}/hold": only(409, "organiser", "admin"),
    "GET /mail": only(200, "admin"),
    "POST /mail/retry": only(303, "admin"),
    "POST /mail/{email_id}/retry": only(409, "admin"),
    "POST /mail/{email_id}/hold": only(409, "admin"),
}
FORMS = {
    "POST /introductions/{event_id}/{sme_id}/{partner_id}/follow": {"do": "leave"},
    "POST /smes/bulk": {"action": "pause"},
    "POST /s/{token}/answers/{partner_id}": {"answer": "not_now"},
    "POST /s/{token}/profile": {"languages": "Klingon, of course"},
    "POST /i/{token}": {"takes_part": "yes"},
    "POST /events/{event_id}/approve": {"run_id": "1"},
    "POST /events/{event_id}/export": {"what": "matches", "form": "csv"},
    "POST /events/{event_id}/shortlists/{sme_id}/pairs": {"partner": "1", "kind": "lift"},
    "POST /events/{event_id}/pairs/lift": {"one": "1", "other": "2"},
    "POST /events/{event_id}/matches/export": {"form": "csv"},
    "POST /events/{event_id}/unanswered": {"whom": "chosen"},
}


@pytest.fixture(autouse=True)
def sent(database: Database, world: World) -> None:
    """A mail of the event, a proposal of Spielwerk, a change of nothing, and a yes without which there is no case."""
    with database.write() as session:
        send_mail(session, world)
        propose(session, world)
        say_yes(session, world, "Spielwerk", "Medilab Plzeň")
        world.change_set = changes.keep(session, world.accounts["broker"], "pause", {})
        await_review(session, world)


def routes(app: FastAPI) -> list[str]:
    """Every route as "METHOD /path"."""
    return sorted(
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        for method in set(getattr(route, "methods", None) or ()) - {"HEAD"}
    )


def test_every_route_has_an_expectation_and_nothing_else_has_one(app: FastAPI) -> None:
    assert routes(app) == sorted(EXPECTED)


@pytest.mark.on_both
@pytest.mark.parametrize("person", PEOPLE)
def test_each_route_answers_each_person_as_expected(
    app: FastAPI, browse: Callable[..., TestClient], world: World, person: str
) -> None:
    is_signed_in = person in world.accounts
    answers = {}
    client = browse(person if is_signed_in else None)
    # Signing out comes last, each time from a browser of its own: it would end the session of all the others.
    for name in sorted(routes(app), key=lambda name: name.startswith("POST /sign-out")):
        method, path = name.split(" ", 1)
        client = browse(person) if is_signed_in and name.startswith("POST /sign-out") else client
        response = client.request(method, _address(world, path, person), data=FORMS.get(name))
        answers[name] = response.status_code
        if response.status_code == 303 and not is_signed_in and name in _DESKS:
            assert response.headers["location"].startswith("/sign-in")
    assert answers == {name: expected[person] for name, expected in EXPECTED.items()}


_DESKS = {name for name, expected in EXPECTED.items() if expected["anonymous"] == 303 and name[-2:] != "/s"} - {
    "POST /sign-out",
    "POST /sign-out/everywhere",
    *(name for name in EXPECTED if name.startswith(("POST /s/", "POST /u/", "POST /i/"))),
}


def _sme_id(world: World, path: str) -> int:
    if path.endswith("/withdraw"):
        return 99999
    sme: Sme = (world.in_review if path.startswith("/reviews") else None) or world.smes["Spielwerk"]
    return sme.id


def _address(world: World, path: str, person: str) -> str:
    own = "Solar Łódka" if person == "other SME" else "Spielwerk"
    links = {"/s/": world.links[own], "/u/": world.unsubscribe, "/i/": world.invitation}
    token = links.get(path[:3], "not-a-token").removeprefix(path[:3])
    values = {
        "token": token,
        "partner_id": world.smes["Medilab Plzeň"].id,
        "email_id": (world.email if path.startswith("/outbox") else world.event_email or world.email).id,
        "sme_id": _sme_id(world, path),
        "section": "offers",
        "step": "resume",
        "file_id": world.import_file.id,
        "set_id": world.change_set.id if world.change_set else 1,
        "form": "csv",
        "event_id": world.event.id,
        "run_id": world.run.id,
        "proposal_id": world.proposal.id if world.proposal else 1,
        "kind": "shortlist",
        "token_id": 1,
        "account_id": world.accounts["other broker"].id,
        "handle": world.handle,
        "webhook_id": 1,
    }
    return re.sub(r"{(\w+)}", lambda match: str(values[match[1]]), path)


def test_a_row_of_another_event_is_no_row_of_this_one(browse: Callable[..., TestClient], world: World) -> None:
    admin = browse("admin")

    assert admin.post(f"/events/{world.other_event.id}/runs/{world.run.id}/cancel").status_code == 404
    sme = world.smes["Spielwerk"].id
    assert admin.get(f"/events/{world.other_event.id}/shortlists/{sme}").status_code == 404


def test_a_mail_of_no_or_another_event_is_no_mail_of_this_one(browse: Callable[..., TestClient], world: World) -> None:
    admin = browse("admin")

    for event, email in ((world.event, world.email), (world.other_event, world.event_email)):
        for act in ("retry", "hold"):
            assert admin.post(f"/events/{event.id}/mail/{email.id}/{act}").status_code == 404


def test_foreign_and_missing_pages_cannot_be_told_apart(browse: Callable[..., TestClient], world: World) -> None:
    other = browse("other broker")

    foreign = other.get(f"/smes/{world.smes['Spielwerk'].id}")
    missing = other.get("/smes/99999")

    assert foreign.status_code == missing.status_code == 404
    assert foreign.text == missing.text


def test_ids_that_no_database_could_hold_are_no_pages(browse: Callable[..., TestClient]) -> None:
    admin = browse("admin")
    for wrong in ("0", "-1", "99999999999999999999", "1.5", "x", "%00"):
        assert admin.get(f"/smes/{wrong}").status_code in {404, 422}, wrong
        assert admin.get(f"/events/{wrong}").status_code in {404, 422}, wrong


def test_the_outbox_is_nobodys_outside_the_demo(app: FastAPI, browse: Callable[..., TestClient], world: World) -> None:
    app.state.settings.demo_mark.unlink()

    for person in (None, "admin"):
        client = browse(person)
        assert client.get("/outbox").status_code == 404
        assert client.get(f"/outbox/{world.email.id}").status_code == 404
        assert client.get(f"/outbox/{world.email.id}/html").status_code == 404
