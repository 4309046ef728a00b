"""Import of SME profiles from a spreadsheet: a preview that changes nothing, then one transaction."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from broker.db import now, wake
from broker.domain import audit, changes
from broker.domain.changes import Image
from broker.domain.choices import Choice, Choices, Do
from broker.domain.columns import guess, require
from broker.domain.consents import GIVEN, save_consents
from broker.domain.keys import text_key
from broker.domain.plans import Action, Draft, Entry, Plan, make_plan
from broker.domain.records import chunks, hub_names, load_records, save_many
from broker.domain.rows import Problem, Row, is_example, read_rows
from broker.domain.sheets import Sheet
from broker.errors import ConflictError, InvalidError
from broker.models import Account, City, Hub, Sme


@dataclass(frozen=True)
class Preview:
    """What an import would do, row by row. `columns` is {field: header}; `ignored` headers mean nothing to us."""

    plan: Plan
    rows: list[Row]
    columns: dict[str, str]
    ignored: list[str]
    choices: Choices
    examples: int
    """Rows that are the example of our template."""

    @property
    def entries(self) -> list[Entry]:
        """The rows in the file's order, each with what would happen to it."""
        return self.plan.entries

    @property
    def warnings(self) -> list[Problem]:
        """Cells that would be left out of rows that are imported."""
        return [warning for entry in self.entries if not entry.row.problems for warning in entry.row.warnings]

    @property
    def lesser(self) -> list[Problem]:
        """Cells of rejected rows that would be left out of them, too, once what rejects the row is mended."""
        return [warning for entry in self.entries if entry.row.problems for warning in entry.row.warnings]

    @property
    def to_complete(self) -> dict[str, int]:
        """How many of the file's SMEs would still lack what, the most frequent first."""
        counts = Counter(lack for lacks in self.plan.to_complete for lack in lacks)
        return dict(counts.most_common())

    def count(self, action: Action) -> int:
        """How many rows have this action."""
        return sum(entry.action is action for entry in self.entries)

    def to_json(self) -> dict[str, Any]:
        """The summary the command line prints; one entry in `rejected` for each rejected row."""
        return {
            "rows": len(self.entries),
            "create": self.count(Action.CREATE),
            "update": self.count(Action.UPDATE),
            "unchanged": self.count(Action.UNCHANGED),
            "duplicates": self.count(Action.DUPLICATE),
            "rejected": [_rejection(entry.row) for entry in self.entries if entry.action is Action.REJECTED],
            "to_complete": self.to_complete,
            "warnings": [warning._asdict() for warning in self.warnings],
            "duplicate_rows": [
                {"row": entry.row.number, "name": entry.row.name, "of": entry.of_words}
                for entry in self.entries
                if entry.action is Action.DUPLICATE
            ],
            "columns": self.columns,
            "ignored": self.ignored,
        }


def _rejection(row: Row) -> dict[str, Any]:
    first, *others = row.problems
    told = {"also": others, "warnings": row.warnings}
    return first._asdict() | {name: [one._asdict() for one in found] for name, found in told.items() if found}


@dataclass(frozen=True)
class Outcome:
    """What an import did."""

    created: list[int]
    updated: list[int]
    unchanged: int
    merged: int
    duplicates: int
    rejected: int

    def to_json(self) -> dict[str, int]:
        """The counts, e.g. for the record of the import."""
        counts = {name: getattr(self, name) for name in ("unchanged", "merged", "duplicates", "rejected")}
        return {"created": len(self.created), "updated": len(self.updated)} | counts


def preview(
    session: Session,
    sheet: Sheet,
    *,
    city: str | None = None,
    columns: Mapping[str, str] | None = None,
    choices: Choices | None = None,
) -> Preview:
    """What importing the sheet would do. `city`: the code of the one city of all rows; a row that names another is
    rejected. `columns`: {field: header} where the guess is wrong. `choices`: what was decided about duplicates.
    A fixed number of queries; changes nothing.
    """
    found = guess(sheet.headers, columns)
    require(found, sheet.headers, has_city=city is not None)
    rows = read_rows(sheet, found, city)
    meant = [row for row in rows if not is_example(row.name)]
    names = {name: sheet.headers[at] for name, at in found.items()}
    ignored = [header for at, header in enumerate(sheet.headers) if at not in found.values()]
    plan = _plan(session, meant, choices or {})
    return Preview(plan, meant, names, ignored, choices or {}, len(rows) - len(meant))


def _plan(session: Session, rows: list[Row], choices: Choices) -> Plan:
    cities = {row.city_code for row in rows if row.city_code}
    records = load_records(session, col(Sme.city_code).in_(cities))
    return make_plan(rows, records, hub_names(session), choices)


