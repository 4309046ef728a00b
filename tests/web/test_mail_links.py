"""Mail scanners open every link of every mail, some a hundred times: nothing may come of it (law 3)."""

import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from html import unescape
from typing import Any, cast

from fastapi.testclient import TestClient
from sqlmodel import Session, SQLModel, select

from broker.config import Settings
from broker.db import Database
from broker.domain import account_invitations, approvals, fresh_links, interests, login_links
from broker.models import Answer, Contact, Email, Role
from tests.factories import make_event, make_shortlists, make_sme, register
from tests.web.world import World

TIMES = 100


def links(email: Email) -> set[str]:
    """Every address in both parts of a mail."""
    message = cast(EmailMessage, message_from_bytes(email.message, policy=SMTP))
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    hrefs = {unescape(href) for href in re.findall(r'href="([^"]+)"', html.get_content())}
    return hrefs | set(re.findall(r"https?://\S+", plain.get_content()))


def everything(session: Session) -> dict[str, list[Any]]:
    """Every row of every table."""
    return {
        table.name: session.connection().execute(select(table).order_by(*table.primary_key.columns)).all()
        for table in SQLModel.metadata.sorted_tables
    }


def write_every_kind_of_mail(session: Session, settings: Settings) -> None:
    event, ada, bea = make_event(session), make_sme(session, "Ada"), make_sme(session, "Bea", city="rome")
    forth, back = register(session, event, ada, bea)
    make_shortlists(session, event, (ada, bea))
    approvals.approve(session, settings, "ann", event.id)
    interests.express(session, settings, forth, bea.id, Answer.INTERESTED)
    interests.express(session, settings, back, ada.id, Answer.INTERESTED)
    login_links.mail_sign_in(session, settings, "broker@network.example")
    login_links.mail_password(session, settings, "broker@network.example")
    account_invitations.invite(session, settings, "ann", "new@network.example", "New", Role.ORGANISER, None)
    contact = session.exec(select(Contact).where(Contact.sme_id == ada.id)).one()
    for renews in (False, True):
        fresh_links.mail(session, settings, contact.email, renews=renews)


def test_no_link_of_any_mail_changes_anything_by_being_opened(
    browse: Callable[..., TestClient], world: World, database: Database, settings: Settings
) -> None:
    with database.write() as session:
        write_every_kind_of_mail(session, settings)
    with database.read() as session:
        mails = session.exec(select(Email)).all()
        before = everything(session)
    ours = {link for email in mails for link in links(email) if link.startswith(settings.public_url)}
    assert {link.split("/")[3] for link in ours} == {"s", "sign-in", "u", "password", "invitation", "link"}
    kinds = {"shortlist", "introduction", "sign_in", "password", "account_invitation", "fresh_link"}
    assert {email.kind for email in mails} == kinds

    scanner = browse()
    for link in ours:
        path = link.removeprefix(settings.public_url)
        assert {scanner.get(path).status_code for _ in range(TIMES)} == {200}
        assert scanner.head(path).status_code == 200

    with database.read() as session:
        assert everything(session) == before
