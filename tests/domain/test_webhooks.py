"""What happens is told to the programs of those who may know it: once at least, signed, and for a day."""

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import calls, erasure, interests, outbox, relay, runs, suppressions, webhooks
from broker.domain.claims import TOO_LATE, claim
from broker.domain.http_delivery import HttpDelivery
from broker.domain.queries.health import figures, health
from broker.domain.queries.mail import outbox as demo_outbox
from broker.domain.queries.mail_health import mail_page
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import (
    Account,
    Answer,
    AuditEntry,
    Email,
    EmailStatus,
    MatchRun,
    Registration,
    Role,
    RunStatus,
    Webhook,
)
from tests import factories
from tests.domain.call_rows import Receiver, receiver
from tests.domain.mail_rows import approved_lists

ALL = list(webhooks.EVENTS)


@pytest.fixture
def there() -> Iterator[Receiver]:
    """A program that takes calls."""
    with receiver() as found:
        yield found


@pytest.fixture
def settings(database: Database) -> Settings:
    """Of a service that may call its own network, as the receiver is there."""
    database.settings.webhook_private = True
    return database.settings


def add(session: Session, account: Account, url: str = "https://crm.example/", events: list[str] | None = None) -> int:
    return webhooks.create(session, account, url, events or ALL).id


def rows(database: Database) -> list[Email]:
    with database.read() as session:
        return list(session.exec(select(Email).where(col(Email.webhook_id).is_not(None)).order_by(col(Email.id))))


def make_test_call(database: Database, url: str) -> int:
    with database.write() as session:
        account = factories.make_account(session, Role.ADMIN)
        webhook_id = add(session, account, url)
        webhooks.test(session, account, webhook_id)
    return webhook_id


def let_be_due(database: Database) -> None:
    with database.write() as session:
        for call in session.exec(select(Email).where(Email.status == EmailStatus.QUEUED)):
            call.next_at = now(session)


def test_a_call_is_signed_as_standard_webhooks_has_it(database: Database, settings: Settings, there: Receiver) -> None:
    webhook_id = make_test_call(database, there.url)

    assert relay.call_due(database, owner="w") == relay.Delivered(sent=1)

    [(path, headers, body)] = there.requests
    with database.read() as session:
        webhook, call = session.get_one(Webhook, webhook_id), session.exec(select(Email)).one()
        moment = now(session)
    secret = webhooks.secret(settings, webhook_id, webhook.salt)
    assert secret.startswith("whsec_")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == expected
    assert headers["webhook-id"] == call.message_id
    assert headers["content-type"] == "application/json"
    assert abs(int(headers["webhook-timestamp"]) - moment.timestamp()) < 300
    assert path == "/hook?key=1"
    told = json.loads(body)
    assert (told["type"], told["data"]) == ("webhook.test", {"webhook_id": webhook_id})
    assert told["timestamp"].endswith("Z")
    assert (call.status, call.attempts, call.error) == (EmailStatus.SENT, 1, "")


def test_the_secret_is_kept_nowhere_and_each_webhook_has_its_own(database: Database) -> None:
    with database.write() as session:
        account = factories.make_account(session, Role.ADMIN)
        found = [session.get_one(Webhook, add(session, account)) for _ in range(2)]
    one, other = (webhooks.secret(database.settings, webhook.id, webhook.salt) for webhook in found)
    assert one != other
    assert one.removeprefix("whsec_") not in str([webhook.model_dump() for webhook in found])


def test_a_call_that_is_refused_is_made_again_later_with_the_same_id(
    database: Database, settings: Settings, there: Receiver
) -> None:
    make_test_call(database, there.url)
    there.status = 500
    waits = []
    for attempt in (1, 2, 3):
        assert relay.call_due(database, owner="w") == relay.Delivered(later=1)
        [call] = rows(database)
        assert (call.status, call.attempts) == (EmailStatus.QUEUED, attempt)
        assert call.error == "The answer was 500 Internal Server Error."
        assert relay.call_due(database, owner="w") == relay.Delivered()
        with database.read() as session:
            waits.append((call.next_at - now(session)).total_seconds())
        let_be_due(database)
    there.status = 200
    assert relay.call_due(database, owner="w") == relay.Delivered(sent=1)

    assert 10 < waits[0] <= 25
    assert 25 < waits[1] <= 50
    assert 55 < waits[2] <= 100
    assert len({headers["webhook-id"] for _, headers, _ in there.requests}) == 1
    assert len({body for _, _, body in there.requests}) == 1


