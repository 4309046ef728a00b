"""The form a broker edits a profile with: from a profile to fields, and from fields to a profile."""

from collections.abc import Mapping, Sequence
from typing import Any

from babel import Locale
from sqlmodel import Session
from starlette.datastructures import FormData

from broker.domain import profiles
from broker.domain.consents import record_consent, withdraw_consent
from broker.domain.languages import Reading, find_languages, find_markets
from broker.domain.profiles import ProfileData
from broker.errors import InvalidError
from broker.models import Consent, Purpose, Sme

ENGLISH = Locale("en")
LABELS = {
    "name": "Name",
    "city_code": "City",
    "hub": "Hub",
    "sector_code": "Sector",
    "description": "Description",
    "offers": "Offers",
    "needs": "Looks for",
    "languages": "Working languages",
    "markets": "Target markets",
    "readiness": "Readiness",
    "website": "Website",
    "contact": "Contact person",
    "email": "E-mail",
    "phone": "Telephone",
}
CONSENTS = {Purpose.MATCHING: "Has agreed to be matched", Purpose.MAILING: "Has agreed to be mailed"}
READINESS = (
    (1, "1 – curious"),
    (2, "2 – first ideas"),
    (3, "3 – preparing"),
    (4, "4 – first customers abroad"),
    (5, "5 – already exporting"),
)
Fields = dict[str, str]


def empty(city: str) -> Fields:
    """The fields of a profile nobody has written yet."""
    return dict.fromkeys(LABELS, "") | {"city_code": city, "sector_confirmed": ""}


def to_fields(data: ProfileData) -> Fields:
    """A profile as a form shows it: lists one a line, codes by their English names."""
    return {
        "name": data.name,
        "city_code": data.city_code,
        "hub": data.hub,
        "sector_code": data.sector_code or "",
        "sector_confirmed": "1" if data.sector_confirmed else "",
        "description": data.description,
        "offers": "\n".join(data.offers),
        "needs": "\n".join(data.needs),
        "languages": ", ".join(ENGLISH.languages.get(code, code) for code in data.languages),
        "markets": ", ".join(ENGLISH.territories.get(code, code) for code in data.markets),
        "readiness": str(data.readiness or ""),
        "website": data.website,
        "contact": data.contact,
        "email": data.email,
        "phone": data.phone,
    }


def from_form(form: FormData, city: str) -> Fields:
    """What was typed, with line ends as one character; the city is given, not typed."""
    typed = {name: str(form.get(name, "")).replace("\r\n", "\n").strip() for name in (*LABELS, "sector_confirmed")}
    return typed | {"city_code": city}


def to_profile(fields: Mapping[str, str], before: ProfileData | None) -> ProfileData:
    """The profile the fields describe; InvalidError names the field and what was expected.

    Choosing another sector confirms it; a guess that is left as it is stays a guess until its box is ticked."""
    chosen = fields["sector_code"] or None
    is_new_choice = chosen is not None and (before is None or chosen != before.sector_code)
    try:
        return profiles.parse(
            name=" ".join(fields["name"].split()),
            city_code=fields["city_code"],
            hub=" ".join(fields["hub"].split()),
            sector_code=chosen,
            sector_words=before.sector_words if before else "",
            sector_confirmed=chosen is not None and (is_new_choice or bool(fields["sector_confirmed"])),
            description=fields["description"],
            language=before.language if before else "",
            languages=_codes("languages", find_languages(fields["languages"])),
            markets=_codes("markets", find_markets(fields["markets"])),
            readiness=int(fields["readiness"][:9]) if fields["readiness"].isdecimal() else None,
            website=fields["website"],
            contact=fields["contact"],
            email=fields["email"],
            phone=fields["phone"],
            offers=_lines(fields["offers"]),
            needs=_lines(fields["needs"]),
        )
    except InvalidError as error:
        field, _, expected = str(error).partition(": ")
        name, _, place = field.partition(".")
        where = LABELS.get(name, name) + (f", line {int(place) + 1}" if place.isdecimal() else "")
        raise InvalidError(f"{where}: {expected}") from error


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def _codes(field: str, reading: Reading) -> list[str]:
    if reading.unknown:
        kind = "a language" if field == "languages" else "a country"
        raise InvalidError(f"{field}: {reading.unknown[0]!r} is not {kind} we know. Write names with commas between.")
    return reading.codes


def differences(typed: Mapping[str, str], stored: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(label, what is stored now, what was typed) of every field in which the two differ."""
    return [
        (label, stored[name], typed[name])
        for name, label in LABELS.items()
        if stored[name].strip() != typed[name].strip()
    ]


def standing(consents: Sequence[Consent]) -> frozenset[Purpose]:
    """The purposes agreed to and not taken back."""
    return frozenset(consent.purpose for consent in consents if consent.withdrawn_at is None)


def consent_differences(ticked: frozenset[Purpose], stored: frozenset[Purpose]) -> list[tuple[str, str, str]]:
    """`differences` of the boxes. What is stored goes back into the form: a consent must not return by itself."""
    words = {True: "yes", False: "no"}
    return [
        (f"{CONSENTS[purpose]} – the form shows what was saved", words[purpose in stored], words[purpose in ticked])
        for purpose in Purpose
        if (purpose in stored) != (purpose in ticked)
    ]


def save_consents(
    session: Session, actor: str, sme: Sme, stored: frozenset[Purpose], ticked: frozenset[Purpose]
) -> bool:
    """Record consents newly ticked, and withdraw those no longer ticked; whether there were any."""
    if given := sorted(ticked - stored):
        record_consent(session, sme, given, actor)
    if taken := sorted(stored - ticked):
        withdraw_consent(session, sme, taken, actor)
    return bool(given or taken)


def ticked_purposes(form: FormData) -> frozenset[Purpose]:
    """The purposes whose boxes are ticked."""
    return frozenset(purpose for purpose in Purpose if form.get(f"consent_{purpose}") is not None)


def context(values: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """What the form's template needs whatever happened."""
    return {"fields": values, "readiness": READINESS, "problem": "", "conflict": None, **more}
