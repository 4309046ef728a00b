"""What an organiser takes out of the service: match list, answers, participants, as CSV and XLSX."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass

import xlsxwriter
from sqlalchemy import union
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit, cards, events, formulas
from broker.domain.cards import Card, Quote
from broker.domain.languages import in_english
from broker.errors import InvalidError
from broker.models import (
    City,
    Consent,
    Contact,
    ExportLog,
    Hub,
    Interest,
    Introduction,
    Purpose,
    Registration,
    Sector,
    Shortlist,
    ShortlistStatus,
    Sme,
)

CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


@dataclass(frozen=True, slots=True)
class Table:
    """A header and rows of texts."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def table(session: Session, event_id: int, what: str) -> Table:
    """'matches', 'answers' or 'participants' of an event; InvalidError for anything else."""
    if what not in TABLES:
        raise InvalidError(f"{what!r} cannot be exported. Expected one of: {', '.join(TABLES)}.")
    events.get(session, event_id)
    return TABLES[what](session, event_id)


def _matches(session: Session, event_id: int) -> Table:
    """One row per SME and partner of the approved shortlists, or of the drafts where none is approved yet."""
    columns = (
        "sme",
        "sme_city",
        "sme_sector",
        "sme_group",
        "partner",
        "partner_city",
        "partner_sector",
        "partner_group",
        "rank",
        "strength",
        "reason_for_sme",
        "reason_for_partner",
        "answer_sme",
        "answer_partner",
    )
    shortlists = current(session, event_id)
    shown = cards.for_shortlists(session, shortlists)
    smes = _smes(session, event_id)
    answers = _answers(session, event_id)
    rows: list[tuple[str, ...]] = [
        (
            *smes[sme_id],
            *(card.name, card.city, card.sector, card.group, str(rank), f"{card.strength:.3f}"),
            *_reasons(card),
            answers.get((sme_id, card.partner_id), ""),
            answers.get((card.partner_id, sme_id), ""),
        )
        for sme_id in sorted(shown, key=lambda sme_id: smes[sme_id])
        for rank, card in enumerate(shown[sme_id], start=1)
    ]
    return Table(columns, rows)


def current(session: Session, event_id: int) -> list[Shortlist]:
    """The approved shortlists of an event, or its drafts where none is approved yet."""
    for status in (ShortlistStatus.APPROVED, ShortlistStatus.DRAFT):
        rows = session.exec(select(Shortlist).where(Shortlist.event_id == event_id, Shortlist.status == status)).all()
        if rows:
            return list(rows)
    return []


def _smes(session: Session, event_id: int) -> dict[int, tuple[str, str, str, str]]:
    """Whoever has a list or an answer at an event: both stay when an SME is taken off it."""
    named = union(
        select(Shortlist.sme_id).where(Shortlist.event_id == event_id),
        select(Interest.sme_id).where(Interest.event_id == event_id),
        select(Interest.partner_id).where(Interest.event_id == event_id),
    )
    rows = session.exec(
        select(Sme, City, Sector)
        .join(City, col(City.code) == Sme.city_code)
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
        .where(col(Sme.id).in_(named))
    )
    return {
        sme.id: (sme.name, city.name, sector.name if sector else "", sector.group if sector else "")
        for sme, city, sector in rows
    }


def _answers(session: Session, event_id: int) -> dict[tuple[int, int], str]:
    rows = session.exec(select(Interest).where(Interest.event_id == event_id))
    return {(row.sme_id, row.partner_id): row.answer.value for row in rows}


def _reasons(card: Card) -> tuple[str, str]:
    """Two quotes a side; the partner's reason is the one the SME sees as “they look for”."""
    return quoted(card.you_need), quoted(card.they_need)


def quoted(quote: Quote | None) -> str:
    """A reason in one cell; '' for none."""
    return f"looks for “{quote.need}” – finds “{quote.offer}”" if quote else ""


