"""The page of API tokens: making one takes the password and is told by mail."""

from collections.abc import Callable
from email import message_from_bytes
from email.policy import default

from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.domain import tokens
from broker.models import Account, ApiToken, Email
from tests.web.world import PASSWORD, World

Browse = Callable[..., TestClient]
FORM = {"name": "CRM", "scope": "read", "days": "30"}
PATH = "/account/tokens"


def names(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.exec(select(ApiToken.name)))


def test_a_token_is_made_by_who_knows_the_password_and_the_owner_is_told_without_it(
    browse: Browse, world: World, database: Database
) -> None:
    client = browse("broker")
    for wrong in ({}, {"present": "wrong wrong wrong"}):
        refused = client.post(PATH, data=FORM | wrong)
        assert (refused.status_code, '<a href="#present">This is not your present password.' in refused.text) == (
            422,
            True,
        )
    assert names(database) == []

    made = client.post(PATH, data=FORM | {"present": PASSWORD})

    assert made.status_code == 200
    secret = tokens.PREFIX + made.text.split(tokens.PREFIX)[1].split("<")[0]
    with database.read() as session:
        owned = tokens.owner(session, secret)
        mail = session.exec(select(Email).where(Email.kind == "token_made")).one()
    assert owned is not None
    assert mail.to_address == world.accounts["broker"].email
    message = message_from_bytes(mail.message, policy=default)
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        text = part.get_content()
        assert "CRM" in text
        assert "read only" in text
        assert "/account/tokens" in text
        assert tokens.PREFIX not in text


def test_who_signs_in_by_links_is_asked_for_no_password(browse: Browse, world: World, database: Database) -> None:
    client = browse("broker")
    assert 'name="present"' in client.get(PATH).text
    with database.write() as session:
        session.get_one(Account, world.accounts["broker"].id).password_hash = None
    assert 'name="present"' not in client.get(PATH).text
    assert client.post(PATH, data=FORM).status_code == 200
    assert names(database) == ["CRM"]


def test_guessing_the_password_there_is_limited_as_at_sign_in(browse: Browse) -> None:
    client = browse("broker")
    answers = [client.post(PATH, data=FORM | {"present": f"wrong {number}"}).status_code for number in range(6)]
    assert answers == [422] * 5 + [429]
