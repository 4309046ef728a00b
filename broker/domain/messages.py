"""A mail as it is sent: its headers, and both its parts rendered from the templates of its kind."""

import secrets
from collections.abc import Mapping
from email import message_from_bytes
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlmodel import Session

from broker.config import TEMPLATES, Settings
from broker.db import now
from broker.domain import subscriptions
from broker.domain.envelopes import Envelope
from broker.domain.fields import web_address
from broker.errors import InvalidError
from broker.models import TO_STAFF


class OneLineHeader(UnstructuredHeader, BaseHeader):
    """A header that is never folded: the standard library would write a long web address as encoded words, which
    mail programs do not read as an address."""

    def fold(self, *, policy: Policy) -> str:
        """The header as one line."""
        return f"{self.name}: {self}{policy.linesep}"


class _Headers(HeaderRegistry):
    """Makes the class of each kind of header once, not for every header of every mail: that took half the time."""

    @lru_cache  # noqa: B019 - there is one, and it lives as long as the process
    def __getitem__(self, name: str) -> type[BaseHeader]:
        """The class for headers of this name."""
        return super().__getitem__(name)


def _policy() -> Policy:
    headers = _Headers()
    for name in ("list-unsubscribe", "list-unsubscribe-post", "list-id"):
        headers.map_to_type(name, OneLineHeader)
    return SMTP.clone(cte_type="7bit", utf8=False, header_factory=headers)


POLICY = _policy()
INLINER = css_inline.CSSInliner(keep_at_rules=True)
"""The rules for dark mode stay in the head: they cannot be said inline."""


def compose(session: Session, settings: Settings, envelope: Envelope, context: Mapping[str, Any]) -> EmailMessage:
    """The whole message, rendered from its kind's three templates; nothing is queued.

    A mail to an SME says in its headers and at its end how to get no more of them. What is no single address is
    refused (InvalidError, ValueError or what else the standard library raises)."""
    unsubscribe = ""
    if envelope.sme_id is not None and envelope.kind not in TO_STAFF:
        unsubscribe = subscriptions.link(settings, envelope.sme_id, envelope.to_address)
    context = {"unsubscribe": unsubscribe, **context}  # a preview brings one that does nothing
    plain = _render(f"{envelope.kind}/body.txt", context).rstrip() + "\n" + _render("_foot.txt", context)
    html = INLINER.inline(_render(f"{envelope.kind}/body.html", context))
    message = EmailMessage(policy=POLICY)
    _address(message, settings, envelope)
    message["Subject"] = _one_line(_render(f"{envelope.kind}/subject.txt", context))
    message["Date"] = format_datetime(now(session))
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{_host(settings)}>"
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe:
        _list(message, settings, envelope, unsubscribe)
    message.set_content(plain, cte=_encoding(plain))
    message.add_alternative(html, subtype="html", cte=_encoding(html))
    return message


def _address(message: EmailMessage, settings: Settings, envelope: Envelope) -> None:
    if not envelope.to_address.isascii():
        raise InvalidError("The address of a mail must be plain ASCII, as profiles and accounts hold it.")
    sender_name, sender = parseaddr(settings.mail_from)
    message["From"] = Address(sender_name, addr_spec=sender)
    message["To"] = Address(_one_line(envelope.to_name), addr_spec=envelope.to_address)
    if envelope.reply_to:
        message["Reply-To"] = Address(addr_spec=envelope.reply_to)


def _list(message: EmailMessage, settings: Settings, envelope: Envelope, unsubscribe: str) -> None:
    """Mail programs show a button of their own for these, which POSTs to the address (RFC 8058, RFC 2919)."""
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["List-Id"] = f"<{f'event-{envelope.event_id}' if envelope.event_id else 'mails'}.{_host(settings)}>"


def readdress(settings: Settings, message: bytes, sme_id: int, address: str) -> bytes:
    """A written mail to another address of its SME: its Message-ID and words stay, its link to unsubscribe is for
    that address. What names no recipient stays as it is."""
    parsed = cast(EmailMessage, message_from_bytes(message, policy=POLICY))
    if parsed["To"] is None:
        return message
    name = parseaddr(str(parsed["To"]))[0]
    parsed.replace_header("To", str(Address(name, addr_spec=address)))
    old, new = str(parsed["List-Unsubscribe"] or "").strip("<>"), subscriptions.link(settings, sme_id, address)
    if old:
        parsed.replace_header("List-Unsubscribe", f"<{new}>")
        for part in parsed.iter_parts():
            text = part.get_content().replace(old, new)
            MIMEPart.set_content(part, text, subtype=part.get_content_subtype(), cte=_encoding(text))
    return parsed.as_bytes(policy=POLICY.clone(linesep="\r\n"))


def _host(settings: Settings) -> str:
    return urlsplit(settings.public_url).hostname or ""


def _encoding(text: str) -> str:
    """Quoted-printable can be read in the source, but would make six bytes of each letter that is not ASCII."""
    return "base64" if 10 * (len(text.encode()) - len(text)) > len(text) else "quoted-printable"


def _one_line(text: str) -> str:
    """A header is one line, anything else would be another header; nor may a name pretend to be an encoded word,
    which would be decoded into who knows what."""
    return "".join(filter(str.isprintable, " ".join(text.split()))).replace("=?", "= ?")


@lru_cache(maxsize=1)
def _environments() -> dict[str, Environment]:
    """HTML is escaped, text is not: said here for each, because file names alone would not do it."""
    loader = FileSystemLoader(TEMPLATES / "emails")
    environments = {
        kind: Environment(
            loader=loader,
            autoescape=kind == "html",  # noqa: S701 - plain text must not be escaped
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for kind in ("txt", "html")
    }
    environments["html"].filters["web_address"] = web_address
    return environments


def _render(name: str, context: Mapping[str, Any]) -> str:
    return _environments()[name.rpartition(".")[2]].get_template(name).render(context)
