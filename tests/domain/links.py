"""The secret part of the newest link in a mail of a kind."""

from email import message_from_bytes
from email.policy import default

from sqlmodel import col, select

from broker.db import Database
from broker.models import Email


def mailed_token(database: Database, kind: str, path: str) -> str:
    """The token of the newest mail of this kind, whose link begins with this path."""
    with database.read() as session:
        mail = session.exec(select(Email).where(Email.kind == kind).order_by(col(Email.id).desc())).first()
    assert mail is not None
    body = message_from_bytes(mail.message, policy=default).get_body(("plain",))
    assert body is not None
    return str(body.get_content().split(path)[1].split()[0])
