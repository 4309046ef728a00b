"""Who would see an SME with the statements its broker is just typing: one row of pairs, judged as in a match run.

What the other SMEs bring is kept in this process and brought up to date SME by SME, so a look costs the texts that are
new and one row. It holds vectors of one model only (law 6)."""

import logging
import threading
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import or_
from sqlmodel import Session, col, select

import matching
from broker.db import Database, wake
from broker.domain import drafts, embeddings
from broker.domain.disclosure import without_name
from broker.domain.embeddings import TextEncoder, Vectors, text_hash
from broker.domain.shortlists.encode import load_encoder, vectors
from broker.domain.shortlists.gather import profiles_of
from broker.domain.shortlists.weights import load_weights
from broker.models import (
    INACTIVE,
    Answer,
    Consent,
    Draft,
    Interest,
    Introduction,
    PastPartner,
    Purpose,
    Sme,
)
from matching import background, newcomer
from matching.evidence import Evidence
from matching.fingerprint import identity_of
from matching.newcomer import Standing
from matching.result import Match

log = logging.getLogger(__name__)
HOW_MANY = 5
ORDER = ("possible", "good", "strong")
READ_TASK = "drafts.read_texts"
AT_ONCE = 50
"""SMEs whose texts are read and stored together."""
POLICY = matching.Policy(require_other_city=True, require_other_sector=True)


@dataclass(slots=True)
class Field:
    """The SMEs that can be met, as this process knows them: by id the version it has of each."""

    model: str
    standing: Standing
    versions: dict[int, int] = field(default_factory=dict)


_field: Field | None = None
_turn = threading.Lock()


def look(database: Database, draft_id: int, encoder: TextEncoder | None = None) -> bool:
    """Answer a draft; False where it is gone, answered already or was changed meanwhile. Its failure is in its row."""
    with database.read() as session:
        draft = session.get(Draft, draft_id)
    if draft is None or draft.result is not None:
        return False
    try:
        result = _result(database, draft, encoder)
    except Exception as error:
        log.exception("draft %s could not be looked at", draft_id)
        result = {"failed": type(error).__name__}
    with database.write() as session:
        if result.get("unread"):
            wake(session, READ_TASK)
        return drafts.answer(session, draft, result)


def _result(database: Database, draft: Draft, encoder: TextEncoder | None) -> dict[str, Any]:
    settings = database.settings
    encoder = encoder or load_encoder(settings.embedding_model, settings.home)
    with _turn, database.read() as session:
        [own] = profiles_of(session, [draft.sme_id])
        own = replace(own, offers=tuple(draft.offers), needs=tuple(draft.needs))
        stored = embeddings.load(session, encoder.fingerprint, [draft.sme_id])
        apart = _apart(session, draft.sme_id)
        there, unread = _up_to_date(session, encoder.fingerprint)
    by_text = {text: _vector(encoder, text, stored) for text in matching.texts(own)}
    met = newcomer.nearest(there, own, by_text, POLICY, load_weights(settings), HOW_MANY, apart)
    people = {profile.id: profile for profile in there.profiles}
    return {"onlookers": [_told(match, people[match.a]) for match in met], "unread": unread}


def _vector(encoder: TextEncoder, text: str, stored: Vectors) -> NDArray[np.float32]:
    """As stored, else encoded by itself: what stands beside it in a batch moves the last digits."""
    found = stored.get(text_hash(text))
    if found is not None:
        return np.asarray(found, np.float32)
    return _encoded(encoder, text)  # type: ignore[arg-type]  # an encoder is hashed by what it is, as any object


@lru_cache(maxsize=500)
def _encoded(encoder: TextEncoder, text: str) -> NDArray[np.float32]:
    row: NDArray[np.float32] = encoder.encode([text])[0]
    return row


def _apart(session: Session, sme_id: int) -> set[str]:
    """Itself, and whom it need not or must not meet: past partners, the introduced, who knows it, who said never."""
    said = col(Interest.answer).in_((Answer.KNOWN, Answer.NEVER))
    pairs = [
        *session.exec(select(PastPartner.a_id, PastPartner.b_id).where(_with(PastPartner, sme_id))),
        *session.exec(select(Introduction.a_id, Introduction.b_id).where(_with(Introduction, sme_id))),
        *session.exec(
            select(Interest.sme_id, Interest.partner_id).where(
                said, or_(col(Interest.sme_id) == sme_id, col(Interest.partner_id) == sme_id)
            )
        ),
    ]
    return {str(sme_id), *(str(one) for pair in pairs for one in pair)}


