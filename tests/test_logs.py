"""Logs: one line an entry, in the form the settings name, with addresses, tokens and passwords masked everywhere."""

import json
import logging
import sys

import pytest
import structlog

from broker import logs


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> logging.Formatter:
    monkeypatch.setenv("BROKER_LOG_JSON", "true")
    return logs.formatter()


def record(message: str, *values: object, level: int = logging.WARNING, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("broker.db", level, __file__, 1, message, values, None)
    vars(made).update(more)
    return made


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("to ada@firm.example now", "to [address] now"),
        ("<Ada.B+x@sub.firm.example>:", "<[address]>:"),
        ("žofie@švestka.example", "[address]"),
        ('"ada b" "ada"@firm.example', '"ada b" [address]'),
        ("?email=ada%40firm.example&x=1", "[address]&x=1"),
        ("root@localhost x@[127.0.0.1]", "[address] [address]"),
        ("Key (email)=(ada@firm.example) already exists", "Key (email)=([address]) already exists"),
        ("celery@worker1 ready", "celery@worker1 ready"),
        ("GET /s/WzEsImFiYyJd.x-y_z?a=1", "GET /s/[token]?a=1"),
        ("https://host.example/u/abc.def", "https://host.example/u/[token]"),
        ("'/sign-in/link/abc'", "'/sign-in/link/[token]'"),
        ("/password/abc /invitation/a-b?x=1", "/password/[token] /invitation/[token]?x=1"),
        ("http://host.example/link/a.b /link/{token}", "http://host.example/link/[token] /link/{token}"),
        ("/i/WzEsImFiYyJd.x-y_z?a=1 /i/{token} /imports/3", "/i/[token]?a=1 /i/{token} /imports/3"),
        ("Authorization: Bearer cib_aB-9_x, again", "Authorization: Bearer cib_[secret], again"),
        ("'whsec_MfKQ9r8/GK+a=' signs", "'whsec_[secret]' signs"),
        ("a token cib_… of ours", "a token cib_… of ours"),
        ("POST /account/password 303", "POST /account/password 303"),
        ("/s/{token}/answers/{partner_id}", "/s/{token}/answers/{partner_id}"),
        ("/s/abc/answers/3", "/s/[token]/answers/3"),
        ("postgresql+psycopg://broker:pa@ss:w@host/name", "postgresql+psycopg://broker:[secret]@host/name"),
        ("redis://:sec/ret@host:6379/0 x", "redis://:[secret]@host:6379/0 x"),
        ("redis://:secret@host:6379/0", "redis://:[secret]@host:6379/0"),
        ("http://127.0.0.1:8000/smes", "http://127.0.0.1:8000/smes"),
    ],
)
def test_what_looks_secret_or_personal_is_masked_and_nothing_else(text: str, masked: str) -> None:
    assert logs.mask_text(text) == masked


def test_a_long_text_without_an_address_is_masked_at_once() -> None:
    assert logs.mask_text("a" * 200_000) == "a" * 200_000
    assert logs.mask_text("://:" * 20_000) == "://:" * 20_000


def test_masks_reach_into_what_is_nested_and_leave_plain_values() -> None:
    nested = {"a@b.example": ["c@d.example", {"e": ("f@g.example", 1, None, 1.5, True)}]}
    assert logs.mask(nested) == {"[address]": ["[address]", {"e": ["[address]", 1, None, 1.5, True]}]}


def test_json_has_the_message_its_level_its_logger_and_what_belongs_to_it(as_json: logging.Formatter) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        line = as_json.format(record("mail to %s", "ada@firm.example", status=503))

    entry = json.loads(line)
    assert entry.pop("at").endswith("Z")
    assert entry == {
        "event": "mail to [address]",
        "level": "warning",
        "logger": "broker.db",
        "request_id": "r1",
        "status": 503,
    }


def test_a_traceback_is_one_json_line_and_masked(as_json: logging.Formatter) -> None:
    try:
        raise ValueError("no such user\nada@firm.example at /s/abc.def")
    except ValueError:
        line = as_json.format(record("fault", exc_info=sys.exc_info()))

    assert "\n" not in line
    told = json.loads(line)["exception"]
    assert told.startswith("Traceback (most recent call last)")
    assert told.endswith("ValueError: no such user\n[address] at /s/[token]")


def test_text_is_short_where_all_is_well_and_tells_more_where_it_is_not() -> None:
    text = logs.formatter()
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        well = text.format(record("mails: 3 sent", level=logging.INFO))
        wrong = text.format(record("queue not reached by ada@firm.example"))

    assert well == "INFO broker.db: mails: 3 sent"
    assert wrong == "WARNING broker.db: queue not reached by [address] (request_id=r1)"


def test_every_handler_of_the_configuration_formats_with_ours() -> None:
    config = json.loads(logs.CONFIG.read_text("utf-8"))

    assert config["formatters"] == {"ours": {"()": "broker.logs.formatter"}}
    assert {handler["formatter"] for handler in config["handlers"].values()} == {"ours"}
