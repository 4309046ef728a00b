"""A stored profile with the rows it is made of: read in bulk, written as one."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert
from sqlmodel import Session, col, select

from broker.domain.completeness import status_of
from broker.domain.consents import consent_state
from broker.domain.keys import text_key
from broker.domain.names import name_key
from broker.models import Consent, Contact, Hub, Purpose, Sme, SmeStatus, Statement, StatementKind

OWN_FIELDS = (
    *("name", "city_code", "sector_code", "sector_words", "sector_confirmed", "description"),
    *("language", "languages", "markets", "readiness", "website"),
)
"""Fields of ProfileData that are columns of Sme under the same name."""
KINDS = {"offers": StatementKind.OFFER, "needs": StatementKind.NEED}
CONTACT_FIELDS = {"contact": "name", "email": "email", "phone": "phone"}


@dataclass
class Record:
    """One SME as stored."""

    sme: Sme
    hub: str = ""
    contact: Contact | None = None
    statements: dict[StatementKind, list[str]] = field(default_factory=lambda: {kind: [] for kind in StatementKind})
    consents: dict[Purpose, Consent] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """The profile by the field names of ProfileData, and the state of its consent."""
        own = {name: getattr(self.sme, name) for name in OWN_FIELDS}
        contact = {
            name: getattr(self.contact, column) if self.contact else "" for name, column in CONTACT_FIELDS.items()
        }
        statements = {name: self.statements[kind] for name, kind in KINDS.items()}
        return own | contact | statements | {"hub": self.hub, "consent": consent_state(self.consents)}


def load_record(session: Session, sme: Sme) -> Record:
    """The record of one SME."""
    assert sme.id is not None  # noqa: S101 - it is in the database
    return load_records(session, col(Sme.id) == sme.id)[sme.id]


def load_records(session: Session, condition: ColumnElement[bool]) -> dict[int, Record]:
    """The records of the SMEs that fit a condition on Sme, by id; five queries whatever their number."""
    smes = session.exec(select(Sme).where(condition).order_by(col(Sme.id)))
    records = {sme.id: Record(sme) for sme in smes if sme.id is not None}
    hubs = session.exec(select(Sme.id, Hub.name).join(Hub, col(Hub.id) == Sme.hub_id).where(condition))
    for sme_id, hub in hubs:
        if sme_id is not None:
            records[sme_id].hub = hub
    for contact in session.exec(select(Contact).join(Sme, col(Sme.id) == Contact.sme_id).where(condition)):
        records[contact.sme_id].contact = contact
    for consent in session.exec(select(Consent).join(Sme, col(Sme.id) == Consent.sme_id).where(condition)):
        records[consent.sme_id].consents[consent.purpose] = consent
    statements = (
        select(Statement.sme_id, Statement.kind, Statement.text)
        .join(Sme, col(Sme.id) == Statement.sme_id)
        .where(condition)
        .order_by(col(Statement.sme_id), col(Statement.position), col(Statement.id))
    )
    for sme_id, kind, text in session.exec(statements):
        records[sme_id].statements[StatementKind(kind)].append(text)
    return records


def save(session: Session, record: Record | None, facts: Mapping[str, Any], moment: datetime) -> Sme:
    """Write one profile; a stored one gets its next version."""
    return save_many(session, [(record, facts)], moment)[0]


def save_many(session: Session, profiles: list[tuple[Record | None, Mapping[str, Any]]], moment: datetime) -> list[Sme]:
    """Write profiles in a fixed number of round trips (per thousand): None as record makes a new SME."""
    hubs = _hub_ids(session, [facts for _, facts in profiles])
    records = [
        record or Record(Sme(**_own(facts), name_key="", created_at=moment, updated_at=moment, version=0))
        for record, facts in profiles
    ]
    for record, (_, facts) in zip(records, profiles, strict=True):
        _write_sme(record.sme, facts, hubs, moment)
    session.add_all([record.sme for record in records])
    session.flush()
    _write_contacts(session, records, [facts for _, facts in profiles])
    _write_statements(session, records, [facts for _, facts in profiles])
    return [record.sme for record in records]


def _own(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in OWN_FIELDS}


def _write_sme(sme: Sme, facts: Mapping[str, Any], hubs: Mapping[tuple[str, str], int], moment: datetime) -> None:
    for name, value in _own(facts).items():
        setattr(sme, name, value)
    sme.name_key = name_key(facts["name"])
    sme.hub_id = hubs.get((facts["city_code"], text_key(facts["hub"]))) if facts["hub"] else None
    sme.status = status_of(sme.status or SmeStatus.DRAFT, facts)
    sme.version += 1
    sme.updated_at = moment


def hub_names(session: Session) -> dict[tuple[str, str], Hub]:
    """{(city code, key of the name): hub}: two spellings of one name are one hub."""
    return {(hub.city_code, text_key(hub.name)): hub for hub in session.exec(select(Hub).order_by(col(Hub.id).desc()))}


def _hub_ids(session: Session, all_facts: list[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """The ids of the hubs the profiles name; those not there yet are created."""
    wanted = {(facts["city_code"], text_key(facts["hub"])): facts["hub"] for facts in all_facts if facts["hub"]}
    hubs = hub_names(session) if wanted else {}
    new = {key: Hub(city_code=key[0], name=name) for key, name in wanted.items() if key not in hubs}
    session.add_all(new.values())
    session.flush()
    return {key: hub.id for key, hub in (hubs | new).items() if hub.id is not None}


def _write_contacts(session: Session, records: list[Record], all_facts: list[Mapping[str, Any]]) -> None:
    for record, facts in zip(records, all_facts, strict=True):
        values = {column: facts[name] for name, column in CONTACT_FIELDS.items()}
        if record.contact is None and any(values.values()):
            record.contact = Contact(sme_id=record.sme.id or 0, name="", email="", phone="")
        if record.contact is not None:
            for column, value in values.items():
                setattr(record.contact, column, value)
            session.add(record.contact)
    session.flush()


def _write_statements(session: Session, records: list[Record], all_facts: list[Mapping[str, Any]]) -> None:
    """Replace the statements of a kind where they differ, so that what did not change keeps its rows."""
    stale: dict[StatementKind, list[int]] = defaultdict(list)
    fresh: list[dict[str, Any]] = []
    for record, facts in zip(records, all_facts, strict=True):
        for name, kind in KINDS.items():
            if record.statements[kind] == facts[name]:
                continue
            if record.statements[kind]:
                stale[kind].append(record.sme.id or 0)
            record.statements[kind] = list(facts[name])
            fresh += [
                {"sme_id": record.sme.id, "kind": kind, "position": position, "text": text}
                for position, text in enumerate(facts[name])
            ]
    for kind, sme_ids in stale.items():
        for start in range(0, len(sme_ids), 1000):
            chunk = sme_ids[start : start + 1000]
            session.execute(
                delete(Statement).where(col(Statement.kind) == kind, col(Statement.sme_id).in_(chunk)),
                execution_options={"synchronize_session": False},
            )
    if fresh:
        session.execute(insert(Statement), fresh)
