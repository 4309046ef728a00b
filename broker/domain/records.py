"""A stored profile with all that belongs to it: read in bulk, written in bulk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, delete, insert, tuple_
from sqlmodel import Session, col, select

from broker.domain.completeness import status_of
from broker.domain.consents import consent_state
from broker.domain.keys import text_key
from broker.domain.names import name_key
from broker.domain.search import search_text
from broker.models import Consent, Contact, Hub, Purpose, Sme, SmeStatus, Statement, StatementKind

OWN_FIELDS = (
    *("name", "city_code", "sector_code", "sector_words", "sector_confirmed", "description"),
    *("language", "languages", "markets", "readiness", "website"),
)
"""Fields of ProfileData that are columns of Sme under the same name."""
KINDS = {"offers": StatementKind.OFFER, "needs": StatementKind.NEED}
CONTACT_FIELDS = {"contact": "name", "email": "email", "phone": "phone"}
CHUNK = 500
"""Rows a statement: well under what either database takes as parameters."""
WITH_NULLS = {"render_nulls": True}
"""Else rows with and without a value would go as statements of their own."""
Facts = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """One SME as stored. `facts`: the fields of a ProfileData, and `consent`, its state."""

    sme_id: int
    name_key: str
    facts: dict[str, Any]
    withdrawn: dict[Purpose, bool] = field(default_factory=dict)
    """The purposes there is a consent for, and whether it was withdrawn."""


def load_record(session: Session, sme: Sme) -> Record:
    """The record of one SME."""
    assert sme.id is not None  # noqa: S101 - it is in the database
    session.flush()
    return load_records(session, col(Sme.id) == sme.id)[sme.id]


def load_records(session: Session, condition: ColumnElement[bool]) -> dict[int, Record]:
    """The records of the SMEs that fit a condition on Sme, by id; four queries whatever their number.

    Plain columns, not objects: tens of thousands are read to find the few that change.
    """
    own = [getattr(Sme, name) for name in OWN_FIELDS]
    smes = session.execute(
        select(Sme.id, Sme.name_key, Hub.name, *own)
        .outerjoin(Hub, col(Hub.id) == Sme.hub_id)
        .where(condition)
        .order_by(col(Sme.id))
    )
    records = {row[0]: Record(row[0], row[1], _empty(row[2], row[3:])) for row in smes}
    _add_contacts(session, condition, records)
    _add_consents(session, condition, records)
    _add_statements(session, condition, records)
    return records


def _empty(hub: str | None, own: Sequence[Any]) -> dict[str, Any]:
    facts = dict(zip(OWN_FIELDS, own, strict=True))
    return facts | {"hub": hub or "", "contact": "", "email": "", "phone": "", "offers": [], "needs": []}


def _add_contacts(session: Session, condition: ColumnElement[bool], records: Mapping[int, Record]) -> None:
    contacts = (
        select(Contact.sme_id, Contact.name, Contact.email, Contact.phone)
        .join(Sme, col(Sme.id) == Contact.sme_id)
        .where(condition)
    )
    for sme_id, name, email, phone in session.exec(contacts):
        records[sme_id].facts.update(contact=name, email=email, phone=phone)


def _add_consents(session: Session, condition: ColumnElement[bool], records: Mapping[int, Record]) -> None:
    consents = (
        select(Consent.sme_id, Consent.purpose, Consent.withdrawn_at)
        .join(Sme, col(Sme.id) == Consent.sme_id)
        .where(condition)
    )
    for sme_id, purpose, withdrawn_at in session.exec(consents):
        records[sme_id].withdrawn[Purpose(purpose)] = withdrawn_at is not None
    for record in records.values():
        record.facts["consent"] = consent_state(record.withdrawn)


def _add_statements(session: Session, condition: ColumnElement[bool], records: Mapping[int, Record]) -> None:
    statements = (
        select(Statement.sme_id, Statement.kind, Statement.text)
        .join(Sme, col(Sme.id) == Statement.sme_id)
        .where(condition)
        .order_by(col(Statement.sme_id), col(Statement.position), col(Statement.id))
    )
    names = {kind: name for name, kind in KINDS.items()}
    for sme_id, kind, text in session.exec(statements):
        records[sme_id].facts[names[StatementKind(kind)]].append(text)


def save_many(session: Session, profiles: Sequence[tuple[Record | None, Facts]], moment: datetime) -> list[int]:
    """Write profiles and give their ids; None as record makes a new SME, a stored one gets its next version."""
    hubs = _hub_ids(session, [facts for _, facts in profiles])
    new = _insert(session, [facts for record, facts in profiles if record is None], hubs, moment)
    _update(session, {record.sme_id: facts for record, facts in profiles if record is not None}, hubs, moment)
    ids = [record.sme_id if record else new[facts["city_code"], facts["name"]] for record, facts in profiles]
    _write_statements(session, [(sme_id, *profile) for sme_id, profile in zip(ids, profiles, strict=True)])
    return ids


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """`values` in pieces that fit one statement."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def _columns(facts: Facts, hubs: Mapping[tuple[str, str], int], moment: datetime) -> dict[str, Any]:
    own = {name: facts[name] for name in OWN_FIELDS}
    hub = hubs[facts["city_code"], text_key(facts["hub"])] if facts["hub"] else None
    keys = {"name_key": name_key(facts["name"]), "search_text": search_text(facts)}
    return own | keys | {"hub_id": hub, "updated_at": moment}


