"""Every mail is whole, readable as plain text, escaped, and says how to get no more of them."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import cast

import pytest
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.domain import approvals, fresh_links, interests, letters
from broker.models import Answer, Contact, Email, Match, Registration, Role, Sme
from tests.factories import make_account, make_event, make_shortlists, make_sme, register

SETTINGS = Settings(secret_key="a secret of this test only, long enough", public_url="https://match.example")


def approve(session: Session, a: Sme, b: Sme) -> list[Registration]:
    event = make_event(session, "Workshop in Łódź & Plzeň")
    registrations = register(session, event, a, b)
    make_shortlists(session, event, (a, b))
    approvals.approve(session, SETTINGS, "ann", event.id)
    return registrations


def parsed(email: Email) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(email.message, policy=SMTP))


def parts(email: Email) -> tuple[str, str]:
    message = parsed(email)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def mail_to(session: Session, sme: Sme) -> Email:
    return session.exec(select(Email).where(Email.sme_id == sme.id)).one()


def test_both_parts_hold_the_link_the_quotes_and_what_is_missing(session: Session) -> None:
    ada, bea = make_sme(session, "Ada Žižkov"), make_sme(session, "Bea", city="rome", sector="health")
    registration, _ = approve(session, ada, bea)
    email = mail_to(session, ada)
    assert email.subject == "One partner for Ada Žižkov in Berlin"
    for text in parts(email):
        for expected in (
            interests.link(SETTINGS, registration),
            "a clinic that tests our game",
            "two clinics with patients",
            "Bea",
            "Rome",
            "They have not said yet what they look for.",
            "They see your contact details only if both of you say yes.",
        ):
            assert expected in text
        assert "{{" not in text
        assert "None" not in text


@pytest.mark.parametrize("shared", [0.4, 0.0])
def test_partners_both_had_are_not_told_in_mails(session: Session, shared: float) -> None:
    ada, bea = make_sme(session, "Ada"), make_sme(session, "Bea", city="rome")
    event = make_event(session)
    register(session, event, ada, bea)
    make_shortlists(session, event, (ada, bea))
    session.exec(select(Match)).one().criteria = {"history": shared}
    approvals.approve(session, SETTINGS, "ann", event.id)
    for text in parts(mail_to(session, ada)):
        assert "Berlin" in text
        assert "partners before" not in text
        assert "Past partners" not in text


def test_the_partners_contact_is_not_in_the_shortlist_mail(session: Session) -> None:
    ada, bea = make_sme(session, "Ada"), make_sme(session, "Bea", email="secret.bea@firm.example")
    approve(session, ada, bea)
    assert b"secret.bea" not in mail_to(session, ada).message


def test_headers_name_one_recipient_and_the_broker_to_reply_to(session: Session) -> None:
    make_account(session, Role.BROKER, city="berlin", email="berlin@brokers.example")
    ada, bea = make_sme(session, "Ada", email="ada@firm.example"), make_sme(session, "Bea", city="rome")
    approve(session, ada, bea)
    message = parsed(mail_to(session, ada))
    assert message["To"].addresses[0].addr_spec == "ada@firm.example"
    assert message["Reply-To"] == "berlin@brokers.example"
    assert message["Message-ID"].endswith("@match.example>")
    assert message["Auto-Submitted"] == "auto-generated"


def test_markup_in_profiles_is_text_in_the_html_part(session: Session) -> None:
    ada, bea = make_sme(session, "Ada"), make_sme(session, "<img src=x onerror=alert(1)>")
    approve(session, ada, bea)
    match = session.exec(select(Match)).one()
    plain, html = parts(mail_to(session, ada))
    assert "<img src=x" in plain
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert match.strength == 0.75


def test_an_introduction_tells_each_the_others_contact(session: Session) -> None:
    ada = make_sme(session, "Ada", email="ada@firm.example")
    bea = make_sme(session, "Bea", city="rome", email="bea@firm.example", website="https://bea.example")
    forth, back = approve(session, ada, bea)
    interests.express(session, SETTINGS, forth, bea.id, Answer.INTERESTED)
    interests.express(session, SETTINGS, back, ada.id, Answer.INTERESTED)
    mails = session.exec(select(Email).where(Email.kind == "introduction").order_by(col(Email.sme_id))).all()
    for email, own, other in ((mails[0], "ada", "bea"), (mails[1], "bea", "ada")):
        assert email.to_address == f"{own}@firm.example"
        for text in parts(email):
            assert f"{other}@firm.example" in text
    assert "https://bea.example" in parts(mails[0])[0]


def test_a_sign_in_mail_says_how_long_it_works(session: Session) -> None:
    account = make_account(session, Role.ORGANISER, name="Olga", email="olga@workshop.example")
    email = letters.sign_in(session, SETTINGS, account, "https://match.example/sign-in/link/x")
    for text in parts(email):
        assert "https://match.example/sign-in/link/x" in text
        assert "ten minutes" in text


def test_an_address_with_a_line_break_is_refused(session: Session) -> None:
    ada, bea = make_sme(session, "Ada"), make_sme(session, "Bea")
    session.exec(select(Contact).where(Contact.sme_id == ada.id)).one().email = "a@x.example\nBcc: b@x.example"
    with pytest.raises(Exception, match=r"(?i)address|invalid"):
        approve(session, ada, bea)


def test_a_fresh_link_is_a_mail_to_an_sme_with_its_broker_to_reply_to_and_a_way_out(session: Session) -> None:
    ada = make_sme(session, "Ada & Söhne")
    broker = make_account(session, Role.BROKER)
    registration, _ = approve(session, ada, make_sme(session, "Bea", city="rome"))
    contact = session.exec(select(Contact).where(Contact.sme_id == ada.id)).one()
    fresh_links.mail(session, SETTINGS, contact.email, renews=False)

    email = session.exec(select(Email).where(Email.kind == "fresh_link")).one()
    message = parsed(email)
    assert (message["Reply-To"], "https://match.example/u/" in message["List-Unsubscribe"]) == (broker.email, True)
    for text in parts(email):
        assert interests.link(SETTINGS, registration) in text
        assert "do not forward it" in text
    assert "Ada &amp; Söhne" in parts(email)[1]


@pytest.mark.parametrize(
    ("role", "told"), [(Role.BROKER, "as a broker of Berlin"), (Role.ORGANISER, "organiser"), (Role.ADMIN, "an admin")]
)
def test_an_invitation_says_to_what(session: Session, role: Role, told: str) -> None:
    email = letters.account_invitation(
        session, SETTINGS, make_account(session, role), "https://match.example/invitation/x"
    )

    assert parsed(email)["List-Unsubscribe"] is None
    for text in parts(email):
        assert told in text
        assert "https://match.example/invitation/x" in text
        assert "seven days" in text


def test_a_password_mail_says_what_to_do_if_nobody_asked(session: Session) -> None:
    email = letters.password(session, SETTINGS, make_account(session), "https://match.example/password/x")

    for text in parts(email):
        assert "half an hour" in text
        assert "your password stays as it is" in text
