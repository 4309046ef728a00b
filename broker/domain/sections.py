"""A profile section by section, as forms hold it: each field a text, so that two writers are told apart by field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from babel import Locale
from sqlmodel import Session, select

from broker.domain import profiles, readiness
from broker.domain.completeness import Section
from broker.domain.consents import record_consent, withdraw_consent
from broker.domain.languages import LONGEST, TOO_LONG, Reading, find_languages, find_markets
from broker.domain.merging import Conflict, Values, merge
from broker.domain.profiles import ProfileData
from broker.errors import ConflictError
from broker.models import Consent, Purpose, Sector, Sme

ENGLISH = Locale("en")
YES = "yes"
QUESTION_FIELDS = tuple(question.code for question in readiness.QUESTIONS)
FIELDS: dict[Section, tuple[str, ...]] = {
    Section.FIRM: ("name", "description", "hub", "website"),
    Section.SECTOR: ("sector_code", "sector_confirmed"),
    Section.OFFERS: ("offers",),
    Section.NEEDS: ("needs",),
    Section.ABROAD: ("languages", "markets"),
    Section.CONTACT: ("contact", "email", "phone"),
    Section.CONSENTS: tuple(f"consent_{purpose}" for purpose in Purpose),
    Section.READINESS: (*QUESTION_FIELDS, "override", "reason"),
}


class Problem(NamedTuple):
    """Why a field cannot be saved as typed; `place` is the line of a list, else None."""

    field: str
    place: int | None
    words: str


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a section that was to be saved; written only where there is neither conflict nor problem."""

    values: dict[str, str]
    changed: bool = False
    conflicts: tuple[Conflict, ...] = ()
    problems: tuple[Problem, ...] = ()


def read(session: Session, sme: Sme, section: Section) -> dict[str, str]:
    """The section as stored, field by field."""
    if section is Section.CONSENTS:
        return {f"consent_{purpose}": YES if stands else "" for purpose, stands in _standing(session, sme).items()}
    if section is Section.READINESS:
        return _questionnaire(session, sme)
    values = shown(profiles.read(session, sme))
    return {field: values[field] for field in FIELDS[section]}


def shown(data: ProfileData) -> dict[str, str]:
    """A profile's fields as texts: statements one a line, codes by their English names."""
    return {
        "name": data.name,
        "description": data.description,
        "hub": data.hub,
        "website": data.website,
        "sector_code": data.sector_code or "",
        "sector_confirmed": YES if data.sector_confirmed else "",
        "offers": "\n".join(_one_line(text) for text in data.offers),
        "needs": "\n".join(_one_line(text) for text in data.needs),
        "languages": ", ".join(ENGLISH.languages.get(code, code) for code in data.languages),
        "markets": ", ".join(ENGLISH.territories.get(code, code) for code in data.markets),
        "contact": data.contact,
        "email": data.email,
        "phone": data.phone,
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())


def lines(text: str) -> list[str]:
    """The statements of a field, each on one line."""
    return [_one_line(line) for line in text.split("\n") if line.strip()]


def _standing(session: Session, sme: Sme) -> dict[Purpose, bool]:
    rows = session.exec(select(Consent).where(Consent.sme_id == sme.id)).all()
    given = {consent.purpose for consent in rows if consent.withdrawn_at is None}
    return {purpose: purpose in given for purpose in Purpose}


def _questionnaire(session: Session, sme: Sme) -> dict[str, str]:
    check = readiness.last(session, sme)
    answers = check.answers if check else {}
    values = {field: answers.get(field, "") for field in QUESTION_FIELDS}
    return values | {
        "override": str(check.override or "") if check else "",
        "reason": check.reason if check else "",
    }


def save(
    session: Session, actor: str, sme: Sme, section: Section, typed: Values, seen: Values, choices: Values
) -> Saved:
    """Save a section whose SME is locked by the caller; fields that only others touched stay as those left them.

    typed: every field of the section; seen: the marks of the fields when the form was opened; choices: see `merge`."""
    merged = merge(read(session, sme, section), typed, seen, choices)
    if merged.conflicts:
        return Saved(merged.values, conflicts=merged.conflicts)
    problems, changed = _WRITERS.get(section, _write_profile)(session, actor, sme, merged.values)
    return Saved(merged.values, changed=changed, problems=tuple(problems))


