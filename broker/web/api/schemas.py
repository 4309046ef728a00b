"""What the API takes and tells. What it takes is strict: a number is no text, and no field is unknown."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from broker.domain.fields import checked_text
from broker.domain.profiles import ProfileData, StatementText
from broker.domain.records import Record
from broker.models import (
    Account,
    Answer,
    ApiToken,
    Interest,
    Match,
    MatchRun,
    Registration,
    Role,
    RunStatus,
    Scope,
    Sme,
    SmeStatus,
    Webhook,
)

RowNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]
Text = Annotated[str, AfterValidator(checked_text)]


class Strict(BaseModel):
    """What is sent to us."""

    model_config = ConfigDict(strict=True, extra="forbid", str_strip_whitespace=True)


UNSENT: Any = None
"""The value of a field that is not sent, and is not null: nobody reads it."""


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


class Partial(Strict):
    """What is sent to change a part: a field that is not sent has no value, so none is described."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class Told(BaseModel):
    """What we send; what stands below a field is its description."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Me(Told):
    """In whose name the token calls, and what it may."""

    name: str
    role: Role
    city_code: str | None
    """The city whose SMEs it may see; null for organisers, and for administrators, who see all."""
    scope: Scope
    expires_at: datetime

    @classmethod
    def of(cls, account: Account, token: ApiToken) -> "Me":
        """As told of a token."""
        city, until = account.city_code, token.expires_at
        return cls(name=account.name, role=account.role, city_code=city, scope=token.scope, expires_at=until)


class ProfileIn(ProfileData):
    """A whole profile, as a broker writes it."""

    model_config = ConfigDict(strict=True)


class ProfileChange(ProfileIn):
    """What of a profile is to be changed; what is not sent stays. A list is sent as a whole."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    name: Annotated[Text, Field(min_length=1, max_length=200)] = UNSENT
    city_code: Annotated[Text, Field(min_length=1, max_length=40)] = UNSENT


class StatementsIn(Strict):
    """All that an SME offers and looks for, in this order."""

    offers: Annotated[list[StatementText], Field(max_length=30)]
    needs: Annotated[list[StatementText], Field(max_length=30)]


class Statements(Told):
    """All that an SME offers and looks for."""

    offers: list[str]
    needs: list[str]


class SmeOut(Told):
    """An SME of the caller's city with its whole profile."""

    id: int
    version: int
    """Counts the changes."""
    status: SmeStatus
    """Paused and expired ones are left out of new shortlists."""
    name: str
    city_code: str
    hub: str
    sector_code: str | None
    sector_words: str
    """The firm's own, where it is in none of our sectors yet."""
    sector_confirmed: bool
    description: str
    language: str
    """The one its mails are in, ISO 639-1."""
    languages: list[str]
    """In which it works, ISO 639-1."""
    markets: list[str]
    """Countries it wants to sell in, ISO 3166-1."""
    readiness: int | None
    """For work abroad, from 1 (curious) to 5 (already exporting)."""
    website: str
    contact: str
    email: str
    phone: str
    offers: list[str]
    needs: list[str]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, sme: Sme, record: Record) -> "SmeOut":
        """As stored."""
        facts = {name: record.facts[name] for name in ProfileData.model_fields}
        own = {"id": sme.id, "version": sme.version, "status": sme.status}
        return cls(**own, **facts, created_at=sme.created_at, updated_at=sme.updated_at)


class RegistrationsIn(Strict):
    """SMEs to register: these, or all of a city that can be."""

    sme_ids: Annotated[list[RowNumber], Field(min_length=1, max_length=1000)] | None = None
    city_code: Annotated[Text, Field(min_length=1, max_length=40)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "RegistrationsIn":
        if (self.sme_ids is None) == (self.city_code is None):
            raise ValueError("expected either sme_ids or city_code")
        return self


class Registered(Told):
    """How many of them are new."""

    new: int
    """The others were registered already."""


class RegistrationOut(Told):
    """An SME at an event."""

    id: int
    sme_id: int
    name: str
    city_code: str
    registered_at: datetime

    @classmethod
    def of(cls, row: Registration, sme: Sme) -> "RegistrationOut":
        """As stored."""
        there = {"name": sme.name, "city_code": sme.city_code, "registered_at": row.registered_at}
        return cls(id=row.id, sme_id=row.sme_id, **there)


class RunIn(Strict):
    """A match run to start. The same seed on the same data gives the same lists."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1


class RunOut(Told):
    """A match run: how far it is, and what came out."""

    id: int
    event_id: int
    status: RunStatus
    stage: str
    """What is being done; `done` of `total` steps of it are."""
    done: int
    total: int
    seed: int
    created_at: datetime
    finished_at: datetime | None
    error: str
    result_hash: str
    """Of all that came out: two runs with the same hash gave the same lists."""
    gap: float | None
    """How far the choice of pairs may be from the best there is, as a share of it."""

    @classmethod
    def of(cls, run: MatchRun) -> "RunOut":
        """As stored."""
        return cls(**{name: getattr(run, name) for name in cls.model_fields})


class QuoteOut(Told):
    """What one firm looks for, and what the other offers, in their own words."""

    need: str
    offer: str
    strength: str
    """Of the fit: strong, good or possible."""
    source: str = "offer"
    """Where the second sentence stands in the profile: offer or description."""


class Evidence(Told):
    """Why two firms were put together."""

    a_to_b: QuoteOut | None = None
    """What A looks for and B offers; null where nothing fits."""
    b_to_a: QuoteOut | None = None
    distance: str = ""
    """Of their fields: close, near or far."""
    missing: list[str] = []
    """Codes of what speaks against the pair, or is not known of it."""
    shares: dict[str, float] = {}
    """What each criterion adds to the strength."""


class MatchOut(Told):
    """A pair that is on the shortlists; its quotes are in the firms' own words."""

    id: int
    run_id: int
    a_id: int
    a_name: str
    b_id: int
    b_name: str
    strength: float
    """From 0 to 1: a pair is as good as its weaker side lets it be."""
    criteria: dict[str, float]
    """Each from 0 to 1; some of each direction (`fit_a_to_b`)."""
    evidence: Evidence

    @classmethod
    def of(cls, match: Match, names: dict[int, str]) -> "MatchOut":
        """As stored."""
        pair = {"a_id": match.a_id, "a_name": names[match.a_id], "b_id": match.b_id, "b_name": names[match.b_id]}
        told = {"strength": match.strength, "criteria": match.criteria, "evidence": Evidence(**match.evidence)}
        return cls(id=match.id, run_id=match.run_id, **pair, **told)


class AnswerOut(Told):
    """What an SME said of a partner it was shown."""

    id: int
    sme_id: int
    partner_id: int
    answer: Answer
    answered_at: datetime
    introduced: bool
    """Whether both said yes."""

    @classmethod
    def of(cls, row: Interest, introduced: bool) -> "AnswerOut":
        """As stored."""
        said = {"answer": row.answer, "answered_at": row.answered_at, "introduced": introduced}
        return cls(id=row.id, sme_id=row.sme_id, partner_id=row.partner_id, **said)


class ExportIn(Strict):
    """A file to take out; that it was is remembered."""

    what: Literal["matches", "answers", "participants"]
    format: Literal["csv", "xlsx"] = "csv"


class WebhookOut(Told):
    """A webhook of the caller's account."""

    id: int
    url: str
    events: list[str]
    active: bool
    """Whether it is called; one whose receiver answered 410 is not, until its owner switches it on."""
    created_at: datetime

    @classmethod
    def of(cls, row: Webhook) -> "WebhookOut":
        """As stored."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})