def _with(table: type[PastPartner] | type[Introduction], sme_id: int) -> Any:
    return or_(col(table.a_id) == sme_id, col(table.b_id) == sme_id)


def _up_to_date(session: Session, model: str) -> tuple[Standing, int]:
    """Everybody who can be met and whose texts were read, and how many there are besides whose were not."""
    global _field
    there = _versions(session)
    known = _field if _field is not None and _field.model == model else None
    before = known.versions if known else {}
    gone = before.keys() - there.keys()
    changed = [sme_id for sme_id, version in there.items() if before.get(sme_id) != version]
    if known is None or changed or gone:
        _field = known = _renewed(session, model, known, there, changed, gone)
    return known.standing, len(there) - len(known.versions)


def _versions(session: Session) -> dict[int, int]:
    """Those that agreed to be matched and are neither paused nor expired, as in a run."""
    agreed = (col(Consent.sme_id) == Sme.id) & (col(Consent.purpose) == Purpose.MATCHING)
    query = select(Sme.id, Sme.version).join(Consent, agreed).order_by(col(Sme.id))
    rows = session.exec(query.where(col(Consent.withdrawn_at).is_(None), col(Sme.status).not_in(INACTIVE)))
    return {sme_id: version for sme_id, version in rows if sme_id is not None}


def _renewed(
    session: Session,
    model: str,
    known: Field | None,
    there: dict[int, int],
    changed: Collection[int],
    gone: Collection[int],
) -> Field:
    """The field with those read again who changed; one whose texts have no vectors yet is left out until they have."""
    scales = background.load(identity_of(model))
    if known is None or scales is None:  # without a shipped background it is that of the cohort: all is made anew
        people, by_text = _read(session, model, there)
        return Field(model, newcomer.standing(people, by_text, scales), _their(there, people))
    people, by_text = _read(session, model, changed)
    if not people and not gone and not known.versions.keys() & set(changed):
        return known  # all that changed waits for its vectors still
    out = [str(sme_id) for sme_id in (*gone, *changed)]
    kept = {sme_id: version for sme_id, version in known.versions.items() if str(sme_id) not in set(out)}
    return Field(model, newcomer.renewed(known.standing, people, out, by_text), kept | _their(there, people))


def _their(versions: dict[int, int], people: Sequence[matching.Profile]) -> dict[int, int]:
    return {int(profile.id): versions[int(profile.id)] for profile in people}


def _read(session: Session, model: str, ids: Collection[int]) -> tuple[list[matching.Profile], Vectors]:
    """Those of them whose texts all have vectors, with these by text."""
    stored = embeddings.load(session, model, ids)
    people = profiles_of(session, ids)
    every = {profile.id: matching.texts(profile) for profile in people}
    read = [p for p in people if all(text_hash(text) in stored for text in every[p.id])]
    return read, {text: np.asarray(stored[text_hash(text)], np.float32) for p in read for text in every[p.id]}


def read_texts(database: Database, encoder: TextEncoder | None = None) -> int:
    """Read and store what has no vectors yet, a few SMEs at a time; of how many SMEs."""
    settings = database.settings
    encoder = encoder or load_encoder(settings.embedding_model, settings.home)
    with database.read() as session:
        ids = list(_versions(session))
        read, _ = _read(session, encoder.fingerprint, ids)
    missing = sorted(set(ids) - {int(profile.id) for profile in read})
    for start in range(0, len(missing), AT_ONCE):
        with database.read() as session:
            people = profiles_of(session, missing[start : start + AT_ONCE])
        vectors(database, people, encoder, lambda stage, done, total: None)
    return len(missing)


def _told(match: Match, other: matching.Profile) -> dict[str, Any]:
    """What the page shows of a pair: nothing that names the other firm."""
    return {
        "city": other.city,
        "sector": other.sector,
        "strength": max((e.strength for e in (match.a_to_b, match.b_to_a) if e), key=ORDER.index, default="possible"),
        "distance": match.distance,
        "you_need": _quote(match.b_to_a, other.name),
        "they_need": _quote(match.a_to_b, other.name),
    }


def _quote(evidence: Evidence | None, name: str) -> dict[str, Any] | None:
    if evidence is None:
        return None
    return {k: without_name(value, name) if isinstance(value, str) else value for k, value in asdict(evidence).items()}
