"""After an erasure neither the name nor the address of an SME is found in any table, and nothing else is lost."""

import json
import threading
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, cast

import pytest
from sqlmodel import Session, SQLModel, col, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import (
    approvals,
    changes,
    erasure,
    events,
    interests,
    outbox,
    relay,
    reports,
    suppressions,
    workbooks,
)
from broker.domain.queries import own_data
from broker.errors import ConflictError, NotFoundError
from broker.models import (
    Answer,
    AuditEntry,
    Contact,
    Draft,
    Email,
    EmailStatus,
    Embedding,
    Event,
    ImportFile,
    Interest,
    MatchRun,
    PairRule,
    PastPartner,
    ProfileChange,
    Proposal,
    ReadinessCheck,
    Registration,
    Review,
    Role,
    RunStatus,
    Shortlist,
    Sme,
    Suppression,
)
from tests import spreadsheets
from tests.factories import make_account, make_event, make_shortlists, make_sme, register

NAME, ADDRESS, PERSON = "Zážitková Dílna", "hana@dilna.example", "Hana Nováková"
PHRASE = "stage sets that react to visitors"


@pytest.fixture
def settings(database: Database) -> Settings:
    """Not a demo's: mails can be written."""
    database.settings.secret_key = "a secret of this test only, long enough"
    return database.settings


@pytest.fixture
def dilna(database: Database, settings: Settings) -> Sme:
    """An SME that left a trace in every table, and two partners: Ada was introduced to it, Bea was only shown it."""
    with database.write() as session:
        dilna = make_sme(session, NAME, city="pilsen", email=ADDRESS, offers=[PHRASE], name_key="zazitkova dilna")
        session.exec(select(Contact).where(Contact.sme_id == dilna.id)).one().name = PERSON
        ada, bea, cyd = (make_sme(session, name, city="rome") for name in ("Ada", "Bea", "Dílna Cyd"))
        event = make_event(session, organiser_id=make_account(session, Role.ORGANISER).id)
        registrations = register(session, event, dilna, ada, bea, cyd)
        lists = make_shortlists(session, event, (dilna, ada), (dilna, bea), (bea, cyd))
        _leave_traces(session, dilna, ada, lists)
        approvals.approve(session, settings, "ann", event.id)
        interests.express(session, settings, registrations[0], ada.id, Answer.INTERESTED)
        interests.express(session, settings, registrations[1], dilna.id, Answer.INTERESTED, f"We like {NAME}")
        _write_to_the_broker(session, event)
        for waiting in session.exec(select(Email).order_by(col(Email.id)).offset(2)):
            waiting.next_at += timedelta(hours=1)
    relay.deliver_due(database, owner="test")
    with database.write() as session:
        reports.log_export(session, "ann", event.id, "matches", "csv", reports.table(session, event.id, "matches"))
    return dilna


def _leave_traces(session: Session, dilna: Sme, ada: Sme, lists: dict[int, Shortlist]) -> None:
    quote = {"need": "a stage", "offer": PHRASE, "strength": "good", "source": "offer"}
    run = session.get_one(MatchRun, lists[ada.id].run_id)
    run.report = {
        "rings": [
            {"members": [str(dilna.id), str(ada.id)], "evidence": [quote, None]},
            {"members": [str(ada.id)], "evidence": [None]},
        ],
        "relaxations": [f"allow one partner of its own city for {NAME}", "register 2 more SMEs"],
    }
    account = make_account(session, city="rome")
    lists[dilna.id].shortfall = {"relaxation": f"allow one partner of its own sector for {NAME}"}
    session.add_all(
        [
            Embedding(sme_id=dilna.id, model="m", text_hash="h", vector=b"\0"),
            Proposal(sme_id=dilna.id, version=1, after={"description": PHRASE}, note=NAME, made_at=now(session)),
            PastPartner(a_id=dilna.id, b_id=ada.id, source="test"),
            PairRule(event_id=lists[ada.id].event_id, a_id=dilna.id, b_id=ada.id, kind="pin"),
            PairRule(
                event_id=lists[ada.id].event_id,
                a_id=ada.id,
                b_id=make_sme(session, "Third").id,
                kind="ban",
                reason=f"{NAME} asked for it",
            ),
            Draft(account_id=account.id, sme_id=dilna.id, offers=[PHRASE], asked_at=now(session)),
            Draft(account_id=account.id, sme_id=ada.id, asked_at=now(session), result={"onlookers": [quote]}),
            Review(sme_id=dilna.id, asked_by_id=account.id, asked_at=now(session), note=f"Who is {NAME}?"),
            ReadinessCheck(sme_id=dilna.id, reason=f"{NAME} is ready", taken_at=now(session), taken_by="ann"),
            _upload(session, f"Name,E-Mail\n{NAME} s.r.o.,x@y.example\n"),
            _upload(session, f"Name,E-Mail\nSomebody,{ADDRESS.upper()}\n"),
            _upload(session, "Name,E-Mail\nOther,other@y.example\n"),
            _imported(session, [["name", NAME.upper(), ""], ["mail", "Z", f"to {ADDRESS}"], ["city", "Other", "x@y"]]),
            _imported(session, [["city", f"{NAME} s.r.o.", ""]]),
        ]
    )
    session.flush()
    changes.keep(session, make_account(session, city="pilsen"), "import", changes.images(session, [dilna.id, ada.id]))


