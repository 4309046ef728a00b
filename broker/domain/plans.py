"""What importing rows would do to the profiles there are: pure, so that preview and import decide alike."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from broker.domain.completeness import missing
from broker.domain.consents import GIVEN, PARTLY, REFUSED, UNKNOWN
from broker.domain.keys import text_key
from broker.domain.profiles import MAX_STATEMENTS, ProfileData
from broker.domain.records import Record
from broker.domain.rows import Row

EMPTY: dict[str, Any] = ProfileData.model_construct(name="", city_code="").model_dump() | {"consent": UNKNOWN}
CONSENTS = {True: GIVEN, False: REFUSED, None: UNKNOWN}
Changes = dict[str, tuple[Any, Any]]
"""{field: (old value, new value)}."""


class Action(StrEnum):
    """What would happen to a row."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass
class Draft:
    """An SME as it would be after the import: a stored one (`record`) or a new one, and the row it comes from."""

    record: Record | None
    facts: dict[str, Any]
    row: Row | None = None
    duplicates: list[Row] = field(default_factory=list)
    changed: bool = False
    consent_changed: bool = False

    @property
    def sme_id(self) -> int | None:
        """The id of the stored SME; None for a new one."""
        return self.record.sme_id if self.record else None

    def write(self, changes: Changes) -> None:
        """Take the new values."""
        self.facts |= {name: new for name, (_, new) in changes.items()}
        self.changed = self.changed or bool(changes)
        self.consent_changed = self.consent_changed or "consent" in changes


@dataclass(frozen=True)
class Entry:
    """A row and what would happen to it. A duplicate's `changes` are what a merge would add."""

    row: Row
    action: Action
    draft: Draft | None = None
    changes: Changes = field(default_factory=dict)

    @property
    def of_row(self) -> int | None:
        """The earlier row this one is a duplicate of, where it is one of a row."""
        draft = self.draft
        is_copy = self.action is Action.DUPLICATE and draft is not None and draft.row is not None
        return draft.row.number if is_copy and draft and draft.row else None

    @property
    def of_sme_id(self) -> int | None:
        """The stored SME the row updates, equals or is a duplicate of."""
        return self.draft.sme_id if self.draft else None

    @property
    def of_words(self) -> str:
        """What the row is a duplicate of, for a person."""
        name = self.draft.facts["name"] if self.draft else ""
        return f"row {self.of_row} ({name})" if self.of_row else f"the SME {name}"


@dataclass
class Plan:
    """Every row with its action, and the SMEs as they would be after it."""

    entries: list[Entry]
    drafts: list[Draft]

    @property
    def to_complete(self) -> list[list[str]]:
        """What each SME of the file would still lack."""
        return [missing(draft.facts) for draft in self.drafts if draft.row is not None]


def make_plan(
    rows: Iterable[Row], records: Mapping[int, Record], hubs: Mapping[tuple[str, str], str], merge: Collection[int]
) -> Plan:
    """Decide every row: exact name first, then the key without case, accents and legal form.

    `hubs` are the names of the hubs there are by (city, key); `merge` the numbers of the duplicates to merge.
    """
    rows, hubs = list(rows), dict(hubs)
    finder = _Drafts(records)
    targets = [(row, finder.place(row)) for row in rows]
    entries = [_entry(row, draft, hubs, row.number in merge) for row, draft in targets]
    return Plan(entries, finder.drafts)