def test_a_call_whose_time_is_over_fails(database: Database, settings: Settings, there: Receiver) -> None:
    make_test_call(database, there.url)
    with database.write() as session:
        call = session.exec(select(Email)).one()
        assert call.deadline - call.created_at == timedelta(hours=24)
        call.deadline = now(session) - timedelta(seconds=1)
        call.error = "The answer was 503."

    assert relay.call_due(database, owner="w") == relay.Delivered()

    assert [(call.status, call.error) for call in rows(database)] == [
        (EmailStatus.FAILED, f"{TOO_LATE} The answer was 503.")
    ]
    assert there.requests == []


def test_a_receiver_that_is_gone_switches_its_webhook_off(
    database: Database, settings: Settings, there: Receiver
) -> None:
    webhook_id = make_test_call(database, there.url)
    there.status = 410

    assert relay.call_due(database, owner="w") == relay.Delivered(failed=1)

    with database.read() as session:
        assert not session.get_one(Webhook, webhook_id).active
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "webhook.off")).one()
        assert (entry.actor, entry.subject) == ("webhooks", f"webhook {webhook_id}")
        assert len(session.exec(select(Email)).all()) == 1  # nobody is mailed about it


def test_where_nobody_answers_the_other_calls_of_the_webhook_wait_too(database: Database, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}/"
    make_test_call(database, closed)
    with database.write() as session:
        event = factories.make_event(session)
        for _ in range(3):
            run = MatchRun(event_id=event.id, requested_by="test", status=RunStatus.DONE, created_at=now(session))
            session.add(run)
            session.flush()
            runs.finish(session, run, RunStatus.DONE)

    assert relay.call_due(database, owner="w") == relay.Delivered(later=1)

    found = rows(database)
    assert [call.attempts for call in found] == [1, 0, 0, 0]
    assert len({call.next_at for call in found}) == 1
    assert found[0].error == "No answer: nobody listens there."


def test_mails_and_calls_are_claimed_apart(database: Database, settings: Settings, there: Receiver) -> None:
    make_test_call(database, there.url)
    with database.write() as session:
        assert claim(session, settings, "w", now(session)) is None
        assert (outbox.count_due(session), outbox.count_due_calls(session)) == (0, 1)
    assert relay.deliver_due(database, owner="w") == relay.Delivered()
    assert list(settings.outbox_dir.glob("*")) == []
    assert there.requests == []


def test_no_list_of_mails_has_calls_and_no_suppression_stops_one(
    database: Database, settings: Settings, there: Receiver
) -> None:
    make_test_call(database, there.url)
    with database.write() as session:
        suppressions.suppress(session, "127.0.0.1", "unsubscribed")
        assert demo_outbox(session)[0] == []
        assert mail_page(session, None, EmailStatus.QUEUED).total == 0
        assert health(session).mails == {}
        assert figures(session).mails == {}
        assert figures(session).calls == {"queued": 1}
    assert relay.call_due(database, owner="w") == relay.Delivered(sent=1)


def test_a_worker_that_died_leaves_its_call_to_the_next(
    database: Database, settings: Settings, there: Receiver
) -> None:
    make_test_call(database, there.url)
    with database.write() as session:
        assert calls.claim(session, settings, "dead", now(session)) is not None
    assert relay.call_due(database, owner="w") == relay.Delivered()
    with database.write() as session:
        session.exec(select(Email)).one().lease_until = now(session) - timedelta(seconds=1)
    assert relay.call_due(database, owner="w") == relay.Delivered(sent=1)


@pytest.fixture
def people(session: Session) -> dict[str, int]:
    """The webhooks of everybody; Ada and Bea are of Berlin and Pilsen, on each other's approved lists."""
    event = factories.make_event(session, organiser_id=factories.make_account(session, Role.ORGANISER).id)
    ada, bea = factories.make_sme(session, "Ada"), factories.make_sme(session, "Bea", city="pilsen")
    registrations = factories.register(session, event, ada, bea)
    approved_lists(session, event, (ada, bea))
    found = {"event": event.id, "registration a": registrations[0].id, "registration b": registrations[1].id}
    found |= {"a": ada.id, "b": bea.id, "organiser": add(session, session.get_one(Account, event.organiser_id))}
    for name, role, city in (
        ("other organiser", Role.ORGANISER, None),
        ("berlin", Role.BROKER, "berlin"),
        ("pilsen", Role.BROKER, "pilsen"),
        ("rome", Role.BROKER, "rome"),
        ("admin", Role.ADMIN, None),
    ):
        found[name] = add(session, factories.make_account(session, role, city=city))
    session.commit()
    return found


def both_say_yes(database: Database, people: dict[str, int]) -> None:
    with database.write() as session:
        for own, other in (("a", "b"), ("b", "a")):
            registration = session.get_one(Registration, people[f"registration {own}"])
            interests.express(session, database.settings, registration, people[other], Answer.INTERESTED)