def _upload(session: Session, text: str) -> ImportFile:
    return ImportFile(file_name="smes.csv", content=text.encode(), uploaded_at=now(session), applied_at=None)


def _imported(session: Session, rejected: list[list[str]]) -> ImportFile:
    kept = {"headers": ["problem", "Name", "E-Mail"], "rows": rejected}
    moment = now(session)
    return ImportFile(file_name="old.csv", uploaded_at=moment, applied_at=moment, rejected=kept)


def _write_to_the_broker(session: Session, event: Event) -> None:
    """A mail to an account that names the SME, as a summary does."""
    message = EmailMessage()
    message["To"], message["Subject"] = "b@network.example", "Your summary"
    message["From"], message["Message-ID"] = "us@network.example", "<summary@network.example>"
    message.set_content(f"Not reached: {NAME}")
    outbox.write(session, message, "summary:1", "summary", event.id, None)


def everything(session: Session) -> dict[str, str]:
    """All there is in each table as one text, mails decoded."""
    found = {}
    for table in SQLModel.metadata.sorted_tables:
        rows = session.connection().execute(select(table)).all()
        found[table.name] = "\n".join(_text(value) for row in rows for value in row)
    return found


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        message = cast(EmailMessage, message_from_bytes(value, policy=SMTP))
        bodies = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
        return "\n".join([value.decode("latin-1"), value.decode(errors="replace"), *map(str, bodies)])
    return json.dumps(value, ensure_ascii=False, default=str)


def tables_with(session: Session, words: str) -> set[str]:
    return {name for name, text in everything(session).items() if words.casefold() in text.casefold()}


def test_name_address_person_and_words_are_in_no_table_afterwards(database: Database, dilna: Sme) -> None:
    with database.read() as session:
        named = {"sme", "email", "matchrun", "shortlist", "importfile", "interest", "pairrule"}
        assert tables_with(session, NAME) >= named
        assert tables_with(session, ADDRESS) >= {"contact", "email", "importfile"}
        assert tables_with(session, PHRASE) >= {"statement", "matchrun", "proposal"}

    with database.write() as session:
        erasure.erase(session, "ann", dilna.id)

    with database.read() as session:
        for words in (NAME, ADDRESS, PERSON, PHRASE, "Zážitková"):
            assert tables_with(session, words) == set()
        for table in SQLModel.metadata.sorted_tables:
            for column in table.columns:
                if any(key.column.table.name == "sme" for key in column.foreign_keys):
                    assert session.connection().execute(select(table).where(column == dilna.id)).all() == []
        assert [(row.address_hash, row.reason) for row in session.exec(select(Suppression))] == [
            (suppressions.address_hash(ADDRESS), "erased")
        ]
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "sme.erase")).one()
        assert (entry.actor, entry.subject) == ("ann", f"sme:{dilna.id}")


def test_what_is_others_stays(database: Database, dilna: Sme) -> None:
    with database.write() as session:
        erasure.erase(session, "ann", dilna.id)

    with database.read() as session:
        assert session.exec(select(Sme.name).order_by(Sme.name)).all() == ["Ada", "Bea", "Dílna Cyd", "Third"]
        assert len(session.exec(select(Registration)).all()) == 3
        report = session.exec(select(MatchRun)).one().report
        assert [len(ring["members"]) for ring in report["rings"]] == [1]
        assert report["relaxations"] == [
            "allow one partner of its own city for an SME that was erased",
            "register 2 more SMEs",
        ]
        waiting = select(ImportFile.content).where(col(ImportFile.applied_at).is_(None))
        assert session.exec(waiting).all() == [b"Name,E-Mail\nOther,other@y.example\n"]
        imported = select(ImportFile).where(col(ImportFile.applied_at).is_not(None)).order_by(col(ImportFile.id))
        kept = [file.rejected for file in session.exec(imported)]
        assert kept == [{"headers": ["problem", "Name", "E-Mail"], "rows": [["city", "Other", "x@y"]]}, None]
        assert len(session.exec(select(ProfileChange)).all()) == 1


