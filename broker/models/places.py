"""Where SMEs sit and what they do: cities, hubs, sectors. Cities and sectors come from `data/`."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class City(SQLModel, table=True):
    """One of the network's cities."""

    code: str = Field(primary_key=True, max_length=40)
    name: str = Field(max_length=80)
    country: str = Field(max_length=2)
    latitude: float
    longitude: float
    timezone: str = Field(max_length=40)
    language: str = Field(max_length=3)


class Hub(SQLModel, table=True):
    """A co-working space, incubator, fab-lab, science park or cluster where SMEs sit."""

    __table_args__ = (UniqueConstraint("city_code", "name"),)

    id: int = Field(default=None, primary_key=True)
    city_code: str = Field(foreign_key="city.code", index=True)
    name: str = Field(max_length=120)


class Sector(SQLModel, table=True):
    """A sector of our list; its group is `creative` or `growth`."""

    code: str = Field(primary_key=True, max_length=40)
    name: str = Field(max_length=80)
    group: str = Field(max_length=10)
    position: int = 0
