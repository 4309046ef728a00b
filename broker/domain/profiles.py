"""SME profiles: what may be written into one, and writing it."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit, changes
from broker.domain.completeness import missing
from broker.domain.consents import record_consent, withdraw_consent
from broker.domain.fields import checked_email, checked_text, checked_website
from broker.domain.names import name_key
from broker.domain.records import Record, load_record, load_records, save_many
from broker.errors import ConflictError, InvalidError
from broker.models import AuditEntry, Sector, Sme

__all__ = [
    "ProfileData",
    "create",
    "last_writer",
    "name_key",
    "namesakes",
    "parse",
    "problems",
    "read",
    "record_consent",
    "sectors_to_resolve",
    "set_nearest_sector",
    "to_complete",
    "to_complete_many",
    "update",
    "withdraw_consent",
]

MAX_STATEMENTS = 30
UPDATED = "profile updated"
"""How the record of changes names a form that was saved."""
CHECKED = AfterValidator(checked_text)
StatementText = Annotated[str, Field(min_length=1, max_length=1000), CHECKED]
Code = Annotated[str, Field(pattern="^[A-Za-z]{2,3}$")]
Codes = Annotated[list[Code], Field(max_length=300)]


class ProfileData(BaseModel):
    """A whole profile as a broker may write it; checked before it reaches a table, which checks nothing."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200), CHECKED]
    city_code: Annotated[str, Field(min_length=1, max_length=40), CHECKED]
    hub: Annotated[str, Field(max_length=120), CHECKED] = ""
    sector_code: Annotated[str, Field(max_length=40), CHECKED] | None = None
    sector_words: Annotated[str, Field(max_length=500), CHECKED] = ""
    sector_confirmed: bool = False
    description: Annotated[str, Field(max_length=20_000), CHECKED] = ""
    language: Annotated[str, Field(max_length=3), CHECKED] = ""
    languages: Codes = []
    markets: Codes = []
    readiness: Annotated[int, Field(ge=1, le=5)] | None = None
    website: Annotated[str, Field(max_length=300), AfterValidator(checked_website)] = ""
    contact: Annotated[str, Field(max_length=120), CHECKED] = ""
    email: Annotated[str, Field(max_length=254), AfterValidator(checked_email)] = ""
    phone: Annotated[str, Field(max_length=40), CHECKED] = ""
    offers: Annotated[list[StatementText], Field(max_length=MAX_STATEMENTS)] = []
    needs: Annotated[list[StatementText], Field(max_length=MAX_STATEMENTS)] = []


