"""At which hours of its recipient a mail may leave."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from broker.models.mail import DAY


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` until before `closes`, minutes of the day on the clocks of `zone`; no zone: at any hour."""

    zone: str = ""
    opens: int = 0
    closes: int = DAY

    def __post_init__(self) -> None:
        """ValueError for hours no mail could ever leave at."""
        if not 0 <= self.opens < self.closes <= DAY:
            raise ValueError("a window must open before it closes, within one day")


def is_open(moment: datetime, window: Window) -> bool:
    """Whether a mail may leave at this moment."""
    if not window.zone:
        return True
    local = moment.astimezone(ZoneInfo(window.zone))
    return window.opens <= local.hour * 60 + local.minute < window.closes


def next_open(moment: datetime, window: Window) -> datetime:
    """The first moment from `moment` on at which a mail may leave.

    Where the clocks are put forward over the whole window, as can happen to a short one at night, a day has none."""
    zone = ZoneInfo(window.zone) if window.zone else UTC
    day = moment.astimezone(zone).date()
    while not is_open(moment, window):
        opening = datetime.combine(day, time(*divmod(window.opens, 60)), zone).astimezone(UTC)
        moment = max(moment, opening)
        day += timedelta(days=1)
    return moment
