"""A message has one recipient and our headers whatever the names in it, says how to get no more, and stays small."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from html import unescape
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import Session

from broker.config import Settings
from broker.domain import subscriptions
from broker.domain.cards import Card, Quote
from broker.domain.messages import Envelope, compose
from broker.errors import InvalidError

SETTINGS = Settings(
    secret_key="a secret of this test only, long enough",
    public_url="https://match.a-long-name-of-a-network-of-brokers.example",
)
HOST = "match.a-long-name-of-a-network-of-brokers.example"
OURS = ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Reply-To", "Subject", "To"]
LIST = ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"]
KINDS = ("shortlist", "introduction", "sign_in")
ADDRESS = "ada@firm.example"


def envelope(kind: str, **given: Any) -> Envelope:
    """To an SME, but for a sign-in mail."""
    of_sme = {} if kind == "sign_in" else {"event_id": 12, "sme_id": 7}
    facts = {"key": "x", "to_name": "Ada", "to_address": ADDRESS, "reply_to": "berlin@network.example"}
    return Envelope(kind=kind, **(facts | of_sme | given))


def card(name: str, text: str) -> Card:
    quote = Quote(need=text, offer=text, strength="good", stated=True)
    return Card(
        partner_id=1,
        name=name,
        city="Pilsen",
        city_code="pilsen",
        hub="",
        sector="Health",
        sector_code="health",
        group="growth",
        languages=("Czech", "English"),
        markets=(),
        website="",
        strength=0.7,
        you_need=quote,
        they_need=quote,
        distance="You write of quite different things: a partner to explore with.",
        missing=("English is the only working language you share.",),
        shares={},
        answer=None,
        reason="",
        contact=None,
    )


def context(kind: str, name: str = "Ada", cards: int = 2, text: str = "two clinics with patients") -> dict[str, Any]:
    """What a kind's templates are given, with one name everywhere."""
    moment, link = datetime(2027, 3, 24, 9, tzinfo=UTC), "https://match.example/s/x"
    contact = SimpleNamespace(name=name, email="bea@firm.example", phone="+49 30 123456")
    side = {
        "sme": SimpleNamespace(name=name, website="https://bea.example"),
        "city": SimpleNamespace(name="Rome"),
        "sector": SimpleNamespace(name="Health"),
        "contact": contact,
    }
    return {
        "event": SimpleNamespace(name=name, zone="Europe/Berlin", starts_at=moment, answers_until=moment),
        "city": SimpleNamespace(name="Berlin"),
        "zone": ZoneInfo("Europe/Berlin"),
        "time": "Berlin time",
        "sme": side["sme"],
        "contact": contact,
        "account": SimpleNamespace(name=name),
        "cards": [card(name, text)] * cards,
        "link": link,
        "own": side,
        "other": side,
        "replaces": False,
        "new": [],
        "demo": True,
    }


def parsed(message: EmailMessage) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(message.as_bytes(), policy=SMTP))


def parts(message: EmailMessage) -> tuple[str, str]:
    plain, html = parsed(message).get_body(("plain",)), parsed(message).get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


@pytest.mark.parametrize("kind", ["shortlist", "introduction"])
def test_a_mail_to_an_sme_carries_the_one_click_headers_and_a_visible_link(session: Session, kind: str) -> None:
    message = compose(session, SETTINGS, envelope(kind), context(kind))
    link = subscriptions.link(SETTINGS, 7, ADDRESS)

    head = message.as_bytes().partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert f"List-Unsubscribe: <{link}>" in head  # whole, on one line, and not as an encoded word
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    assert f"List-Id: <event-12.{HOST}>" in head
    assert max(map(len, head)) < 998
    plain, html = parts(message)
    assert link in plain
    assert f'href="{link}"' in html
    for text in (plain, html):
        assert "You get this mail because" in text