def parse(**fields: Any) -> ProfileData:
    """ProfileData from plain values; InvalidError says which field and what was expected."""
    try:
        return ProfileData(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{where or 'profile'}: {first['msg'].removeprefix('Value error, ')}") from error


def problems(fields: Mapping[str, Any]) -> list[tuple[str, int | None, str]]:
    """(field, line of a list, what was expected) of everything that `parse` would refuse."""
    try:
        ProfileData(**fields)
    except ValidationError as error:
        return [_told(problem["loc"], problem["msg"]) for problem in error.errors()]
    return []


def _told(where: tuple[int | str, ...], words: str) -> tuple[str, int | None, str]:
    place = where[1] if len(where) > 1 and isinstance(where[1], int) else None
    return str(where[0]), place, words.removeprefix("Value error, ")


def read(session: Session, sme: Sme) -> ProfileData:
    """The profile as it stands, e.g. to fill a form with."""
    facts = load_record(session, sme).facts
    return ProfileData.model_construct(**{name: facts[name] for name in ProfileData.model_fields})


def create(session: Session, actor: str, data: ProfileData) -> Sme:
    """A new SME. A draft, whatever it says already: a second broker reviews it."""
    _refuse_same_name(session, data, None)
    sme_id = _save(session, None, data.model_dump())
    sme = session.get_one(Sme, sme_id)
    audit.record(session, actor, "profile created", f"sme:{sme.id}")
    return sme


def update(session: Session, actor: str, sme: Sme, data: ProfileData) -> bool:
    """Write `data` over the profile; False, and nothing at all is written, where it says the same already."""
    record = load_record(session, sme)
    facts = data.model_dump()
    changed = sorted(field for field, value in facts.items() if record.facts[field] != value)
    if not changed:
        return False
    _refuse_same_name(session, data, sme)
    _save(session, record, facts)
    audit.record(session, actor, UPDATED, f"sme:{sme.id}", fields=changed)
    return True


def _save(session: Session, record: Record | None, facts: dict[str, Any]) -> int:
    """Write one profile; what else the caller does in its transaction stays, whatever becomes of it."""
    moment = now(session)
    try:
        with session.begin_nested():
            [sme_id] = save_many(session, [(record, facts)], moment)
    except IntegrityError as error:
        raise ConflictError(
            "Somebody entered an SME or hub of the same name at the same moment. Save again."
        ) from error
    return sme_id


def _refuse_same_name(session: Session, data: ProfileData, sme: Sme | None) -> None:
    same = select(Sme.id).where(Sme.city_code == data.city_code, Sme.name == data.name)
    found = session.exec(same).first()
    if found is not None and (sme is None or found != sme.id):
        raise ConflictError(f"There is already an SME called {data.name!r} in this city.")


def namesakes(session: Session, city_code: str, name: str) -> list[Sme]:
    """The city's SMEs of the same name up to case, accents and legal form, but not to the letter."""
    same = select(Sme).where(Sme.city_code == city_code, Sme.name_key == name_key(name), Sme.name != name)
    return list(session.exec(same.order_by(col(Sme.id)).limit(5)))


def to_complete(session: Session, sme: Sme) -> list[str]:
    """What a broker should still find out or confirm, in plain words; empty where nothing is missing."""
    return missing(load_record(session, sme).facts)


def to_complete_many(session: Session, sme_ids: Collection[int]) -> dict[int, list[str]]:
    """`to_complete` for a list of SMEs, by id, in a fixed number of queries."""
    records = load_records(session, col(Sme.id).in_(sme_ids))
    return {sme_id: missing(record.facts) for sme_id, record in records.items()}


def sectors_to_resolve(session: Session) -> list[Sme]:
    """SMEs whose sector is known only in their own words: the worker finds the nearest of ours."""
    waiting = select(Sme).where(Sme.sector_words != "", col(Sme.sector_code).is_(None))
    return list(session.exec(waiting.order_by(col(Sme.id))))


def set_nearest_sector(session: Session, sme: Sme, code: str) -> bool:
    """Put an SME into the sector nearest to its words, to be confirmed by its broker. InvalidError if unknown.

    False, and nothing is written, where somebody gave it a sector or other words meanwhile."""
    if session.get(Sector, code) is None:
        raise InvalidError(f"There is no sector {code!r}.")
    waiting = select(Sme.id).where(
        Sme.id == sme.id, Sme.sector_words == sme.sector_words, col(Sme.sector_code).is_(None)
    )
    if session.exec(waiting.with_for_update(key_share=True)).one_or_none() is None:
        return False
    session.refresh(sme)
    sme.sector_code, sme.sector_confirmed = code, False
    sme.version += 1
    sme.updated_at = now(session)
    session.add(sme)
    session.flush()
    changes.follow(session, sme.id, sme.version - 1, sme.version)
    return True


def last_writer(session: Session, sme: Sme, fields: Collection[str]) -> str:
    """Who last changed one of these fields in a form, by the name of then; "" where nobody is recorded."""
    entries = session.exec(
        select(AuditEntry)
        .where(AuditEntry.subject == f"sme:{sme.id}", AuditEntry.action == UPDATED)
        .order_by(col(AuditEntry.id).desc())
        .limit(20)
    )
    actor = next((entry.actor for entry in entries if set(fields) & set(entry.detail.get("fields", ()))), "")
    name, _, account = actor.rpartition(" (account ")
    return name if account else ""
