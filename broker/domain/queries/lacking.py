"""What a profile lacks, asked of the database: the same words as `completeness.missing`, each with its condition."""

from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, or_
from sqlmodel import col, select

from broker.domain.completeness import CONFIRM_SECTOR
from broker.models import Consent, Contact, Purpose, Sme, Statement, StatementKind


def conditions() -> dict[str, ColumnElement[bool]]:
    """{what is missing, in plain words: whether an SME lacks it}, the most needed first."""
    in_words = col(Sme.sector_words) != ""
    return {
        "description": col(Sme.description) == "",
        "offers": ~_has_statement(StatementKind.OFFER),
        "needs": ~_has_statement(StatementKind.NEED),
        "sector": and_(col(Sme.sector_code).is_(None), ~in_words),
        CONFIRM_SECTOR: and_(or_(col(Sme.sector_code).is_not(None), in_words), ~col(Sme.sector_confirmed)),
        "languages": _is_empty(Sme.languages),
        "contact e-mail": ~exists().where(col(Contact.sme_id) == Sme.id, col(Contact.email) != ""),
        "target markets": _is_empty(Sme.markets),
        "readiness": col(Sme.readiness).is_(None),
        "hub": col(Sme.hub_id).is_(None),
        "consent": lacks_consent(),
    }


def lacks_consent() -> ColumnElement[bool]:
    """Whether one of the purposes was never agreed to, or is not any more."""
    standing = select(func.count()).where(col(Consent.sme_id) == Sme.id, col(Consent.withdrawn_at).is_(None))
    return standing.correlate(Sme).scalar_subquery() < len(Purpose)


def _has_statement(kind: StatementKind) -> ColumnElement[bool]:
    return exists().where(col(Statement.sme_id) == Sme.id, col(Statement.kind) == kind)


def _is_empty(listed: Any) -> ColumnElement[bool]:
    return cast(listed, String) == "[]"
