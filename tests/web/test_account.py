"""My account: name, password, devices."""

from collections.abc import Callable
from email import message_from_bytes
from email.policy import default

from fastapi.testclient import TestClient
from sqlmodel import col, select

from broker.db import Database
from broker.domain import tokens
from broker.models import Account, Email, Scope, SignIn
from tests.web.world import PASSWORD, World

Browse = Callable[..., TestClient]
NEW = "another long password"


def handles(page: str) -> list[str]:
    return [part.split("/end")[0] for part in page.split("/account/sign-ins/")[1:]]


def newest_link(database: Database, kind: str) -> str:
    """Where the newest mail of a kind leads, as a path."""
    with database.read() as session:
        mail = session.exec(select(Email).where(Email.kind == kind).order_by(col(Email.id).desc())).first()
    assert mail is not None
    body = message_from_bytes(mail.message, policy=default).get_body(("plain",))
    assert body is not None
    return "/" + body.get_content().split("http://127.0.0.1:8000/")[1].split()[0]


def sign_in(client: TestClient, world: World, password: str) -> int:
    return client.post("/sign-in", data={"email": world.accounts["broker"].email, "password": password}).status_code


def test_the_name_is_changed_and_shown_and_an_empty_one_refused(browse: Browse, database: Database) -> None:
    client = browse("broker")

    refused = client.post("/account", data={"name": "  "})
    assert (refused.status_code, 'href="#f-name"' in refused.text) == (422, True)
    assert client.post("/account", data={"name": "Anna Müller"}).headers["location"] == "/account"
    assert "Anna Müller" in client.get("/smes").text


def test_the_password_is_changed_by_who_knows_it_and_other_devices_are_signed_out(browse: Browse, world: World) -> None:
    client, other = browse("broker"), browse("broker")

    wrong = client.post("/account/password", data={"present": "wrong wrong", "password": NEW})
    short = client.post("/account/password", data={"present": PASSWORD, "password": "short"})
    assert (wrong.status_code, "not your present password" in wrong.text) == (422, True)
    assert (short.status_code, "10 to 200 characters" in short.text) == (422, True)
    assert other.get("/smes").status_code == 200
    assert client.post("/account/password", data={"present": PASSWORD, "password": NEW}).status_code == 303

    assert client.get("/smes").status_code == 200
    assert other.get("/smes").status_code == 303
    assert (sign_in(browse(), world, PASSWORD), sign_in(browse(), world, NEW)) == (422, 303)


def test_api_tokens_end_with_the_password_or_every_session_where_that_is_left_ticked(
    browse: Browse, world: World, database: Database
) -> None:
    def make() -> str:
        with database.write() as session:
            return tokens.create(session, world.accounts["broker"], "CRM", Scope.READ, 30)[1]

    def is_alive(secret: str) -> bool:
        with database.read() as session:
            return tokens.owner(session, secret) is not None

    client = browse("broker")
    assert "ends_tokens" not in client.get("/account").text
    secret = make()
    assert client.get("/account").text.count("Revoke 1 API token, too") == 2
    client.post("/account/password", data={"present": PASSWORD, "password": PASSWORD})
    assert is_alive(secret)
    client.post("/account/password", data={"present": PASSWORD, "password": PASSWORD, "ends_tokens": "true"})
    assert not is_alive(secret)
    secret = make()
    client.post("/sign-out/everywhere", data={"ends_tokens": "true"})
    assert not is_alive(secret)


def test_one_device_or_this_one_can_be_signed_out(browse: Browse) -> None:
    this, other = browse("broker"), browse("broker")
    page = this.get("/account").text
    assert page.count("this one") == 1
    first, second = handles(page)
    own = first if "this one" in page.split(first)[0] and "this one" not in page.split(first)[1] else second

    foreign = {first, second} - {own}
    assert this.post(f"/account/sign-ins/{foreign.pop()}/end").headers["location"] == "/account#devices"
    assert (this.get("/smes").status_code, other.get("/smes").status_code) == (200, 303)
    assert this.post(f"/account/sign-ins/{own}/end").headers["location"] == "/sign-in"
    assert this.get("/smes").status_code == 303


def test_a_device_of_somebody_else_is_none_of_mine(browse: Browse, world: World, database: Database) -> None:
    theirs = browse("organiser")
    handle = handles(theirs.get("/account").text)[0]

    for person in ("broker", "admin"):
        assert browse(person).post(f"/account/sign-ins/{handle}/end").status_code == 404
    assert browse("broker").post("/account/sign-ins/%25/end").status_code == 404
    assert browse("broker").post(f"/account/sign-ins/{'_' * 16}/end").status_code == 404
    assert theirs.get("/events").status_code == 200


def test_no_token_of_a_session_stands_in_a_page(browse: Browse, database: Database) -> None:
    client = browse("broker")
    page = client.get("/account").text

    with database.read() as session:
        hashes = session.exec(select(SignIn.token_hash)).all()
    assert not any(token_hash in page for token_hash in hashes)
    assert client.cookies["broker_session"] not in page


def test_who_has_no_password_is_mailed_a_link_to_set_one(browse: Browse, world: World, database: Database) -> None:
    client = browse("broker")
    with database.write() as session:
        session.get_one(Account, world.accounts["broker"].id).password_hash = None

    page = client.get("/account").text
    assert "Present password" not in page
    client.post("/password", data={"email": world.accounts["broker"].email})
    assert client.post(newest_link(database, "password"), data={"password": NEW}).status_code == 303
    assert sign_in(browse(), world, NEW) == 303


def test_a_forgotten_password_is_replaced_by_a_mailed_link_once(
    browse: Browse, world: World, database: Database
) -> None:
    signed_in, client = browse("broker"), browse()
    client.post("/password", data={"email": world.accounts["broker"].email.upper()})
    link = newest_link(database, "password")

    assert {client.get(link).status_code for _ in range(3)} == {200}
    short = client.post(link, data={"password": "short"})
    assert (short.status_code, 'href="#f-password"' in short.text) == (422, True)
    assert client.post(link, data={"password": NEW}).headers["location"] == "/sign-in"

    assert signed_in.get("/smes").status_code == 303
    assert (client.get(link).status_code, client.post(link, data={"password": NEW}).status_code) == (404, 404)
    assert (sign_in(client, world, PASSWORD), sign_in(client, world, NEW)) == (422, 303)


def test_asking_for_a_password_link_says_the_same_for_known_and_unknown_addresses(
    browse: Browse, world: World, database: Database
) -> None:
    known, unknown = world.accounts["broker"].email, "no.broker@network.example"
    answers = [browse().post("/password", data={"email": email}) for email in (known, unknown)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].text.replace(known, "") == answers[1].text.replace(unknown, "")
    with database.read() as session:
        mails = session.exec(select(Email.to_address).where(Email.kind == "password")).all()
    assert mails == [known]


def test_links_of_other_purposes_open_no_page_of_this_one(browse: Browse, world: World, database: Database) -> None:
    client = browse()
    client.post("/password", data={"email": world.accounts["broker"].email})
    client.post("/sign-in/link", data={"email": world.accounts["broker"].email})
    password, entry = (newest_link(database, kind).rpartition("/")[2] for kind in ("password", "sign_in"))

    for path in (f"/sign-in/link/{password}", f"/invitation/{password}", f"/password/{entry}", f"/invitation/{entry}"):
        fields = {"name": "Eve", "password": NEW}
        assert (client.get(path).status_code, client.post(path, data=fields).status_code) == (404, 404), path
    assert client.post(f"/sign-in/link/{entry}").status_code == 303