def test_mails_that_name_it_are_emptied_and_not_sent_and_the_rest_is_untouched(database: Database, dilna: Sme) -> None:
    with database.read() as session:
        sent = session.exec(select(Email.id).where(Email.status == EmailStatus.SENT)).all()

    with database.write() as session:
        erasure.erase(session, "ann", dilna.id)

    with database.read() as session:
        mails = session.exec(select(Email).order_by(col(Email.id))).all()
        names = {sme.id: sme.name for sme in session.exec(select(Sme))}
        kept = [(email.kind, names.get(email.sme_id or 0)) for email in mails if email.message]
        emptied = {(email.kind, names.get(email.sme_id or 0)): email for email in mails if not email.message}
    assert kept == [("shortlist", "Dílna Cyd")]
    assert set(emptied) == {("shortlist", "Ada"), ("shortlist", "Bea"), ("introduction", "Ada"), ("summary", None)}
    assert {email.subject for email in emptied.values()} == {"an SME that was erased"}
    for email in emptied.values():
        assert email.status == (EmailStatus.SENT if email.id in sent else EmailStatus.SUPPRESSED)


def test_files_of_its_mails_and_of_those_that_name_it_are_deleted(
    database: Database, settings: Settings, dilna: Sme
) -> None:
    with database.write() as session:
        for waiting in session.exec(select(Email).where(Email.status == EmailStatus.QUEUED)):
            waiting.next_at = now(session)
    relay.deliver_due(database, owner="test")
    unread = settings.bounces_dir / "unread"
    unread.mkdir(parents=True)
    (unread / "1").write_text(f"Final-Recipient: rfc822; {ADDRESS.upper()}\n")
    (unread / "2").write_text("Subject: something else\n")
    (unread / "0 read").mkdir()
    before = {path.name for path in settings.outbox_dir.iterdir()}
    with database.write() as session:
        erased = erasure.erase(session, "ann", dilna.id)

    assert erasure.clear_files(settings, erased) == 7

    assert len(before) == 7
    (left,) = settings.outbox_dir.iterdir()
    assert "Dílna Cyd" in _text(left.read_bytes())
    assert sorted(path.name for path in unread.iterdir()) == ["0 read", "2"]
    assert [(export.actor, export.what) for export in erased.exports] == [("ann", "matches")]


def test_it_is_not_mailed_when_somebody_enters_it_again(database: Database, settings: Settings, dilna: Sme) -> None:
    with database.write() as session:
        erasure.erase(session, "ann", dilna.id)
        again, other = make_sme(session, "Dílna", email=ADDRESS.upper()), make_sme(session, "Eva")
        event = make_event(session)
        register(session, event, again, other)
        make_shortlists(session, event, (again, other))
        approvals.approve(session, settings, "ann", event.id)
        status = session.exec(select(Email.status).where(Email.sme_id == again.id)).one()
    assert status is EmailStatus.SUPPRESSED


def test_an_earlier_reason_gives_way_to_the_erasure(database: Database, dilna: Sme) -> None:
    with database.write() as session:
        suppressions.suppress(session, ADDRESS, suppressions.UNSUBSCRIBED)
        suppressions.suppress(session, ADDRESS, suppressions.BOUNCED)
        assert suppressions.reason_of(session, ADDRESS) == "unsubscribed"
        erasure.erase(session, "ann", dilna.id)
        assert suppressions.reason_of(session, ADDRESS) == "erased"


@pytest.mark.parametrize("kind", ["own mail", "mail of a partner"])
def test_a_mail_in_flight_has_to_be_waited_for(database: Database, dilna: Sme, kind: str) -> None:
    with database.write() as session:
        own = col(Email.sme_id) == dilna.id if kind == "own mail" else col(Email.kind) == "introduction"
        email = session.exec(select(Email).where(own, col(Email.sme_id).is_not(None))).all()[-1]
        email.status, email.lease_until = EmailStatus.SENDING, now(session) + timedelta(minutes=1)

    with pytest.raises(ConflictError, match="being sent"), database.write() as session:
        erasure.erase(session, "ann", dilna.id)

    with database.read() as session:
        assert session.get(Sme, dilna.id) is not None
        assert session.exec(select(Suppression)).all() == []


def test_a_build_under_way_has_to_be_waited_for(database: Database, dilna: Sme) -> None:
    with database.write() as session:
        event_id = session.exec(select(Registration.event_id).where(Registration.sme_id == dilna.id)).one()
        session.add(MatchRun(event_id=event_id, status=RunStatus.RUNNING, created_at=now(session)))

    with pytest.raises(ConflictError, match="being built"), database.write() as session:
        erasure.erase(session, "ann", dilna.id)


