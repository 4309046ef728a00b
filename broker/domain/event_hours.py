"""The breaks of an event's days, as they are stored and as a form holds them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Any, NamedTuple

MOST_BREAKS = 20
BREAK_FIELD = re.compile(r"break_(?:name|from|to)_(\d{1,2})")


class Break(NamedTuple):
    """A pause of every day: its name, and its minutes of the day."""

    name: str
    begins: int
    ends: int


def stored(breaks: Iterable[Break]) -> list[dict[str, Any]]:
    """Breaks as the event's column holds them."""
    return [{"name": pause.name, "from": pause.begins, "to": pause.ends} for pause in breaks]


def breaks_of(column: Sequence[Mapping[str, Any]]) -> list[Break]:
    """The breaks of an event's column."""
    return [Break(str(row["name"]), int(row["from"]), int(row["to"])) for row in column]


def rows_of(fields: Mapping[str, str]) -> list[int]:
    """The numbers of the rows for breaks that hold anything."""
    found = {int(match[1]) for name, text in fields.items() if text.strip() and (match := BREAK_FIELD.fullmatch(name))}
    return sorted(found)


def read_breaks(fields: Mapping[str, str], problems: dict[str, str]) -> list[Break]:
    """The breaks in the rows of a form, in the order of the day; what is wrong is added to `problems` by row."""
    breaks: list[Break] = []
    for number in rows_of(fields):
        name = " ".join(fields.get(f"break_name_{number}", "").split()) or "Break"
        begins, ends = (minute_of(fields.get(f"break_{part}_{number}", "")) for part in ("from", "to"))
        if begins is None or ends is None:
            problems[f"break_{number}"] = "expected two times such as 12:30 and 13:30"
        elif ends <= begins:
            problems[f"break_{number}"] = f"expected an end later than {clock_text(begins)}"
        elif len(name) > 80:
            problems[f"break_{number}"] = "expected a name of at most 80 letters"
        elif len(breaks) < MOST_BREAKS:
            breaks.append(Break(name, begins, ends))
    return sorted(breaks, key=lambda pause: (pause.begins, pause.ends))


def minute_of(text: str) -> int | None:
    """The minute of the day that "09:30" is; None for what is no time."""
    try:
        moment = time.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.hour * 60 + moment.minute


def clock_text(minutes: int) -> str:
    """A minute of the day as a form shows it: "09:30"."""
    return "{:02}:{:02}".format(*divmod(minutes, 60))
