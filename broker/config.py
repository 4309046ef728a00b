"""Every setting of the service: its environment variable, default and meaning, in this one place."""

from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from broker.errors import InvalidError

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"
DATA = ROOT / "data"
DEMO_SECRET = "only-for-the-demo-change-me-outside-it"  # noqa: S105 - refused outside the demo, see below


class Settings(BaseSettings):
    """Read from the environment; every variable starts with BROKER_."""

    model_config = SettingsConfigDict(
        env_prefix="BROKER_",
        env_ignore_empty=True,
        hide_input_in_errors=True,  # it may be a password, and the error ends in a log
    )

    home: Path = Field(Path("var"), description="Folder for the database, the model, mail files and logs.")
    database_url: str = Field(
        "",
        description="SQLAlchemy URL, e.g. postgresql+psycopg://user:pass@host/name. Unset: SQLite in HOME.",
    )
    queue_url: str = Field(
        "", description="Redis or Valkey URL for wake-ups. Unset: broker serve starts a private Valkey."
    )
    smtp_url: str = Field(
        "", description="smtp://user:pass@host:port?starttls=1 or smtps://… Unset: .eml files in HOME/outbox."
    )
    mails_per_minute: int = Field(
        0,
        ge=0,
        description="At most so many attempts to send a mail in any minute, of all workers together. 0: no cap.",
    )
    mails_per_domain: int = Field(
        0, ge=0, description="The same, to addresses of one domain: large hosts put off who sends much at once."
    )
    mail_strict: bool = Field(
        False,
        description="After a crash, hold a mail that the server may have taken for a person; else it is sent again.",
    )
    bounce_address: str = Field(
        "",
        description="Mails are returned to this address with a tag, e.g. bounces@host gets bounces+17-…@host. "
        "Unset: to mail_from, and nobody reads them.",
    )
    webhook_private: bool = Field(
        False,
        description="Webhooks may call addresses of private networks, too. Unset: only of the public Internet.",
    )
    metrics_token: str = Field("", description="Opens /metrics to who brings it as a bearer token. Unset: to nobody.")
    log_json: bool = Field(False, description="Logs as one JSON object a line; else as text.")
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where people reach the service; links in mails start with it."
    )
    secret_key: str = Field(
        DEMO_SECRET, min_length=16, description="Signs links and sessions. Required outside the demo."
    )
    embedding_model: str = Field("bundled", description="bundled, or any sentence-transformers hub name or path.")
    weights: str = Field(
        "",
        description="TOML file with [weights], as `python -m matching fit --answers` writes it. Unset: those shipped.",
    )
    demo: bool = Field(
        False,
        description="Shows the outbox and demo sign-ins to everybody. Set by broker demo, never in production.",
    )
    mail_from: str = Field(
        "Cross-Innovation <shortlists@cross-innovation.example>",
        description="The From address of every mail.",
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("weights")
    @classmethod
    def _absolute_file(cls, path: str) -> str:
        return str(Path(path).expanduser().resolve()) if path else ""

    @field_validator("database_url")
    @classmethod
    def _driver(cls, url: str) -> str:
        """Hosting providers hand out postgres://; SQLAlchemy wants the driver named."""
        scheme, separator, rest = url.partition("://")
        url = f"postgresql+psycopg://{rest}" if separator and scheme in {"postgres", "postgresql"} else url
        try:
            known = not url or make_url(url).drivername in {"sqlite", "postgresql+psycopg"}
        except (ArgumentError, ValueError):
            known = False
        if not known:
            raise ValueError("expected postgresql+psycopg://user:pass@host/name or sqlite:////path/of/the/file.db")
        return url

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError("expected http://host or https://host")
        return url.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _mail_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            known = parts.scheme in {"smtp", "smtps"} and parts.hostname and parts.port != 0
            known = known and parts.path in {"", "/"} and not parts.fragment
        except ValueError:  # its words may be half of a password
            known = False
        if url and not known:
            raise ValueError(
                "expected smtp://user:pass@host:port or smtps://…, with / # ? of a password as %2F %23 %3F"
            )
        return url

    @model_validator(mode="after")
    def _default_database(self) -> "Settings":
        if not self.database_url:
            self.database_url = f"sqlite:///{self.home / 'broker.db'}"
        return self

    @cached_property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file (else PostgreSQL)."""
        return self.database_url.startswith("sqlite")

    @property
    def is_https(self) -> bool:
        """Whether people reach the service by HTTPS (cookies are then bound to it)."""
        return self.public_url.startswith("https://")

    @property
    def is_demo(self) -> bool:
        """Whether this home holds the demo: told by the environment or by the mark `broker demo` leaves."""
        return self.demo or self.demo_mark.exists()

    @property
    def demo_mark(self) -> Path:
        """The file by which `broker demo` marks a home."""
        return self.home / "demo"

    @property
    def bounces_dir(self) -> Path:
        """Where a mail server drops returned mails, a file each; they are read by the sweep."""
        return self.home / "bounces"

    @property
    def outbox_dir(self) -> Path:
        """Where file delivery writes one .eml a mail."""
        return self.home / "outbox"

    def require_secret(self) -> None:
        """Raise InvalidError where the default key would sign real people's links."""
        if self.secret_key == DEMO_SECRET and not self.is_demo:
            raise InvalidError(
                "BROKER_SECRET_KEY is not set. Links and sessions are signed with it, so outside the demo it "
                'must be your own: python -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
