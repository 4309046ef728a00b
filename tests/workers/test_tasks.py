import fcntl
from datetime import timedelta
from email.message import EmailMessage
from hashlib import sha256

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, Wake, now
from broker.domain import changes, login_links, outbox, pulses, sign_ins, uploads
from broker.domain.mailings import writing
from broker.models import (
    Draft,
    Email,
    EmailStatus,
    ImportFile,
    LoginToken,
    Mailing,
    MailingKind,
    MatchRun,
    ProfileChange,
    RunStatus,
    SignIn,
    Sme,
    SmeStatus,
)
from tests import factories
from tests.domain.mail_rows import add_mail as add_sent
from tests.domain.mail_rows import approved_lists
from workers import tasks


@pytest.fixture
def woken(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[Wake]:
    """The tasks work on `database`; what they wake is kept here."""
    wakes: list[Wake] = []
    database.publish = wakes.append
    monkeypatch.setattr(tasks, "database", lambda: database)
    monkeypatch.setattr(tasks, "_reminded", -tasks.REMINDER_SECONDS)
    return wakes


def add_run(session: Session, **fields: object) -> int:
    event = factories.make_event(session)
    run = MatchRun(event_id=event.id or 0, created_at=now(session), **fields)
    session.add(run)
    session.flush()
    return run.id or 0


def add_mail(session: Session, key: str, **fields: object) -> int:
    message = EmailMessage()
    message["To"], message["Subject"] = "Ada <ada@firm.example>", "Your shortlist"
    message["From"], message["Message-ID"] = "us@broker.example", f"<{key}@broker.example>"
    message.set_content("Hello")
    email = outbox.write(session, message, key=key, kind="test", event_id=None, sme_id=None)
    for name, value in fields.items():
        setattr(email, name, value)
    session.info.pop("wakes", None)
    return email.id or 0


def test_where_nothing_is_to_do_the_sweep_wakes_nobody(woken: list[Wake]) -> None:
    tasks.sweep()
    assert woken == []


def test_the_sweep_wakes_a_run_whose_wake_up_was_lost(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        run_id = add_run(session)
    tasks.sweep()

    assert woken == [("matchruns.build", run_id)]


def test_the_sweep_takes_a_run_back_from_a_worker_that_died(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        silent = now(session) - timedelta(minutes=1)
        run_id = add_run(session, status=RunStatus.RUNNING, owner="gone", heartbeat_at=silent, attempts=1)
    tasks.sweep()

    assert woken == [("matchruns.build", run_id)]
    with database.read() as session:
        run = session.get_one(MatchRun, run_id)
        assert (run.status, run.owner) == (RunStatus.QUEUED, None)


def test_the_sweep_leaves_a_run_to_the_worker_that_has_it(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        run_id = add_run(session, status=RunStatus.RUNNING, owner="alive", heartbeat_at=now(session), attempts=1)
    tasks.sweep()

    assert woken == []
    with database.read() as session:
        assert session.get_one(MatchRun, run_id).owner == "alive"


def test_the_sweep_wakes_the_delivery_of_mail_that_is_due(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        add_mail(session, "due")
    tasks.sweep()

    assert woken == [("outbox.deliver", None)]


def test_the_sweep_lets_mail_wait_that_is_not_due(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        add_mail(session, "later", next_at=now(session) + timedelta(hours=1))
        add_mail(session, "sent", status=EmailStatus.SENT)
        add_mail(session, "failed", status=EmailStatus.FAILED)
    tasks.sweep()

    assert woken == []


def test_the_sweep_takes_mail_back_from_a_worker_that_died(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        over = now(session) - timedelta(seconds=1)
        email_id = add_mail(session, "stuck", status=EmailStatus.SENDING, owner="gone", lease_until=over)
    tasks.sweep()

    assert woken == [("outbox.deliver", None)]
    with database.read() as session:
        assert session.get_one(Email, email_id).status is EmailStatus.QUEUED


def test_the_sweep_writes_the_mails_that_are_due_by_date_in_short_transactions(
    database: Database, woken: list[Wake], monkeypatch: pytest.MonkeyPatch
) -> None:
    database.settings.demo_mark.touch()
    monkeypatch.setattr(tasks.mailings, "BATCH", 2)
    monkeypatch.setattr(tasks, "PAUSE_SECONDS", 0)
    limits: list[int] = []

    def write_two(session: Session, settings: Settings) -> int:
        limits.append(writing.write_due(session, settings, limit=2))
        return limits[-1]

    monkeypatch.setattr(tasks.mailings, "write_due", write_two)
    with database.write() as session:
        event = factories.make_event(session, opens=0, closes=24 * 60)
        smes = [factories.make_sme(session) for _ in range(3)]
        factories.register(session, event, *smes)
        approved_lists(session, event, (smes[0], smes[1]), (smes[0], smes[2]))
        for sme in smes:
            add_sent(session, event, sme, sent_at=now(session) - timedelta(days=2))
        session.add(Mailing(event_id=event.id, kind=MailingKind.REMINDER, due_at=now(session)))
    tasks.sweep()

    assert limits == [2, 1]
    assert woken == [("outbox.deliver", None)] * 2
    with database.read() as session:
        written = session.exec(select(Email.sme_id).where(Email.kind == "reminder")).all()
    assert written == [sme.id for sme in smes]


def test_the_sweep_forgets_sign_ins_that_are_over(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        account = factories.make_account(session)
        over = sign_ins.sign_in(session, account)
        still_open = sign_ins.sign_in(session, account)
        login_links.mail_sign_in(session, database.settings, account.email)
        moment = now(session) - timedelta(seconds=1)
        session.get_one(SignIn, sha256(over.encode()).hexdigest()).expires_at = moment
        session.exec(select(LoginToken)).one().expires_at = moment
    tasks.sweep()

    with database.read() as session:
        assert session.exec(select(LoginToken)).all() == []
        assert [row.token_hash for row in session.exec(select(SignIn))] == [sha256(still_open.encode()).hexdigest()]


def test_the_sweep_forgets_after_a_month_what_could_have_been_undone(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        sme, account = factories.make_sme(session), factories.make_account(session)
        old, fresh = (
            changes.keep(session, account, "pause", {sme.id: {"status": "published"}}) for _ in range(2)
        )  # fmt: skip
        old.at = now(session) - timedelta(days=31)
        uploads.keep(session, account, "old.csv", b"Name\nAda\n").uploaded_at = old.at
        session.add(old)
    tasks.sweep()

    with database.read() as session:
        assert [change.set_id for change in session.exec(select(ProfileChange))] == [fresh.id]
        assert session.exec(select(ImportFile)).all() == []


def test_the_sweep_beats(database: Database, woken: list[Wake]) -> None:
    tasks.sweep()

    with database.read() as session:
        assert set(pulses.last(session)) == {"sweep"}


def wait_for_a_sector(database: Database, waited: timedelta) -> None:
    with database.write() as session:
        since = now(session) - waited
        factories.make_sme(session, sector=None, sector_words="Bees and honey", updated_at=since)


def test_the_sweep_reminds_once_of_sectors_nobody_looked_for(database: Database, woken: list[Wake]) -> None:
    wait_for_a_sector(database, timedelta(seconds=40))
    tasks.sweep()
    tasks.sweep()

    assert woken == [("sectors.resolve", None)]


def test_the_sweep_leaves_a_sector_that_was_imported_a_moment_ago(database: Database, woken: list[Wake]) -> None:
    wait_for_a_sector(database, timedelta(seconds=20))
    tasks.sweep()

    assert woken == []


def test_sectors_are_looked_for_by_one_process_at_a_time(
    database: Database, woken: list[Wake], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Database] = []
    monkeypatch.setattr(tasks.shortlists, "resolve_sectors", looked.append)
    with (database.settings.home / "sectors.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        tasks.resolve_sectors()
        assert looked == []
    tasks.resolve_sectors()

    assert looked == [database]


def test_delivering_sends_what_is_due_once(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        add_mail(session, "one")
        add_mail(session, "two")
    tasks.deliver_outbox()
    tasks.deliver_outbox()

    with database.read() as session:
        assert [email.status for email in session.exec(select(Email))] == [EmailStatus.SENT] * 2
    assert len(list(database.settings.outbox_dir.glob("*.eml"))) == 2


def test_a_third_process_leaves_the_delivery_to_the_two_at_it(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        add_mail(session, "one")
    with tasks._one_of("deliver", 2) as first, tasks._one_of("deliver", 2) as second:
        tasks.deliver_outbox()
        assert (first, second) == (True, True)
        with database.read() as session:
            assert session.exec(select(Email.status)).one() is EmailStatus.QUEUED
    tasks.deliver_outbox()

    with database.read() as session:
        assert session.exec(select(Email.status)).one() is EmailStatus.SENT


def test_a_turn_that_is_over_calls_the_next_one(
    database: Database, woken: list[Wake], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "TURN_SECONDS", 0.0)
    with database.write() as session:
        add_mail(session, "one")
    tasks.deliver_outbox()

    with database.read() as session:
        assert session.exec(select(Email.status)).one() is EmailStatus.QUEUED
    assert woken == [("outbox.deliver", None)]


@pytest.mark.parametrize(("cap", "called"), [(0, 1), (100, 0)])
def test_where_much_is_due_another_process_is_called_unless_a_cap_would_stop_it(
    database: Database, woken: list[Wake], monkeypatch: pytest.MonkeyPatch, cap: int, called: int
) -> None:
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(tasks.deliver_outbox, "apply_async", lambda **options: calls.append(options))
    database.settings.mails_per_minute = cap
    with database.write() as session:
        for number in range(tasks.MUCH + 1):
            add_mail(session, f"mail-{number}")
    tasks.deliver_outbox()
    tasks.deliver_outbox()

    called = 0 if database.settings.is_sqlite else called
    assert calls == [{"expires": 5.0, "retry": False}] * called


def test_the_sweep_leaves_mail_to_those_who_deliver_but_not_what_it_has_taken_back(
    database: Database, woken: list[Wake]
) -> None:
    with database.write() as session:
        add_mail(session, "due")
        pulses.beat(session, "relay")
    woken.clear()
    tasks.sweep()
    assert woken == []
    with database.write() as session:
        email = session.exec(select(Email)).one()
        email.status, email.owner, email.lease_until = EmailStatus.SENDING, "dead", now(session) - timedelta(seconds=1)
        pulses.beat(session, "relay")
    tasks.sweep()
    assert woken == [("outbox.deliver", None)]


def test_a_run_that_another_worker_has_is_left_alone(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        run_id = add_run(session, status=RunStatus.RUNNING, owner="alive", heartbeat_at=now(session))
    tasks.build_match_run(run_id)

    with database.read() as session:
        assert session.get_one(MatchRun, run_id).owner == "alive"


def test_a_run_that_is_done_is_not_built_again(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        run_id = add_run(session, status=RunStatus.DONE, result_hash="kept")
    tasks.build_match_run(run_id)

    with database.read() as session:
        assert session.get_one(MatchRun, run_id).result_hash == "kept"


def test_the_sweep_reads_what_came_back(database: Database, woken: list[Wake]) -> None:
    folder = database.settings.bounces_dir / "new"
    folder.mkdir(parents=True)
    (folder / "1.M1.mx").write_text("Subject: no report\n\nHello")

    tasks.sweep()

    assert [path.name for path in (folder.parent / "unread").iterdir()] == ["1.M1.mx"]


def test_a_draft_is_looked_at_and_texts_are_read_by_their_ids(
    database: Database, woken: list[Wake], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(tasks.shortlists, "look", lambda found, draft_id: seen.append((found, draft_id)))
    monkeypatch.setattr(tasks.shortlists, "read_texts", lambda found: seen.append(found) or 3)
    tasks.look_at_draft(7)
    tasks.read_texts()
    with (database.settings.home / "texts.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        tasks.read_texts()
    assert seen == [(database, 7), database]


def test_the_sweep_expires_reminds_and_wakes_forgotten_drafts_once(database: Database, woken: list[Wake]) -> None:
    with database.write() as session:
        moment = now(session)
        over = factories.make_sme(session, expires_at=moment - timedelta(days=1))
        factories.make_sme(session, expires_at=moment + timedelta(days=20))
        account = factories.make_account(session)
        draft = Draft(account_id=account.id, sme_id=over.id, asked_at=moment - timedelta(minutes=1))
        session.add(draft)
    tasks.sweep()
    tasks.sweep()
    assert woken.count(("outbox.deliver", None)) >= 1
    assert woken.count(("drafts.look", draft.id)) == 2
    with database.read() as session:
        assert session.get_one(Sme, over.id).status is SmeStatus.EXPIRED
        assert [email.kind for email in session.exec(select(Email))] == ["expiry"]