def _answer_rows(session: Session, event_id: int) -> Table:
    smes = _smes(session, event_id)
    introduced = {
        frozenset((row.a_id, row.b_id))
        for row in session.exec(select(Introduction).where(Introduction.event_id == event_id))
    }
    answers = session.exec(select(Interest).where(Interest.event_id == event_id).order_by(col(Interest.answered_at)))
    rows: list[tuple[str, ...]] = [
        (
            *smes[row.sme_id][:2],
            *smes[row.partner_id][:2],
            row.answer.value,
            row.answered_at.strftime("%Y-%m-%d %H:%M UTC"),
            "yes" if frozenset((row.sme_id, row.partner_id)) in introduced else "",
            row.reason,
        )
        for row in answers
    ]
    columns = ("sme", "sme_city", "partner", "partner_city", "answer", "answered_at", "introduced", "reason")
    return Table(columns, rows)


def _participants(session: Session, event_id: int) -> Table:
    """Who takes part; how to reach them only where they agreed to be mailed."""
    agreed = select(Consent.sme_id).where(Consent.purpose == Purpose.MAILING, col(Consent.withdrawn_at).is_(None))
    rows = session.exec(
        select(Sme, City, Hub, Contact)
        .join(Registration, col(Registration.sme_id) == Sme.id)
        .join(City, col(City.code) == Sme.city_code)
        .outerjoin(Hub, col(Hub.id) == Sme.hub_id)
        .outerjoin(Contact, (col(Contact.sme_id) == Sme.id) & col(Sme.id).in_(agreed))
        .where(Registration.event_id == event_id)
        .order_by(City.name, Sme.name)
    )
    sectors = {sector.code: sector for sector in session.exec(select(Sector))}
    columns = (
        *("sme", "city", "hub", "sector", "group", "sector_confirmed", "status"),
        *("languages_in_english", "markets_in_english", "readiness", "contact", "email", "phone", "website"),
    )
    return Table(
        columns,
        [
            (
                *(sme.name, city.name, hub.name if hub else ""),
                *((sector.name, sector.group) if sector else ("", "")),
                ("yes" if sme.sector_confirmed else "to be confirmed") if sector else "",
                sme.status.value,
                *(in_english(sme.languages), in_english(sme.markets), str(sme.readiness or "")),
                *((contact.name, contact.email, contact.phone) if contact else ("", "", "")),
                sme.website,
            )
            for sme, city, hub, contact in rows
            for sector in [sectors.get(sme.sector_code or "")]
        ],
    )


TABLES: dict[str, Callable[[Session, int], Table]] = {
    "matches": _matches,
    "answers": _answer_rows,
    "participants": _participants,
}


def to_csv(data: Table) -> bytes:
    """UTF-8 with BOM, so that Excel reads Łódź; no cell can start a formula, whatever separates cells there."""
    out = io.StringIO(newline="")
    csv.writer(out).writerow(map(formulas.inert, data.columns))  # of rejected rows they are somebody else's words
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([formulas.inert(cell) for cell in row] for row in data.rows)
    return out.getvalue().encode("utf-8-sig")


def to_xlsx(data: Table) -> bytes:
    """One sheet of text cells: nothing is turned into a formula, link or number."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet()
        bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        for column, name in enumerate(data.columns):
            sheet.write_string(0, column, name, bold)
            sheet.set_column(column, column, _width(data, column), wrapped)
        for number, row in enumerate(data.rows, start=1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell.translate(CONTROLS)[:32_767])
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, len(data.rows), len(data.columns) - 1)
    return out.getvalue()


def _width(data: Table, column: int) -> float:
    """Wide enough for most cells, in characters; long texts wrap."""
    longest = max((len(row[column]) for row in data.rows), default=0)
    return min(max(len(data.columns[column]), longest) + 2, 50)


FORMATS: dict[str, Callable[[Table], bytes]] = {"csv": to_csv, "xlsx": to_xlsx}
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def log_export(session: Session, actor: str, event_id: int, what: str, form: str, data: Table) -> None:
    """Remember that this left the service, so that an erasure can follow it."""
    session.add(ExportLog(at=now(session), actor=actor, event_id=event_id, what=what, format=form, rows=len(data.rows)))
    subject, columns = f"event {event_id}", list(data.columns)
    audit.record(session, actor, "event.export", subject, what=what, format=form, columns=columns)
