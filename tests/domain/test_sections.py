"""Saving a profile section by section, also by many at once."""

from concurrent.futures import ThreadPoolExecutor

from sqlmodel import select

from broker.db import Database
from broker.domain import profiles, sections
from broker.domain.completeness import Section
from broker.domain.merging import marks
from broker.domain.sections import Saved
from broker.models import AuditEntry, Sme
from tests.factories import make_sme

WRITERS, EACH = 4, 100


def opened(database: Database, sme_id: int) -> dict[str, str]:
    with database.read() as session:
        return sections.read(session, session.get_one(Sme, sme_id), Section.FIRM)


def save(database: Database, sme_id: int, form: dict[str, str], change: dict[str, str]) -> Saved:
    """As the page does: the SME is locked, and the marks are those of the form as it was opened."""
    with database.write() as session:
        sme = session.get_one(Sme, sme_id, with_for_update=True)
        return sections.save(session, "me", sme, Section.FIRM, form | change, marks(form), {})


def test_of_four_hundred_updates_of_one_field_by_four_at_once_none_is_lost(database: Database):
    with database.write() as session:
        sme_id = make_sme(session, description="").id or 0

    def write(writer: int) -> None:
        for number in range(EACH):
            while True:  # whoever is told of a conflict reads again and adds its note to what is there
                form = opened(database, sme_id)
                note = f"{form['description']} {writer}.{number}".strip()
                saved = save(database, sme_id, form, {"description": note})
                if not saved.conflicts:
                    assert saved.changed
                    break

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    with database.read() as session:
        sme = session.get_one(Sme, sme_id)
        entries = session.exec(select(AuditEntry).where(AuditEntry.action == "profile updated")).all()
    assert sorted(sme.description.split()) == sorted(f"{w}.{n}" for w in range(WRITERS) for n in range(EACH))
    assert sme.version == 1 + len(entries) == 1 + WRITERS * EACH


def test_writers_of_different_fields_are_never_in_each_others_way(database: Database):
    with database.write() as session:
        sme_id = make_sme(session).id or 0

    def write(field: str) -> int:
        form, conflicts = opened(database, sme_id), 0
        for number in range(25):
            value = f"{field}.example" if field == "website" else f"{field} {number}"
            saved = save(database, sme_id, form, {field: value if field == "hub" else f"https://{number}.{value}"})
            conflicts += len(saved.conflicts)
            form = saved.values | {name: text for name, text in form.items() if name != field}
        return conflicts

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(write, ["hub", "website"])) == [0, 0]
    with database.read() as session:
        found = profiles.read(session, session.get_one(Sme, sme_id))
    assert (found.hub, found.website) == ("hub 24", "https://24.website.example")