class _Drafts:
    """The SMEs rows can be about, found by name or key; rows of unknown ones found new drafts."""

    def __init__(self, records: Mapping[int, Record]) -> None:
        self.drafts = [Draft(record, dict(record.facts)) for record in records.values()]
        self.by_name = {(draft.facts["city_code"], draft.facts["name"]): draft for draft in self.drafts}
        self.by_key: dict[tuple[str, str], Draft] = {}
        for draft in self.drafts:
            assert draft.record is not None  # noqa: S101 - only new drafts have none
            self.by_key.setdefault((draft.facts["city_code"], draft.record.name_key), draft)

    def place(self, row: Row) -> Draft | None:
        """The draft the row is about; it becomes the draft's own row unless it is another spelling or comes later."""
        if row.problems:
            return None
        same_name = self.by_name.get((row.city_code, row.name))
        draft = same_name or self.by_key.get(row.key)
        if draft is None:
            draft = self.by_key[row.key] = Draft(None, dict(EMPTY))
            self.drafts.append(draft)
        if draft.row is None and (same_name is not None or draft.record is None):
            draft.row = row
        else:
            draft.duplicates.append(row)
        return draft


def _entry(row: Row, draft: Draft | None, hubs: dict[tuple[str, str], str], merged: bool) -> Entry:
    if draft is None:
        return Entry(row, Action.REJECTED)
    if row.facts.get("hub"):
        row.facts["hub"] = hubs.setdefault((row.city_code, text_key(row.facts["hub"])), row.facts["hub"])
    if draft.row is row:
        changes = _replace(draft, row)
        draft.write(changes)
        known = Action.UPDATE if changes else Action.UNCHANGED
        return Entry(row, known if draft.record else Action.CREATE, draft, changes)
    additions = _fill(draft.facts, row)
    if merged:
        draft.write(additions)
    says_nothing_new = draft.row is None and not additions  # where a row came first, this one is its duplicate
    return Entry(row, Action.UNCHANGED if says_nothing_new else Action.DUPLICATE, draft, additions)


def _replace(draft: Draft, row: Row) -> Changes:
    """Non-empty cells replace, empty ones never erase."""
    old, new = draft.facts, dict(row.facts)
    for kind in ("offers", "needs"):
        if kind in new:
            new[kind] = _with_merged(new[kind], old[kind], [copy.facts.get(kind, []) for copy in draft.duplicates])
    return _difference(old, new | _sector(old, row) | _consent(old, row))


def _with_merged(said: list[str], stored: list[str], copies: list[list[str]]) -> list[str]:
    """What the file says, and what an earlier merge of its own duplicates added: the same file changes nothing."""
    merged = {statement for copy in copies for statement in copy}
    kept = [statement for statement in stored if statement in merged and statement not in said]
    return [*said, *kept][:MAX_STATEMENTS]


def _fill(old: Mapping[str, Any], row: Row) -> Changes:
    """Only what is empty is filled and only new statements are added; a refusal is always heard."""
    new = {name: value for name, value in row.facts.items() if old[name] in ("", None, [])}
    for kind in ("offers", "needs"):
        known = {statement.casefold() for statement in old[kind]}
        added = [statement for statement in row.facts.get(kind, []) if statement.casefold() not in known]
        new[kind] = [*old[kind], *added][: max(MAX_STATEMENTS, len(old[kind]))]
    if old["sector_code"] is None and not old["sector_words"]:
        new |= _sector(old, row)
    if row.consent is False or old["consent"] == UNKNOWN:
        new |= _consent(old, row)
    return _difference(old, new)


def _sector(old: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """A sector said exactly is confirmed; words are kept until it is, but undo no confirmation and no known word."""
    code, exact = row.sector
    if exact and code is not None:
        return {"sector_code": code, "sector_confirmed": True}
    if (not row.sector_words and code is None) or row.sector_words == old["sector_words"] != "":
        return {}
    if old["sector_confirmed"]:
        return {"sector_words": row.sector_words or old["sector_words"]}
    return {"sector_code": code, "sector_words": row.sector_words, "sector_confirmed": False}


def _consent(old: Mapping[str, Any], row: Row) -> dict[str, Any]:
    answer = CONSENTS[row.consent]
    was_withdrawn = old["consent"] in (REFUSED, PARTLY)
    return {} if answer == UNKNOWN or (answer == GIVEN and was_withdrawn) else {"consent": answer}


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    return {name: (old[name], value) for name, value in new.items() if old[name] != value}
