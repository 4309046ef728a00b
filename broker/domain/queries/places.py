"""The lists that forms choose from."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from broker.models import City, Hub, Sector


def cities(session: Session) -> Sequence[City]:
    """The network's cities, by name."""
    return session.exec(select(City).order_by(City.name)).all()


def sectors(session: Session) -> Sequence[Sector]:
    """Our sectors, in their own order."""
    return session.exec(select(Sector).order_by(col(Sector.position))).all()


def hubs(session: Session, city: str | None) -> Sequence[Hub]:
    """A city's hubs (None: those of all), by name."""
    query = select(Hub).order_by(Hub.name, col(Hub.id))
    return session.exec(query if city is None else query.where(Hub.city_code == city)).all()