def _contact(facts: Facts) -> dict[str, Any]:
    return {column: facts[name] for name, column in CONTACT_FIELDS.items()}


def _insert(
    session: Session, all_facts: Sequence[Facts], hubs: Mapping[tuple[str, str], int], moment: datetime
) -> dict[tuple[str, str], int]:
    """New SMEs and their contacts; {(city code, name): id}."""
    ids: dict[tuple[str, str], int] = {}
    for part in chunks(all_facts):
        rows = [
            _columns(facts, hubs, moment)
            | {"status": status_of(SmeStatus.DRAFT, facts), "version": 1, "created_at": moment}
            for facts in part
        ]
        session.execute(insert(Sme), rows, execution_options=WITH_NULLS)
        keys = [(facts["city_code"], facts["name"]) for facts in part]
        found = select(Sme.city_code, Sme.name, Sme.id).where(tuple_(col(Sme.city_code), col(Sme.name)).in_(keys))
        ids |= {(city, name): sme_id for city, name, sme_id in session.exec(found) if sme_id is not None}
    contacts = [{"sme_id": ids[facts["city_code"], facts["name"]]} | _contact(facts) for facts in all_facts]
    reachable = [contact for contact in contacts if contact["name"] or contact["email"] or contact["phone"]]
    if reachable:
        session.execute(insert(Contact), reachable)
    return ids


def _update(
    session: Session, facts_by_id: Mapping[int, Facts], hubs: Mapping[tuple[str, str], int], moment: datetime
) -> None:
    for part in chunks(list(facts_by_id)):
        contacts = {
            contact.sme_id: contact for contact in session.exec(select(Contact).where(col(Contact.sme_id).in_(part)))
        }
        for sme in session.exec(select(Sme).where(col(Sme.id).in_(part))):
            assert sme.id is not None  # noqa: S101 - it was just read
            facts = facts_by_id[sme.id]
            for name, value in _columns(facts, hubs, moment).items():
                setattr(sme, name, value)
            sme.status = status_of(sme.status, facts)
            sme.version += 1
            contact = contacts.get(sme.id) or Contact(sme_id=sme.id, name="", email="", phone="")
            for name, value in _contact(facts).items():
                setattr(contact, name, value)
            session.add_all([sme, contact])
    session.flush()


def hub_names(session: Session) -> dict[tuple[str, str], str]:
    """{(city code, key of the name): name}: two spellings of one name are one hub, the oldest spelling counts."""
    hubs = session.exec(select(Hub.city_code, Hub.name).order_by(col(Hub.id).desc()))
    return {(city, text_key(name)): name for city, name in hubs}


def _hub_ids(session: Session, all_facts: Sequence[Facts]) -> dict[tuple[str, str], int]:
    """The ids of the hubs the profiles name, by city and key; those not there yet are created."""
    wanted = {(facts["city_code"], text_key(facts["hub"])): facts["hub"] for facts in all_facts if facts["hub"]}
    if not wanted:
        return {}
    known = hub_names(session)
    session.add_all(Hub(city_code=key[0], name=name) for key, name in wanted.items() if key not in known)
    session.flush()
    hubs = session.exec(select(Hub).order_by(col(Hub.id).desc()))
    return {(hub.city_code, text_key(hub.name)): hub.id for hub in hubs if hub.id is not None}


def _write_statements(session: Session, profiles: Sequence[tuple[int, Record | None, Facts]]) -> None:
    """Replace the statements of a kind where they differ, so that what did not change keeps its rows."""
    for name, kind in KINDS.items():
        differing = [
            (sme_id, record, facts[name])
            for sme_id, record, facts in profiles
            if (record.facts[name] if record else []) != facts[name]
        ]
        for part in chunks([sme_id for sme_id, record, _ in differing if record and record.facts[name]]):
            session.execute(delete(Statement).where(col(Statement.kind) == kind, col(Statement.sme_id).in_(part)))
        rows = [
            {"sme_id": sme_id, "kind": kind, "position": position, "text": text}
            for sme_id, _, texts in differing
            for position, text in enumerate(texts)
        ]
        if rows:
            session.execute(insert(Statement), rows)
