"""Two beats, two sweeps, two workers, and a button clicked twenty times at once: each mail is sent once."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlmodel import select

from broker.db import Database
from broker.models import AuditEntry, Email, EmailStatus
from tests.faults import figures
from tests.faults.mails import drained, statuses
from tests.faults.queues import PrivateQueue
from tests.faults.sink import Manners, running_sink
from tests.faults.web import add_drafts, add_world, browser, running_web, sign_in
from tests.faults.workers import extras, workers
from tests.integration.workers import start_worker

CLICKS = figures.size(20, 5)
ROUNDS = figures.size(50, 5)
SMES = 4


def test_who_clicks_first_approves_and_each_mail_goes_out_once(
    database: Database, kind: str, queue: PrivateQueue, tmp_path: Path
) -> None:
    """Two workers, each with a beat that sweeps, deliver all the while."""
    world = add_world(database)
    before = sum(statuses(database).values())
    events = [add_drafts(database, world, SMES) for _ in range(ROUNDS)]
    answers: list[Counter[int]] = []
    with (
        running_sink(tmp_path, Manners(delay=0.005)) as sink,
        running_web(database, queue.url) as address,
        workers(database, lambda _: start_worker(database, queue.url, sink.url), 2),
        ThreadPoolExecutor(CLICKS) as pool,
        browser(address) as client,
    ):
        sign_in(client, world, "organiser")
        for event_id, run_id in events:
            together = threading.Barrier(CLICKS)

            def click(_: int, path: str = f"/events/{event_id}/approve", run_id: int = run_id) -> int:
                together.wait()  # noqa: B023 - all of them are done before the next round begins
                return client.post(path, data={"run_id": run_id}).status_code

            answers.append(Counter(pool.map(click, range(CLICKS))))
        drained(database, 120)
    with database.read() as session:
        approvals = session.exec(select(AuditEntry).where(AuditEntry.action == "shortlists.approve")).all()
        tries = Counter(session.exec(select(Email.attempts)).all())
    mails = before + SMES * ROUNDS
    figures.note(
        f"approve clicked at once, two beats, {kind}",
        clicks=CLICKS,
        rounds=ROUNDS,
        winners_a_round=max(answer[303] for answer in answers),
        mails=mails,
        extra=extras(sink),
    )
    assert answers == [Counter({303: 1, 409: CLICKS - 1})] * ROUNDS
    assert len(approvals) == ROUNDS
    assert statuses(database) == {EmailStatus.SENT: mails}
    assert set(sink.counted().values()) == {1}
    assert len(sink.counted()) == mails
    assert tries == {1: mails}