def told(database: Database, people: dict[str, int]) -> dict[str, Any]:
    names = {webhook_id: name for name, webhook_id in list(people.items())[5:]}
    return {names[call.webhook_id or 0]: json.loads(call.message) for call in rows(database)}


def test_two_yeses_are_told_to_those_who_may_know(database: Database, people: dict[str, int]) -> None:
    both_say_yes(database, people)

    found = told(database, people)
    assert sorted(found) == ["admin", "berlin", "organiser", "pilsen"]
    assert {one["type"] for one in found.values()} == {"interest.mutual"}
    pair = {"event_id": people["event"], "a_id": people["a"], "b_id": people["b"]}
    assert [one["data"] for one in found.values()] == [pair | {"introduction_id": 1}] * 4


def test_a_run_that_ended_is_told_to_its_organiser_and_administrators(
    database: Database, people: dict[str, int]
) -> None:
    with database.write() as session:
        run_id = runs.request(session, "test", people["event"]).id
        runs.cancel(session, "test", run_id)

    found = told(database, people)
    assert sorted(found) == ["admin", "organiser"]
    assert found["admin"]["data"] == {"event_id": people["event"], "run_id": run_id, "status": "cancelled"}


def test_what_a_webhook_did_not_ask_for_is_not_told(database: Database, people: dict[str, int]) -> None:
    with database.write() as session:
        for webhook in session.exec(select(Webhook)):
            webhook.events = ["run.finished"]
    both_say_yes(database, people)
    assert rows(database) == []


@pytest.mark.parametrize("change", ["deactivated", "another role", "another city", "switched off"])
def test_who_may_not_know_any_more_gets_no_call_that_waits(
    database: Database, settings: Settings, people: dict[str, int], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_say_yes(database, people)
    with database.write() as session:
        for webhook in session.exec(select(Webhook)):
            account = session.get_one(Account, webhook.account_id)
            if webhook.id != people["berlin"]:
                webhook.active = False
            elif change == "deactivated":
                account.active = False
            elif change == "another role":
                account.role, account.city_code = Role.ORGANISER, None
            elif change == "another city":
                account.city_code = "rome"
            else:
                webhook.active = False
    monkeypatch.setattr(HttpDelivery, "send", lambda *_: pytest.fail("it was called"))

    assert relay.call_due(database, owner="w") == relay.Delivered()

    assert {(call.status, call.error) for call in rows(database)} == {(EmailStatus.SUPPRESSED, calls.UNWANTED)}


def test_calls_that_name_an_erased_sme_go_with_it(database: Database, people: dict[str, int]) -> None:
    both_say_yes(database, people)
    with database.write() as session:
        erasure.erase(session, "test", people["a"])
    assert rows(database) == []


def test_a_webhook_is_its_accounts_alone(session: Session) -> None:
    owner, other = factories.make_account(session), factories.make_account(session)
    webhook_id = add(session, owner)
    for act in (
        lambda: webhooks.get(session, other, webhook_id),
        lambda: webhooks.switch(session, other, webhook_id, active=False),
        lambda: webhooks.test(session, other, webhook_id),
        lambda: webhooks.delete(session, other, webhook_id),
    ):
        with pytest.raises(NotFoundError):
            act()


def test_what_is_done_to_a_webhook_is_recorded(session: Session) -> None:
    account = factories.make_account(session)
    webhook_id = add(session, account)
    webhooks.switch(session, account, webhook_id, active=False)
    webhooks.switch(session, account, webhook_id, active=False)
    with pytest.raises(ConflictError):
        webhooks.test(session, account, webhook_id)
    webhooks.switch(session, account, webhook_id, active=True)
    webhooks.test(session, account, webhook_id)
    with pytest.raises(ConflictError):
        webhooks.test(session, account, webhook_id)
    webhooks.delete(session, account, webhook_id)
    assert session.exec(select(Email)).all() == []
    actions = session.exec(select(AuditEntry.action).order_by(col(AuditEntry.id))).all()
    assert actions == ["webhook.create", "webhook.off", "webhook.on", "webhook.test", "webhook.delete"]


def test_there_is_an_end_to_webhooks_and_to_what_they_may_ask_for(session: Session) -> None:
    account = factories.make_account(session)
    for events in ([], ["something"], ["run.finished", "something"]):
        with pytest.raises(InvalidError):
            webhooks.create(session, account, "https://crm.example/", events)
    for _ in range(webhooks.MOST_WEBHOOKS):
        add(session, account)
    with pytest.raises(ConflictError):
        add(session, account)
