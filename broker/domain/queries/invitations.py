"""What the organiser's page of invitations reads: hubs with how their SMEs stand, never by name; and the mail."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from email.message import EmailMessage

from sqlmodel import Session, select

from broker.config import Settings
from broker.db import now
from broker.domain import invitation_letters, invitations, letters
from broker.models import City, Contact, Event, Invitation, Sme

STATES = ("could", "asked", "yes", "no", "registered", "unreachable")


@dataclass(frozen=True, slots=True)
class HubRow:
    """A hub of a city (0 and "" for no hub), and how many of its SMEs are in each state (see Invitee)."""

    hub_id: int
    name: str
    states: Counter[str]


@dataclass(frozen=True, slots=True)
class CityView:
    """The hubs of a city; `chosen` are those to invite, `would` how many SMEs that are."""

    rows: list[HubRow]
    chosen: frozenset[int]
    would: int

    @property
    def totals(self) -> Counter[str]:
        """SMEs of all hubs in each state."""
        return sum((row.states for row in self.rows), Counter[str]())


def city_view(session: Session, event: Event, city_code: str, chosen: Collection[int]) -> CityView:
    """How the SMEs of a city stand to an event, hub by hub."""
    states: dict[tuple[str, int], Counter[str]] = {}
    for one in invitations.invitees(session, event, city_code):
        states.setdefault((one.hub, one.hub_id), Counter())[one.state] += 1
    # SMEs without a hub come last.
    rows = [
        HubRow(hub_id, name, states[name, hub_id]) for name, hub_id in sorted(states, key=lambda hub: (not hub[1], hub))
    ]
    picked = frozenset(chosen) & {row.hub_id for row in rows}
    return CityView(rows, picked, sum(row.states["could"] for row in rows if row.hub_id in picked))


def preview(session: Session, settings: Settings, event: Event) -> EmailMessage:
    """The invitation as it would be written now, to an SME that is not there; nothing is stored."""
    home = session.get_one(City, event.city_code)
    moment = now(session)
    sme = Sme(id=0, name="The SME’s name", name_key="", city_code=home.code, created_at=moment, updated_at=moment)
    mail = invitation_letters.letter(
        settings,
        Invitation(event_id=event.id, sme_id=0, invited_at=moment, words=event.invitation),
        event,
        sme,
        Contact(sme_id=0, name="", email="sme@preview.example"),
        {city.code: city for city in session.exec(select(City))},
        f"{settings.public_url}/i/preview",
        None,
    )
    # Of nobody: a preview holds no link that acts for an SME.
    return letters.compose(session, settings, replace(mail[0], sme_id=None), mail[1])
