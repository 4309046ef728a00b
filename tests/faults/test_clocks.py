"""Machines whose clocks are an hour off, and clocks that change while mails may leave: none early, none twice."""

import sys
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from broker.db import Database, now
from broker.domain import relay
from broker.domain.windows import Window, is_open
from broker.models import Email, EmailStatus
from tests.faults import figures
from tests.faults.mails import drained, write_mail
from tests.faults.queues import PrivateQueue
from tests.faults.sink import Manners, running_sink
from tests.faults.workers import extras
from tests.integration.workers import WORKER, start_celery

HOUR = 3600
MAILS = figures.size(300, 30)
LATER = figures.size(20, 5)
"""Seconds from now on before which the second half may not leave."""


def celery(shift: int) -> tuple[str, ...]:
    """Celery on a machine whose clock is so many seconds ahead."""
    return (sys.executable, "-m", "tests.faults.shifted_celery", str(shift))


ALONE = ("worker", "--concurrency", "1")
MACHINES = {
    "beat an hour behind, worker an hour ahead": {HOUR: ALONE, -HOUR: ("beat",)},
    "workers an hour ahead and behind": {HOUR: WORKER, -HOUR: WORKER},
}
"""By how wrong the clock of a machine is: what runs on it."""


@pytest.mark.parametrize("database", figures.databases("postgresql"), indirect=True)
@pytest.mark.parametrize("machines", list(MACHINES)[: figures.size(2, 1)])
def test_wrong_clocks_send_nothing_early_nothing_twice_and_lose_nothing(
    database: Database, kind: str, queue: PrivateQueue, tmp_path: Path, machines: str
) -> None:
    """Half of the mails may leave at once, half some seconds later by the database's clock."""
    with database.write() as session:
        later = now(session) + timedelta(seconds=LATER)
        for number in range(MAILS):
            write_mail(session, number, not_before=later if number % 2 else None)
        due = dict(session.exec(select(Email.message_id, Email.next_at)).all())
    with running_sink(tmp_path, Manners(delay=0.005)) as sink, ExitStack() as started:
        for shift, role in MACHINES[machines].items():
            worker = start_celery(database, queue.url, role, smtp_url=sink.url, celery=celery(shift))
            started.enter_context(worker)
        drained(database, LATER + 60)
    early = sum(moment < due[message_id].timestamp() for moment, message_id in sink.accepted())
    lost = len(due.keys() - sink.counted().keys())
    figures.note(f"{machines}, {kind}", mails=MAILS, lost=lost, extra=extras(sink), early=early)
    assert early == 0
    assert sink.counted() == Counter(due.keys())


class Clock:
    """Stands in for the database's clock, and is moved by hand."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self, _session: Session) -> datetime:
        """The moment it stands at."""
        return self.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In place of `broker.db.now`, wherever that is known by its name."""
    clock, real = Clock(datetime(2026, 1, 1, tzinfo=UTC)), now
    for name, module in list(sys.modules.items()):
        if name.startswith("broker.") and getattr(module, "now", None) is real:
            monkeypatch.setattr(module, "now", clock)
    return clock


ZONES = ("Europe/Berlin", "Europe/Lisbon", "Europe/Tallinn")
WINDOWS = ((8 * 60, 20 * 60), (60, 4 * 60), (2 * 60, 3 * 60), (150, 160))
"""A day; hours around the change; the very hour that is missing in spring and there twice in autumn; minutes of it."""
STEP = timedelta(minutes=figures.size(5, 10))
CHANGES = {"spring": datetime(2026, 3, 29, 1, tzinfo=UTC), "autumn": datetime(2026, 10, 25, 1, tzinfo=UTC)}


@pytest.mark.parametrize("season", CHANGES)
def test_each_mail_leaves_once_and_within_its_hours_when_the_clocks_change(
    database: Database, kind: str, clock: Clock, season: str
) -> None:
    """Written over the evening and night before, delivered every five minutes; all are gone two days later."""
    change = CHANGES[season]
    clock.moment = change - timedelta(hours=figures.size(14, 4))
    windows = [Window(zone, opens, closes) for zone in ZONES for opens, closes in WINDOWS]
    written: dict[str, tuple[datetime, Window]] = {}
    left: dict[str, datetime] = {}
    while clock.moment < change + timedelta(hours=figures.size(48, 28)):
        if clock.moment < change and clock.moment.minute % 60 == 0:
            with database.write() as session:
                for window in windows:
                    number, deadline = len(written), change + timedelta(days=9)
                    email = write_mail(session, number, deadline=deadline, window=window)
                    written[email.message_id] = clock.moment, window
        for message_id in sent_at(database, clock.moment):
            assert message_id not in left
            left[message_id] = clock.moment
        clock.moment += STEP
    outside = sum(not is_open(moment, written[message_id][1]) for message_id, moment in left.items())
    late = max(wait_while_open(*written[message_id], moment) for message_id, moment in left.items())
    figures.note(
        f"clocks change in {season}, {kind}",
        mails=len(written),
        left=len(left),
        outside_their_hours=outside,
        longest_wait_in_open_hours_min=late.total_seconds() / 60,
    )
    assert left.keys() == written.keys()
    assert outside == 0
    assert late < STEP
    assert len(list(database.settings.outbox_dir.glob("*.eml"))) == len(written)


def sent_at(database: Database, moment: datetime) -> list[str]:
    """Deliver what is due at this moment; the Message-IDs that went out."""
    if not relay.deliver_due(database, owner="w").sent:
        return []
    with database.read() as session:
        query = select(Email.message_id).where(Email.status == EmailStatus.SENT, Email.sent_at == moment)
        return list(session.exec(query).all())


def wait_while_open(written: datetime, window: Window, left: datetime) -> timedelta:
    """How long a mail waited though it might have left, to within a minute."""
    minutes = int((left - written).total_seconds() // 60)
    moments = (written + timedelta(minutes=minute) for minute in range(minutes))
    return timedelta(minutes=sum(is_open(moment, window) for moment in moments))
