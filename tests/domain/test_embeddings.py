"""Vectors are kept once per text and model."""

import numpy as np
from sqlmodel import Session, select

from broker.db import Database
from broker.domain import embeddings
from broker.models import Embedding
from tests.factories import make_sme
from tests.races import behind

VECTORS = {embeddings.text_hash(text): np.full(3, number, np.float32) for number, text in enumerate(("one", "two"))}


def test_two_builds_may_store_the_same_texts_at_the_same_moment(database: Database) -> None:
    with database.write() as session:
        sme_id = make_sme(session).id
    with Session(database.engine, expire_on_commit=False) as session:
        embeddings.store(session, "model", {sme_id: ["one", "two"]}, VECTORS)
        session.flush()
        behind(database, session, lambda other: embeddings.store(other, "model", {sme_id: ["one", "two"]}, VECTORS))
    with database.read() as session:
        assert len(session.exec(select(Embedding)).all()) == 2
        loaded = embeddings.load(session, "model", [sme_id])
    assert {digest: list(vector) for digest, vector in loaded.items()} == {
        digest: list(vector) for digest, vector in VECTORS.items()
    }


def test_a_text_that_is_gone_takes_its_vector_with_it(session: Session) -> None:
    sme = make_sme(session)
    embeddings.store(session, "old model", {sme.id: ["one"]}, VECTORS)
    embeddings.store(session, "model", {sme.id: ["one", "two"]}, VECTORS)
    embeddings.store(session, "model", {sme.id: ["two"]}, VECTORS)
    assert [(row.model, row.text_hash) for row in session.exec(select(Embedding))] == [
        ("model", embeddings.text_hash("two"))
    ]