def test_spreadsheets_that_wait_to_be_read_have_to_be_waited_for(
    database: Database, dilna: Sme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "PATIENCE", 0.01)
    monkeypatch.setattr(workbooks, "_turns", threading.BoundedSemaphore(1))
    book = spreadsheets.xlsx([["Name", "City"], ["Somebody Else", "Berlin"]])
    with database.write() as session:
        session.add(ImportFile(file_name="smes.xlsx", content=book, uploaded_at=now(session), applied_at=None))
    with database.read() as session:
        before = everything(session)
    with workbooks._turns, pytest.raises(ConflictError, match="being read"), database.write() as session:
        erasure.erase(session, "ann", dilna.id)
    with database.read() as session:
        assert everything(session) == before


def test_what_was_written_of_others_names_it_no_more(session: Session) -> None:
    dilna, ada, bea = make_sme(session, NAME, email=ADDRESS), make_sme(session), make_sme(session)
    event, author, moment = make_event(session), make_account(session), now(session)
    words, full = f"Like {NAME.upper()}, ask {ADDRESS}", NAME + "." * (300 - len(NAME))
    session.add_all(
        [
            Review(sme_id=ada.id, asked_by_id=author.id, asked_at=moment, note=words),
            Proposal(sme_id=ada.id, version=1, after={}, note=words, made_at=moment),
            ReadinessCheck(sme_id=ada.id, reason=words, taken_at=moment, taken_by="ann"),
            Interest(
                event_id=event.id,
                sme_id=ada.id,
                partner_id=bea.id,
                answer=Answer.NOT_NOW,
                answered_at=moment,
                reason=full,
            ),
        ]
    )
    session.flush()
    erasure.erase(session, "ann", dilna.id)
    session.flush()

    notes = [session.exec(select(table.note)).one() for table in (Review, Proposal)]
    told = "Like an SME that was erased, ask an SME that was erased"
    assert [*notes, session.exec(select(ReadinessCheck.reason)).one()] == [told] * 3
    assert session.exec(select(Interest.reason)).one() == full.replace(NAME, "an SME that was erased")[:300]


@pytest.fixture
def taken_off(database: Database, dilna: Sme) -> Sme:
    """The SME after the organiser withdrew it, and before its partners' mails left."""
    with database.write() as session:
        event_id = session.exec(select(Registration.event_id).where(Registration.sme_id == dilna.id)).one()
        events.withdraw(session, "organiser:1", event_id, dilna.id)
    return dilna


def test_of_an_sme_that_was_taken_off_its_event_nothing_stays_either(database: Database, taken_off: Sme) -> None:
    with database.write() as session:
        erased = erasure.erase(session, "ann", taken_off.id)

    with database.read() as session:
        for words in (NAME, ADDRESS, PERSON, PHRASE, "Zážitková"):
            assert tables_with(session, words) == set()
        waiting = session.exec(select(Email).where(Email.status == EmailStatus.QUEUED)).all()
        assert [session.get_one(Sme, email.sme_id).name for email in waiting] == ["Dílna Cyd"]
    assert [(export.actor, export.what) for export in erased.exports] == [("ann", "matches")]


def test_a_build_at_an_event_it_was_taken_off_has_to_be_waited_for(database: Database, taken_off: Sme) -> None:
    with database.write() as session:
        event_id = session.exec(select(Event.id)).one()
        session.add(MatchRun(event_id=event_id, status=RunStatus.RUNNING, created_at=now(session)))

    with pytest.raises(ConflictError, match="being built"), database.write() as session:
        erasure.erase(session, "ann", taken_off.id)


def test_files_of_an_event_it_was_taken_off_are_told_also_where_nothing_was_built(session: Session) -> None:
    sme, event, other = make_sme(session), make_event(session), make_event(session)
    register(session, event, sme)
    reports.log_export(session, "ann", event.id, "participants", "csv", reports.Table((), []))
    reports.log_export(session, "ann", other.id, "participants", "csv", reports.Table((), []))
    events.withdraw(session, "organiser:1", event.id, sme.id)
    session.flush()

    assert [row["what"] for row in own_data.exports(session, sme)] == ["participants"]
    assert [export.event_id for export in erasure.erase(session, "ann", sme.id).exports] == [event.id]


def test_what_is_not_there_cannot_be_erased(session: Session) -> None:
    with pytest.raises(NotFoundError):
        erasure.erase(session, "ann", 4711)


def test_an_sme_without_a_contact_can_be_erased(session: Session) -> None:
    sme = make_sme(session, "Nobody", email="")
    assert erasure.erase(session, "ann", sme.id).message_ids == []
    assert session.exec(select(Sme)).all() == []
