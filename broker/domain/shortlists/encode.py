"""Vectors for what the engine compares: encoded once, by this process's one encoder, and stored."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from sqlmodel import col, select

import matching
from broker.db import Database
from broker.domain import embeddings, profiles
from broker.domain.embeddings import TextEncoder, Vectors, text_hash
from broker.errors import ConflictError
from broker.models import Sector

Progress = Callable[[str, int, int], None]


@lru_cache(maxsize=2)
def load_encoder(model: str, home: Path) -> TextEncoder:
    """The encoder of this process, loaded once; needs seconds and much memory, so only workers and commands do."""
    return matching.load_encoder(model, home)


def vectors(
    database: Database,
    cohort: Sequence[matching.Profile],
    encoder: TextEncoder | None,
    report: Progress,
) -> tuple[str, Vectors]:
    """(model fingerprint, vectors by text) of all texts; only those not stored yet are encoded."""
    settings = database.settings
    texts = {int(profile.id): matching.texts(profile) for profile in cohort}
    model = encoder.fingerprint if encoder else matching.model_fingerprint(settings.embedding_model, settings.home)
    if model is None:
        encoder = load_encoder(settings.embedding_model, settings.home)
        model = encoder.fingerprint
    with database.read() as session:
        stored = embeddings.load(session, model, texts)
    every = {text_hash(text): text for of_sme in texts.values() for text in of_sme}
    new = {digest: text for digest, text in every.items() if digest not in stored}
    if new:
        report("loading the model", 0, 0)
        encoder = encoder or load_encoder(settings.embedding_model, settings.home)
        if encoder.fingerprint != model:
            raise ConflictError("The embedding model changed while it was loaded. Build again.")
        rows = encoder.encode(list(new.values()), lambda done, total: report("reading the texts", done, total))
        stored |= dict(zip(new, rows, strict=True))
        with database.write() as session:
            embeddings.store(session, model, texts, stored)
    return model, {every[digest]: np.asarray(stored[digest], np.float32) for digest in every}


def resolve_sectors(database: Database, encoder: TextEncoder | None = None) -> int:
    """Give SMEs that named their sector in free words the nearest of ours, to be confirmed; how many."""
    with database.read() as session:
        waiting = {sme.sector_words: "" for sme in profiles.sectors_to_resolve(session)}
        sectors = session.exec(select(Sector).order_by(col(Sector.position))).all()
    if not waiting:
        return 0
    settings = database.settings
    encoder = encoder or load_encoder(settings.embedding_model, settings.home)
    vectors = encoder.encode([*waiting, *(sector.name for sector in sectors)])
    nearest = (vectors[: len(waiting)] @ vectors[len(waiting) :].T).argmax(axis=1)
    codes = {words: sectors[index].code for words, index in zip(waiting, nearest, strict=True)}
    with database.write() as session:
        smes = [sme for sme in profiles.sectors_to_resolve(session) if sme.sector_words in codes]
        for sme in smes:
            profiles.set_nearest_sector(session, sme, codes[sme.sector_words])
    return len(smes)
