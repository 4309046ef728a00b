"""Undoing a change of many profiles: back as it was, but for what was changed or relied on since."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from broker.db import Database, now
from broker.domain import bulk, changes, imports, profiles, sheets
from broker.domain.bulk import BulkAction
from broker.domain.choices import Choice, Do, Take
from broker.errors import ConflictError, NotFoundError
from broker.models import (
    Account,
    AuditEntry,
    ChangeSet,
    Consent,
    Contact,
    Email,
    EmailStatus,
    Hub,
    Interest,
    ProfileChange,
    Purpose,
    Role,
    Sme,
    SmeStatus,
    Statement,
)
from tests import factories, spreadsheets
from tests.races import behind

HEADER = ["Company", "Hub", "Sector", "Description", "Offers", "Looking for", "Languages", "E-mail"]
ADLER = ["Adler", "Spree Hub", "Games", "We make games.", "Games; Maps", "A clinic.", "de", "ada@adler.example"]


@pytest.fixture
def account(session: Session) -> Account:
    """A broker of Berlin."""
    return factories.make_account(session)


def bring(session: Session, account: Account, rows: list[list[str]], choices: dict[int, Choice] | None = None) -> int:
    """Import rows into Berlin; the id of the change set."""
    full = [row + [""] * (len(HEADER) - len(row)) for row in rows]
    sheet = sheets.read("smes.csv", spreadsheets.csv_file([HEADER, *full]))
    preview = imports.preview(session, sheet, city="berlin", choices=choices)
    imports.apply(session, "ann", preview, source="smes.csv", account=account)
    return session.exec(select(ChangeSet.id).order_by(col(ChangeSet.id).desc())).first() or 0


def state(session: Session) -> dict[str, Any]:
    """Everything a change can change, by name, but counters, moments and the ids of what is written anew."""
    session.expire_all()
    left_out = {"id", "version", "updated_at"}
    return {
        "smes": [row.model_dump(exclude=left_out) for row in session.exec(select(Sme).order_by(Sme.name))],
        "hubs": sorted(session.exec(select(Hub.name))),
        "contacts": [row.model_dump(exclude={"id"}) for row in session.exec(select(Contact).order_by(Contact.sme_id))],
        "consents": [
            row.model_dump(exclude={"id"})
            for row in session.exec(select(Consent).order_by(col(Consent.sme_id), col(Consent.purpose)))
        ],
        "statements": [
            row.model_dump(exclude={"id"})
            for row in session.exec(
                select(Statement).order_by(col(Statement.sme_id), col(Statement.kind), col(Statement.position))
            )
        ],
    }


def test_an_import_undone_leaves_everything_as_it_was(session: Session, account: Account) -> None:
    known = factories.make_sme(session, "Adler", email="", consents=(Purpose.MATCHING,), readiness=2, languages=["pl"])
    factories.make_sme(session, "Bussard", offers=(), needs=())
    before, version = state(session), known.version
    rows = [ADLER, ["BUSSARD GmbH", "Other Hub", "", "Boats."], ["Czapla", "Third Hub"]]
    set_id = bring(session, account, rows, {3: Choice(Do.MERGE, {"name": Take.FILE, "description": Take.FILE})})
    assert {sme["name"] for sme in state(session)["smes"]} == {"Adler", "BUSSARD GmbH", "Czapla"}

    undone = changes.undo(session, account, set_id)

    assert state(session) == before
    assert session.get_one(Sme, known.id).version == version + 2
    assert (undone.restored, undone.removed, undone.left) == (2, 1, {})
    assert session.exec(select(ProfileChange)).all() == []
    entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
    assert entry is not None
    assert (entry.action, entry.subject) == ("import undone", f"change:{set_id}")
    assert entry.detail == {"restored": 2, "removed": 1, "left": 0}


def test_what_somebody_changed_since_is_left_alone_and_told(session: Session, account: Account) -> None:
    known = factories.make_sme(session, "Adler")
    set_id = bring(session, account, [ADLER, ["Bussard"], ["Czapla"]])
    bussard = session.exec(select(Sme).where(Sme.name == "Bussard")).one()
    for sme in (known, bussard):
        data = profiles.read(session, sme).model_copy(update={"description": "Edited by hand."})
        profiles.update(session, "bob", sme, data)

    undone = changes.undo(session, account, set_id)

    assert undone.left == {str(known.id): changes.CHANGED, str(bussard.id): changes.CHANGED}
    assert (undone.restored, undone.removed) == (0, 1)
    assert {sme["description"] for sme in state(session)["smes"]} == {"Edited by hand."}
    assert sorted(session.exec(select(Sme.name))) == ["Adler", "Bussard"]


def test_a_new_sme_something_was_done_with_is_not_deleted_but_told(session: Session, account: Account) -> None:
    names = ["Free", "Registered", "Listed", "Stands", "Mailed", "Answered", "Got"]
    set_id = bring(session, account, [[name] for name in names])
    smes = {sme.name: sme for sme in session.exec(select(Sme))}
    event, moment = factories.make_event(session), now(session)
    factories.register(session, event, smes["Registered"])
    other = factories.make_sme(session, city="rome")
    factories.make_shortlists(session, event, (smes["Listed"], other))
    session.add(Interest(event_id=event.id, sme_id=other.id, partner_id=smes["Got"].id, answer="never",
                         answered_at=moment))  # fmt: skip
    session.add(Interest(event_id=event.id, sme_id=smes["Answered"].id, partner_id=other.id, answer="never",
                         answered_at=moment))  # fmt: skip
    session.add(
        Email(key="a", kind="shortlist", sme_id=smes["Mailed"].id, to_address="a@b.example", subject="", message=b"",
              message_id="<a@b>", status=EmailStatus.SENT, created_at=moment, next_at=moment, deadline=moment)
    )  # fmt: skip
    session.flush()

    undone = changes.undo(session, account, set_id)

    assert {session.get_one(Sme, int(sme_id)).name: reason for sme_id, reason in undone.left.items()} == {
        "Registered": "it is registered for an event",
        "Listed": "it stands on a shortlist",
        "Mailed": "it was sent a mail",
        "Answered": "it gave or got an answer",
        "Got": "it gave or got an answer",
    }
    assert undone.removed == 2
    assert session.exec(select(Sme).where(col(Sme.name).in_(["Free", "Stands"]))).all() == []


def test_the_sector_the_service_found_itself_is_nobodys_change(session: Session, account: Account) -> None:
    set_id = bring(session, account, [["Adler", "", "Kite building"]])
    sme = session.exec(select(Sme)).one()
    profiles.set_nearest_sector(session, sme, "crafts")
    assert sme.version == 2

    assert changes.undo(session, account, set_id).left == {}
    assert session.exec(select(Sme)).all() == []


def test_an_undo_works_once_even_when_two_click_at_once(database: Database) -> None:
    with database.write() as session:
        account = factories.make_account(session)
        set_id = bring(session, account, [["Adler"]])
    with Session(database.engine, expire_on_commit=False) as session:
        changes.undo(session, account, set_id)
        with pytest.raises(ConflictError, match="undone already"):
            behind(database, session, lambda other: changes.undo(other, account, set_id))


def test_only_who_made_a_change_or_an_administrator_undoes_it(session: Session, account: Account) -> None:
    set_id = bring(session, account, [["Adler"]])
    for stranger in (factories.make_account(session), factories.make_account(session, Role.ORGANISER)):
        with pytest.raises(NotFoundError):
            changes.undo(session, stranger, set_id)
    assert changes.undo(session, factories.make_account(session, Role.ADMIN), set_id).removed == 1


def test_who_works_for_another_city_by_now_leaves_the_old_citys_smes_alone(session: Session, account: Account) -> None:
    set_id = bring(session, account, [["Adler"]])
    account.city_code = "linz"
    session.flush()
    sme = session.exec(select(Sme)).one()
    assert changes.undo(session, account, set_id).left == {str(sme.id): changes.MOVED}


def test_an_old_name_somebody_else_has_now_is_not_written_back(session: Session, account: Account) -> None:
    factories.make_sme(session, "Adler")
    set_id = bring(session, account, [["ADLER GmbH", "", "", "New."]], {2: Choice(Do.MERGE, {"name": Take.FILE})})
    sme = session.exec(select(Sme)).one()
    assert sme.name == "ADLER GmbH"
    factories.make_sme(session, "Adler")
    assert changes.undo(session, account, set_id).left == {str(sme.id): changes.NAME_TAKEN}


def test_after_a_month_what_was_replaced_is_forgotten_and_nothing_undone(session: Session, account: Account) -> None:
    set_id = bring(session, account, [["Adler"]])
    assert changes.prune(session) == 0
    change_set = session.get_one(ChangeSet, set_id)
    change_set.at = now(session) - timedelta(days=31)
    session.add(change_set)
    session.flush()
    with pytest.raises(ConflictError, match="more than 30 days old"):
        changes.undo(session, account, set_id)
    assert changes.prune(session) == 1
    assert session.exec(select(ProfileChange)).all() == []
    assert session.exec(select(Sme)).one().name == "Adler"


def test_undoing_the_later_of_two_changes_makes_the_earlier_one_undoable_again(
    session: Session, account: Account
) -> None:
    first = bring(session, account, [ADLER])
    sme = session.exec(select(Sme)).one()
    sme.status = SmeStatus.PUBLISHED
    outcome = bulk.act(session, account, BulkAction.PAUSE, [sme])
    assert sme.status is SmeStatus.PAUSED
    assert changes.undo(session, account, outcome.set_id or 0).left == {}
    assert sme.status is SmeStatus.PUBLISHED

    assert changes.undo(session, account, first).removed == 1
