"""Vectors of SMEs' texts: computed once per text and model, never mixed between models (law 6)."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from broker.models import Embedding

Vectors = dict[str, NDArray[np.float32]]
FLOAT = np.dtype("<f4")


class TextEncoder(Protocol):
    """What this module asks of an encoder; `matching.encoder` has one."""

    @property
    def fingerprint(self) -> str:
        """Names the model, its weights and precision: equal fingerprints, comparable vectors."""

    def encode(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> NDArray[np.float32]:
        """(n, d) unit rows for n texts."""


def text_hash(text: str) -> str:
    """The name under which a text's vector is kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def load(session: Session, model: str, sme_ids: Iterable[int]) -> Vectors:
    """The vectors there are for these SMEs under one model, by text hash."""
    rows = session.exec(
        select(Embedding.text_hash, Embedding.vector).where(
            Embedding.model == model, col(Embedding.sme_id).in_(list(sme_ids))
        )
    )
    return {digest: np.frombuffer(vector, FLOAT) for digest, vector in rows}


def store(session: Session, model: str, texts: Mapping[int, Sequence[str]], vectors: Vectors) -> None:
    """Keep exactly the vectors of each SME's present texts under `model`; older texts and models go.

    texts: by SME id; vectors: by text hash, holding at least those of `texts`."""
    wanted = {(sme_id, text_hash(text)) for sme_id, of_sme in texts.items() for text in of_sme}
    rows = session.exec(
        select(Embedding.id, Embedding.sme_id, Embedding.text_hash, Embedding.model).where(
            col(Embedding.sme_id).in_(list(texts))
        )
    ).all()
    kept = {(sme_id, digest) for _, sme_id, digest, made_by in rows if made_by == model} & wanted
    stale = [row_id for row_id, sme_id, digest, made_by in rows if made_by != model or (sme_id, digest) not in kept]
    session.connection().execute(delete(Embedding).where(col(Embedding.id).in_(stale)))
    fresh = [
        {"sme_id": sme_id, "model": model, "text_hash": digest, "vector": vectors[digest].astype(FLOAT).tobytes()}
        for sme_id, digest in sorted(wanted - kept)
    ]
    if fresh:  # another build may store the same texts at this moment, and its vectors are as good
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.connection().execute(insert(Embedding).on_conflict_do_nothing(), fresh)