def apply(
    session: Session,
    actor: str,
    preview: Preview,
    *,
    source: str,
    account: Account | None = None,
    import_id: int | None = None,
) -> Outcome:
    """Do what the preview said, in the caller's transaction. What an `account` imports it can undo.

    Everything is looked up again first: what is done already stays undone, and where a row would now write
    something else than was shown, ConflictError and nothing is written. An imported profile is a
    draft until a second broker has reviewed it. Without a consent column the importer vouches for consent, which is
    recorded as such; a consent that was refused or withdrawn is never given again by an import.
    """
    _lock(session, preview)
    plan = _plan(session, preview.rows, preview.choices)
    _check_unchanged(preview.plan, plan)
    written = [draft for draft in plan.drafts if draft.changed]
    before = changes.images(session, [draft.record.sme_id for draft in written if draft.record]) if account else {}
    hubs = hub_names(session)
    ids = _save(session, written, f"{actor}, {source}")
    outcome = _outcome(plan, dict(zip(ids, written, strict=True)))
    if account and written:
        made: dict[int, Image | None] = dict.fromkeys(outcome.created)
        new_hubs = _new_hubs(session, hubs, written)
        changes.keep(session, account, "import", made | before, import_id=import_id, hubs=new_hubs)
    if written:
        audit.record(session, actor, "profiles imported", source, **outcome.to_json())
    if any(draft.facts["sector_words"] and not draft.facts["sector_code"] for draft in written):
        wake(session, "sectors.resolve")
    return outcome


def _new_hubs(session: Session, known: Mapping[tuple[str, str], str], written: list[Draft]) -> list[int]:
    wanted = {(draft.facts["city_code"], text_key(draft.facts["hub"])) for draft in written} - known.keys()
    if not wanted:
        return []
    return [hub.id for hub in session.exec(select(Hub)) if (hub.city_code, text_key(hub.name)) in wanted]


def merging(preview: Preview, rows: list[int]) -> dict[int, Choice]:
    """The choices that merge these rows; InvalidError where one is no duplicate."""
    actions = {entry.row.number: entry.action for entry in preview.entries}
    wrong = [number for number in rows if actions.get(number) not in {Action.DUPLICATE, Action.UNCHANGED}]
    if wrong:
        numbers = ", ".join(map(str, sorted(wrong)))
        raise InvalidError(f"Only duplicates can be merged, and these rows are none: {numbers}.")
    return dict.fromkeys(rows, Choice(Do.MERGE))


def _lock(session: Session, preview: Preview) -> None:
    """Imports into one city go one after the other, or two could create the same SME under two spellings.

    The SMEs they are about stay as they are until the end, or what a broker saves meanwhile would be overwritten."""
    codes = {row.city_code for row in preview.rows if row.city_code}
    session.exec(select(City.code).where(col(City.code).in_(codes)).order_by(City.code).with_for_update(key_share=True))
    stored = sorted({entry.of_sme_id for entry in preview.entries if entry.of_sme_id is not None})
    for part in chunks(stored):
        session.exec(select(Sme.id).where(col(Sme.id).in_(part)).order_by(col(Sme.id)).with_for_update(key_share=True))


def _check_unchanged(shown: Plan, fresh: Plan) -> None:
    """Nobody is to confirm one thing and get another: what would be written must be what the preview showed."""
    for before, after in zip(shown.entries, fresh.entries, strict=True):
        writes = after.action in {Action.CREATE, Action.UPDATE} or after.is_merged
        same = (before.action, before.of_sme_id, before.changes) == (after.action, after.of_sme_id, after.changes)
        if writes and not same:
            raise ConflictError(
                f"Row {after.row.number} ({after.row.name}): the profile was changed after this preview was made. "
                "Nothing was imported; look at a new preview first."
            )


def _save(session: Session, drafts: list[Draft], recorded_by: str) -> list[int]:
    moment = now(session)
    try:
        ids = save_many(session, [(draft.record, draft.facts) for draft in drafts], moment)
    except IntegrityError as error:
        raise ConflictError("Somebody entered one of these SMEs at the same moment. Import again.") from error
    answers = [
        (sme_id, draft.record.withdrawn if draft.record else {}, draft.facts["consent"] == GIVEN)
        for sme_id, draft in zip(ids, drafts, strict=True)
        if draft.consent_changed
    ]
    save_consents(session, answers, recorded_by, moment)
    return ids


def _outcome(plan: Plan, written: Mapping[int, Draft]) -> Outcome:
    counts = Counter(entry.action for entry in plan.entries)
    merged = sum(entry.is_merged for entry in plan.entries)
    return Outcome(
        created=[sme_id for sme_id, draft in written.items() if draft.record is None],
        updated=[sme_id for sme_id, draft in written.items() if draft.record is not None],
        unchanged=counts[Action.UNCHANGED],
        merged=merged,
        duplicates=counts[Action.DUPLICATE] - merged,
        rejected=counts[Action.REJECTED],
    )
