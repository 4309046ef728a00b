"""Logs of every process: one line an entry, as text for people or as JSON, and nothing secret or personal in it.

What is logged names no address and no token to begin with. Here is the second line of defence: whatever looks like one
is masked in every text, those of other people's libraries and of tracebacks included.
"""

import json
import logging
import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from broker.config import ROOT, Settings

FACTS = ("method", "route", "status", "milliseconds", "process_name")
"""What an entry may carry beside its text; what else others attach to theirs stays out."""
CONFIG = ROOT / "broker" / "logging.json"
"""For `logging.config`; uvicorn takes it by --log-config, so that its first line is formatted already."""
LOCAL = r"\w.!#$%&'*+=?^`{|}~-"
HOST = r"[\w-]+(?:\.[\w-]+)+|\[[\d.:a-f]+\]|localhost"
MASKS = (
    # A password may hold what should have been written as %2F; bounded, for many such in one text take long. A web
    # address has a path, in which an @ is nothing of that kind.
    (re.compile(r"((?<!http)(?<!https)://[^\s/:@]*:)[^\s\"']{0,200}@"), r"\1[secret]@"),
    (re.compile(r"(https?://[^\s/:@]*:)[^\s\"'/]{0,200}@"), r"\1[secret]@"),
    # A route's template is no token.
    (re.compile(r"(/(?:s|u|i|link|password|invitation|sign-in/link)/)(?!\{)[^\s/?#\"'<>]+"), r"\1[token]"),
    # Of programs, and of those we call: known by how they begin.
    (re.compile(r"\b(cib_|whsec_)[\w+/=-]+"), r"\1[secret]"),
    # Quoted and non-ASCII ones, too; %40 is the sign in a query. Looked for from the start of a word only: fast.
    (re.compile(rf"(?:\"[^\"\s]+\"|(?<![{LOCAL}])[{LOCAL}]+)(?:@|%40)(?:{HOST})"), "[address]"),
)


def configure() -> None:
    """Send the logs of this process to standard error, in the form the settings name."""
    logging.config.dictConfig(json.loads(CONFIG.read_text("utf-8")))
    logging.captureWarnings(True)


def formatter() -> logging.Formatter:
    """What every handler formats with; named in logging.json."""
    last: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if Settings().log_json else text_line
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ExtraAdder(FACTS),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            masked,
            last,
        ],
    )


def masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The entry with everything masked that looks like an address, a token or a password."""
    return {name: mask(value) for name, value in event.items()}


def mask(value: Any) -> Any:
    """The same value, with masks in its texts; what is no plain value becomes text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {mask_text(str(name)): mask(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(part) for part in value]
    return mask_text(str(value))


def mask_text(text: str) -> str:
    """The text without e-mail addresses, the secret part of our links, and passwords in URLs."""
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return text


def text_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """ "WARNING broker.db: queue not reached (request_id=…)"; what belongs to it is told only where it went wrong."""
    level, exception = str(event.pop("level")), event.pop("exception", None)
    event.pop("at")
    line = f"{level.upper()} {event.pop('logger')}: {event.pop('event')}"
    if event and level not in {"debug", "info"}:
        line += f" ({', '.join(f'{name}={value}' for name, value in event.items())})"
    return f"{line}\n{exception}" if exception else line
