"""What importing rows would do to the profiles there are: pure, so that preview and import decide alike."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from broker.domain.choices import UNDECIDED, Choice, Choices, Do, Side, Take
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


@dataclass(slots=True)
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


@dataclass(frozen=True, slots=True)
class Entry:
    """A row and what would happen to it. A duplicate's `changes` are what a merge would write."""

    row: Row
    action: Action
    draft: Draft | None = None
    changes: Changes = field(default_factory=dict)
    choice: Choice = UNDECIDED
    sides: tuple[Side, ...] = ()
    """Where a row that may be an SME there is already says something else than that."""
    twin: Draft | None = None
    """The SME a row may be, though it was decided to be one of its own."""

    @property
    def is_open(self) -> bool:
        """Whether somebody can decide what becomes of it."""
        return self.twin is not None or (self.action is Action.DUPLICATE and bool(self.sides))

    @property
    def can_be_separate(self) -> bool:
        """Whether it can become an SME of its own: a city has no two of the very same name."""
        return self.twin is not None or (self.draft is not None and self.draft.facts["name"] != self.row.name)

    @property
    def is_merged(self) -> bool:
        """Whether it goes into the SME it is a duplicate of."""
        return self.action is Action.DUPLICATE and self.choice.do is Do.MERGE

    @property
    def of_row(self) -> int | None:
        """The earlier row this one is a duplicate of, where it is one of a row."""
        draft = self.twin or (self.draft if self.action is Action.DUPLICATE else None)
        return draft.row.number if draft and draft.row else None

    @property
    def of_sme_id(self) -> int | None:
        """The stored SME the row updates, equals or is a duplicate of."""
        return self.draft.sme_id if self.draft else None

    @property
    def of_words(self) -> str:
        """What the row is a duplicate of, for a person."""
        draft = self.twin or self.draft
        name = draft.facts["name"] if draft else ""
        return f"row {self.of_row} ({name})" if self.of_row else f"the SME {name}"


@dataclass(slots=True)
class Plan:
    """Every row with its action, and the SMEs as they would be after it."""

    entries: list[Entry]
    drafts: list[Draft]

    @property
    def to_complete(self) -> list[list[str]]:
        """What each SME of the file would still lack."""
        return [missing(draft.facts) for draft in self.drafts if draft.row is not None]


def make_plan(
    rows: Iterable[Row], records: Mapping[int, Record], hubs: Mapping[tuple[str, str], str], choices: Choices
) -> Plan:
    """Decide every row: exact name first, then the key without case, accents and legal form.

    `hubs` are the names of the hubs there are by (city, key); `choices` what was decided about duplicates.
    """
    hubs = dict(hubs)
    finder = _Drafts(records)
    targets = [(row, *finder.place(row, choices.get(row.number, UNDECIDED))) for row in rows]
    entries = [_entry(row, draft, twin, hubs, choices.get(row.number, UNDECIDED)) for row, draft, twin in targets]
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

    def place(self, row: Row, choice: Choice) -> tuple[Draft | None, Draft | None]:
        """The draft the row is about, and the one it was told apart from.

        It becomes the draft's own row unless it is another spelling or comes later."""
        if row.problems:
            return None, None
        same_name = self.by_name.get((row.city_code, row.name))
        draft = same_name or self.by_key.get(row.key)
        if draft is None or (same_name is None and choice.do is Do.SEPARATE):
            return self._new(row), draft
        if draft.row is None and (same_name is not None or draft.record is None):
            draft.row = row
        else:
            draft.duplicates.append(row)
        return draft, None

    def _new(self, row: Row) -> Draft:
        draft = Draft(None, dict(EMPTY), row)
        self.drafts.append(draft)
        self.by_key.setdefault(row.key, draft)
        self.by_name[row.city_code, row.name] = draft
        return draft


def _entry(
    row: Row, draft: Draft | None, twin: Draft | None, hubs: dict[tuple[str, str], str], choice: Choice
) -> Entry:
    if draft is None:
        return Entry(row, Action.REJECTED)
    if row.facts.get("hub"):
        row.facts["hub"] = hubs.setdefault((row.city_code, text_key(row.facts["hub"])), row.facts["hub"])
    if draft.row is row:
        sides = tuple(_sides(twin.facts, row, choice)) if twin else ()
        changes = _replace(draft, row)
        draft.write(changes)
        known = Action.UPDATE if changes else Action.UNCHANGED
        action = known if draft.record else Action.CREATE
        return Entry(row, action, draft, changes, choice if twin else UNDECIDED, sides, twin)
    sides = tuple(_sides(draft.facts, row, choice))
    changes = _merge(draft.facts, row, sides)
    says_nothing_new = draft.row is None and all(side.field == "name" for side in sides)
    if choice.do is Do.MERGE:
        draft.write(changes)
    if says_nothing_new and not (choice.do is Do.MERGE and changes):  # where a row came first, this is its duplicate
        return Entry(row, Action.UNCHANGED, draft, changes)
    return Entry(row, Action.DUPLICATE, draft, changes, choice, sides)


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


def _sides(old: Mapping[str, Any], row: Row, choice: Choice) -> Iterator[Side]:
    """Every field in which the row says something that the profile does not."""
    for name, value in row.facts.items():
        if name in ("offers", "needs", "languages", "markets"):
            known = {entry.casefold() for entry in old[name]}
            differs = any(entry.casefold() not in known for entry in value)
        else:
            differs = value != old[name]
        if differs:
            yield _side(name, old[name], value, choice)
    code = _sector(old, row).get("sector_code", old["sector_code"])
    if code != old["sector_code"] or not (old["sector_code"] or old["sector_words"] or not row.sector_words):
        yield _side("sector_code", old["sector_code"] or old["sector_words"], code or row.sector_words, choice)
    if heard := _merged_consent(old, row):
        yield Side("consent", old["consent"], heard["consent"], (), Take.FILE)


def _side(name: str, stored: Any, file: Any, choice: Choice) -> Side:
    is_list = name in ("offers", "needs") and bool(stored)
    options = (Take.STORED, Take.FILE, *([Take.BOTH] if is_list else []))
    usual = Take.FILE if stored in ("", None, []) else Take.BOTH if is_list else Take.STORED
    chosen = choice.take.get(name, usual)
    return Side(name, stored, file, options, chosen if chosen in options else usual)


def _merge(old: Mapping[str, Any], row: Row, sides: Iterable[Side]) -> Changes:
    """What the sides say is taken; left to itself a merge fills what is empty, adds statements, replaces nothing."""
    new: dict[str, Any] = {}
    for side in sides:
        if side.take is Take.BOTH:
            known = {statement.casefold() for statement in side.stored}
            added = [statement for statement in side.file if statement.casefold() not in known]
            new[side.field] = [*side.stored, *added][: max(MAX_STATEMENTS, len(side.stored))]
        elif side.take is Take.FILE and side.field == "sector_code":
            new |= _sector(old, row)
        elif side.take is Take.FILE:
            new[side.field] = side.file
    return _difference(old, new)


def _merged_consent(old: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """A refusal is always heard; a consent only where none is on record."""
    heard = _consent(old, row) if row.consent is False or old["consent"] == UNKNOWN else {}
    return {name: value for name, value in heard.items() if value != old[name]}


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