def test_a_mail_to_an_account_has_none_of_them(session: Session) -> None:
    message = compose(session, SETTINGS, envelope("sign_in"), context("sign_in"))

    assert sorted(message.keys()) == OURS
    for text in parts(message):
        assert "/u/" not in text
        assert "no more" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_styles_are_inlined_and_the_rules_for_dark_mode_stay(session: Session, kind: str) -> None:
    html = parts(compose(session, SETTINGS, envelope(kind), context(kind)))[1]

    assert re.search(r'<h1 style="[^"]*font-size: 24px', html)
    assert html.count("<style>") == 1
    rules = html.partition("<style>")[2].partition("</style>")[0]
    assert re.findall(r"@media \([^)]+\)", rules) == [
        "@media (max-width: 420px)",
        "@media (prefers-color-scheme: dark)",
    ]
    assert "color-scheme" in html


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_mail_list_shows_is_the_preheader_and_blanks(session: Session, kind: str) -> None:
    html = parts(compose(session, SETTINGS, envelope(kind), context(kind)))[1]

    shown = unescape(re.sub(r"<[^>]+>", "", html.partition('class="preheader"')[2].partition(">")[2]))[:200]
    words = shown.replace("\u034f", "").replace("\xa0", "")
    assert 0 < len(words) < 70
    assert "\u034f\xa0" * 60 in shown


@pytest.mark.parametrize("kind", KINDS)
def test_the_plain_part_says_all_that_the_html_part_says(session: Session, kind: str) -> None:
    plain, html = parts(compose(session, SETTINGS, envelope(kind), context(kind)))

    apart = r'<div class="preheader".*?</div>|<a class="button".*?</a>'
    body = re.sub(apart, "", html.partition("<body")[2].partition(">")[2], flags=re.S)
    spoken = set(re.findall(r"[\w@.:/+-]{4,}", unescape(re.sub(r"<[^>]+>", " ", body))))
    written = set(re.findall(r"\w+", plain.casefold()))
    lacking = {word for said in spoken for word in re.findall(r"\w+", said.casefold())} - written
    assert lacking <= {"cross", "innovation", "these", "mails", "sign", "partners", "firms", "people", "in", "this"}


@pytest.mark.parametrize("text", ["We look for clinics. " * 50, "Žižkov, ą ę ł ż. " * 70, "Ωμέγα " * 200])
def test_a_mail_of_a_long_list_and_long_texts_stays_below_100_kb(session: Session, text: str) -> None:
    """A list is at most as long as an organiser sets it; eight stand in the mail, and the page has the rest."""
    name = text[:200]
    message = compose(
        session, SETTINGS, envelope("shortlist", to_name=name[:120]), context("shortlist", name, 40, text)
    )

    assert len(message.as_bytes()) < 100_000
    for part in parts(message):
        assert "And 32 more on your page." in part
        assert "…”" in part


def test_a_mail_of_usual_length_stays_far_below(session: Session) -> None:
    assert len(compose(session, SETTINGS, envelope("shortlist"), context("shortlist", cards=8)).as_bytes()) < 40_000


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
NASTY = [
    "Ada\r\nBcc: b@x.example",
    "Ada\nBcc: b@x.example\n\nHello",
    "Ada\rBcc: b@x.example",
    "Ada\u2028Bcc: b@x.example\x85Bcc: b@x.example\x0bBcc: b@x.example",
    "b@x.example, c@x.example",
    '"Ada" <b@x.example>',
    "=?utf-8?q?=0D=0ABcc=3A_b=40x.example?=",
    "Ada; b@x.example: <c@x.example>",
    "x" * 200,
    "\0",
]


@hypothesis_settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=TEXT | st.sampled_from(NASTY), kind=st.sampled_from(KINDS))
def test_no_name_can_add_a_header_or_a_recipient(session: Session, name: str, kind: str) -> None:
    """Names come from spreadsheets, and stand in the To and the Subject."""
    sent = parsed(compose(session, SETTINGS, envelope(kind, to_name=name), context(kind, name)))

    assert [address.addr_spec for address in sent["To"].addresses] == [ADDRESS]
    assert sorted(sent.keys()) == sorted(OURS + (LIST if kind != "sign_in" else []))
    assert sent.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in sent.iter_parts()] == ["text/plain", "text/html"]


@hypothesis_settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=TEXT | st.emails() | st.sampled_from(NASTY) | st.tuples(st.emails(), TEXT).map("".join))
@example("ada@firm.example\nBcc: b@x.example")
@example("ada@firm.example, b@x.example")
@example("ada@firm.example>, <b@x.example")
def test_no_address_can_add_a_header_or_a_recipient(session: Session, address: str) -> None:
    """What is no single address is refused; it never was let into a profile (checked_email)."""
    try:
        message = compose(session, SETTINGS, envelope("shortlist", to_address=address), context("shortlist"))
        sent = parsed(message)
    except (InvalidError, ValueError, IndexError, MessageError):
        return

    assert len(sent["To"].addresses) == 1
    assert sorted(sent.keys()) == sorted(OURS + LIST)