Writer = Callable[[Session, str, Sme, Values], tuple[list[Problem], bool]]


def _write_profile(session: Session, actor: str, sme: Sme, values: Values) -> tuple[list[Problem], bool]:
    before = profiles.read(session, sme)
    fields, problems = _data(session, before, values)
    problems += [Problem(field, place, words) for field, place, words in profiles.problems(fields)]
    if problems:
        return problems, False
    try:
        return [], profiles.update(session, actor, sme, profiles.parse(**fields))
    except ConflictError as error:
        return [Problem("name" if "name" in values else next(iter(values)), None, str(error))], False


def _data(session: Session, before: ProfileData, values: Values) -> tuple[dict[str, Any], list[Problem]]:
    """The whole profile with the section's values in it, and what in them is no code we know."""
    fields = before.model_dump() | {
        field: _one_line(text) if field != "description" else text
        for field, text in values.items()
        if field in ("name", "description", "hub", "website", "contact", "email", "phone")
    }
    fields |= {field: lines(values[field]) for field in ("offers", "needs") if field in values}
    problems = []
    for field, find in (("languages", find_languages), ("markets", find_markets)):
        if len(values.get(field, "")) > LONGEST:
            problems.append(Problem(field, None, TOO_LONG))
        elif field in values:
            reading = find(values[field])
            fields[field] = reading.codes
            problems += _unknown(field, reading)
    if "sector_code" in values:
        sector, problem = _sector(session, before, values)
        fields |= sector
        problems += problem
    return fields, problems


def _unknown(field: str, reading: Reading) -> list[Problem]:
    kind = "a language" if field == "languages" else "a country"
    return [
        Problem(field, None, f"{name!r} is not {kind} we know. Write names with commas between.")
        for name in reading.unknown[:1]
    ]


def _sector(session: Session, before: ProfileData, values: Values) -> tuple[dict[str, Any], list[Problem]]:
    """Choosing another sector confirms it; a guess that is left stays one until its box is ticked."""
    chosen = values["sector_code"] or None
    if chosen is not None and session.get(Sector, chosen) is None:
        return {}, [Problem("sector_code", None, f"{chosen!r} is none of our sectors.")]
    is_new_choice = chosen is not None and chosen != before.sector_code
    confirmed = chosen is not None and (is_new_choice or bool(values["sector_confirmed"]))
    return {"sector_code": chosen, "sector_confirmed": confirmed}, []


def _write_consents(session: Session, actor: str, sme: Sme, values: Values) -> tuple[list[Problem], bool]:
    before = _standing(session, sme)
    given = [purpose for purpose in Purpose if values[f"consent_{purpose}"] and not before[purpose]]
    taken = [purpose for purpose in Purpose if not values[f"consent_{purpose}"] and before[purpose]]
    if given:
        record_consent(session, sme, given, actor)
    if taken:
        withdraw_consent(session, sme, taken, actor)
    return [], bool(given or taken)


def _write_questionnaire(session: Session, actor: str, sme: Sme, values: Values) -> tuple[list[Problem], bool]:
    if dict(values) == _questionnaire(session, sme):
        return [], False
    override = int(values["override"]) if values["override"] in map(str, readiness.LEVELS) else None
    reason = _one_line(values["reason"])
    if override and not reason:
        return [Problem("reason", None, "Say why you judge it differently from the answers.")], False
    if len(reason) > 1000:
        return [Problem("reason", None, "A reason of at most 1,000 characters.")], False
    check = readiness.record(session, actor, sme, _answers(values), override, reason)
    if level := check.override or check.level:
        profiles.update(session, actor, sme, profiles.read(session, sme).model_copy(update={"readiness": level}))
    return [], True


def _answers(values: Values) -> Mapping[str, str]:
    return {field: values[field] for field in QUESTION_FIELDS}


_WRITERS: dict[Section, Writer] = {Section.CONSENTS: _write_consents, Section.READINESS: _write_questionnaire}
