from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from broker.config import DEMO_SECRET, Settings
from broker.errors import InvalidError

OWN_SECRET = "a-secret-of-somebody-s-own"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("HOME", "/srv/broker", Path("/srv/broker")),
        ("DATABASE_URL", "sqlite:////srv/other.db", "sqlite:////srv/other.db"),
        ("DATABASE_URL", "postgres://u:p@host/name", "postgresql+psycopg://u:p@host/name"),
        ("DATABASE_URL", "postgresql://u:p@host/name", "postgresql+psycopg://u:p@host/name"),
        ("QUEUE_URL", "redis://host:6379/1", "redis://host:6379/1"),
        ("SMTP_URL", "smtp://u:p@host:587?starttls=1", "smtp://u:p@host:587?starttls=1"),
        ("SMTP_URL", "smtps://host", "smtps://host"),
        ("PUBLIC_URL", "https://broker.example/", "https://broker.example"),
        ("SECRET_KEY", OWN_SECRET, OWN_SECRET),
        ("EMBEDDING_MODEL", "intfloat/multilingual-e5-base", "intfloat/multilingual-e5-base"),
        ("WEIGHTS", "/srv/weights.toml", "/srv/weights.toml"),
        ("DEMO", "1", True),
        ("MAIL_FROM", "Us <us@broker.example>", "Us <us@broker.example>"),
    ],
)
def test_a_setting_is_read_from_its_variable(
    variable: str, value: str, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"BROKER_{variable}", value)
    assert getattr(Settings(), variable.lower()) == expected


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_without_any_variable_everything_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()

    assert settings.home == tmp_path / "var"
    assert settings.database_url == f"sqlite:///{tmp_path}/var/broker.db"
    assert settings.is_sqlite
    assert (settings.queue_url, settings.smtp_url, settings.embedding_model) == ("", "", "bundled")
    assert settings.weights == ""
    assert settings.outbox_dir == tmp_path / "var" / "outbox"
    assert not settings.is_https
    assert not settings.is_demo


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_PUBLIC_URL", "")
    assert Settings().public_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PUBLIC_URL", "broker.example", "expected http://host or https://host"),
        ("PUBLIC_URL", "ftp://broker.example", "expected http://host or https://host"),
        ("PUBLIC_URL", "https://", "expected http://host or https://host"),
        ("SMTP_URL", "mail.example:587", "expected smtp://user:pass@host:port or smtps://…"),
        ("SMTP_URL", "http://mail.example", "expected smtp://user:pass@host:port or smtps://…"),
        ("SMTP_URL", "smtp://ann:top#secret@mail.example", "expected smtp://user:pass@host:port or smtps://…"),
        ("SMTP_URL", "smtp://ann:12/secret@mail.example", "expected smtp://user:pass@host:port or smtps://…"),
        ("SECRET_KEY", "short", "at least 16 characters"),
        ("DEMO", "perhaps", "valid boolean"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_with_what_was_expected(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"BROKER_{variable}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()

    (error,) = refused.value.errors()
    assert error["loc"] == (variable.lower(),)
    assert message in error["msg"]
    assert "secret@" not in str(refused.value)
    assert "top" not in str(refused.value)


def test_outside_the_demo_the_default_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="BROKER_SECRET_KEY is not set"):
        Settings(home=tmp_path).require_secret()


def test_outside_the_demo_an_own_key_is_accepted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, secret_key=OWN_SECRET)
    settings.require_secret()
    assert settings.secret_key == OWN_SECRET


def test_in_the_demo_the_default_key_is_enough(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.demo_mark.touch()

    assert settings.is_demo
    assert settings.secret_key == DEMO_SECRET
    settings.require_secret()


def test_a_home_in_the_users_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings(home=Path("~/broker")).home == tmp_path / "broker"
