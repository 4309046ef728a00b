"""No container engine is at hand to build it, so what docker-compose.yml says is checked against the code."""

import asyncio
import importlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from broker import serve
from broker.config import ROOT, Settings

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
OURS = [name for name, service in SERVICES.items() if "build" in service]


def test_it_follows_the_compose_specification() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    checked = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", "--verbose", ROOT / "docker-compose.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_services_of_the_design_are_there() -> None:
    assert set(OURS) == {"migrate", "web", "worker", "beat"}
    assert set(SERVICES) - set(OURS) == {"postgres", "redis", "mailpit"}
    assert SERVICES["mailpit"]["profiles"] == ["dev"]


def test_every_setting_named_is_one_of_the_services() -> None:
    known = {f"BROKER_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"BROKER_[A-Z_]+", (ROOT / "docker-compose.yml").read_text("utf-8") + DOCKERFILE))
    assert named
    assert named <= known


def test_the_web_server_gives_memory_back_as_under_broker_serve() -> None:
    settings = {name: SERVICES[name]["environment"] for name in OURS}
    having = {name for name, values in settings.items() if serve.WEB_MEMORY.items() <= values.items()}
    assert having == {"web"}


def test_the_index_of_small_builds_is_the_operators_to_name() -> None:
    assert all(SERVICES[name]["build"]["args"] == {"PIP_EXTRA_INDEX_URL": "${PIP_EXTRA_INDEX_URL:-}"} for name in OURS)
    assert "ARG PIP_EXTRA_INDEX_URL=\n" in DOCKERFILE


@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_a_service_are_accepted(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "POSTGRES_PASSWORD": "abc123",
        "BROKER_SECRET_KEY": "a-long-random-text-of-the-operator",
        "BROKER_PUBLIC_URL": "https://broker.example",
        "BROKER_SMTP_URL": "smtp://mailpit:1025",
        "BROKER_MAIL_FROM": "Shortlists <shortlists@broker.example>",
    }
    for name, value in SERVICES[service]["environment"].items():
        filled = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: answers[found[1]], value)
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", filled))
    settings = Settings()

    settings.require_secret()
    assert settings.database_url == "postgresql+psycopg://broker:abc123@postgres/broker"
    assert settings.queue_url == "redis://redis:6379/0"
    assert settings.embedding_model == "bundled"
    assert settings.is_https


@pytest.mark.parametrize("secret", ["POSTGRES_PASSWORD", "BROKER_SECRET_KEY", "BROKER_PUBLIC_URL", "BROKER_SMTP_URL"])
def test_a_missing_secret_is_asked_for_by_name(secret: str) -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    asked = re.findall(rf"\$\{{{secret}(.*?)\}}", text)
    assert asked
    assert all(message.startswith(":?") and len(message) > 10 for message in asked)


@pytest.mark.parametrize("service", [*OURS, "the Dockerfile"])
def test_a_services_command_is_one_the_code_has(service: str) -> None:
    program, *arguments = docker_command() if service == "the Dockerfile" else SERVICES[service]["command"]
    if program == "uvicorn":
        assert callable(resolve(arguments[0]))
        assert "--factory" in arguments
    elif program == "celery":
        application = importlib.import_module(arguments[arguments.index("-A") + 1]).app
        assert arguments[3] in {"worker", "beat"}
        application.loader.import_default_modules()
        scheduled = {entry["task"] for entry in application.conf.beat_schedule.values()}
        assert scheduled <= set(application.tasks)
    else:
        assert program == "broker"
        assert arguments[0] in get_command(importlib.import_module("broker.cli").app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("service", ["web", "worker"])
def test_a_service_says_whether_it_is_well(service: str) -> None:
    kind, *test = SERVICES[service]["healthcheck"]["test"]
    assert kind in {"CMD", "CMD-SHELL"}
    assert ("/health" if service == "web" else "inspect ping") in " ".join(test)


def test_only_one_beat_runs_and_the_workers_have_none() -> None:
    beats = [name for name in OURS if "beat" in SERVICES[name]["command"] or "--beat" in SERVICES[name]["command"]]
    assert beats == ["beat"]


def test_the_queue_refuses_when_full_and_keeps_its_log() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


@pytest.mark.parametrize("service", sorted(set(SERVICES) - set(OURS)))
def test_a_foreign_image_has_a_version(service: str) -> None:
    assert re.search(r":v?\d+\.\d+", SERVICES[service]["image"])


def test_everything_the_image_copies_is_in_the_tree_and_let_through() -> None:
    sources = [source for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.M) for source in line.split()[:-1]]
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources
    assert set(sources) == let_through
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_does_not_run_as_root_and_keeps_its_home_on_a_volume() -> None:
    assert re.search(r"^USER broker$", DOCKERFILE, re.M)
    home = re.search(r"BROKER_HOME=(\S+)", DOCKERFILE)
    assert home is not None
    assert f"VOLUME {home[1]}" in DOCKERFILE
    assert all(f"home:{home[1]}" in SERVICES[name]["volumes"] for name in OURS)


def test_the_image_has_the_client_programs_of_the_database_server() -> None:
    server = re.search(r"-pg(\d+)$", SERVICES["postgres"]["image"])
    client = re.search(r"apt-get install .*\bpostgresql-client-(\d+)\b", DOCKERFILE)
    assert server is not None
    assert client is not None
    assert client[1] == server[1]
    # Debian 12 has version 15, Debian 13 version 17.
    assert {"15": "bookworm", "17": "trixie"}[client[1]] in DOCKERFILE.split("FROM ")[1].split()[0]


def test_the_database_is_on_its_volume() -> None:
    """The images up to version 17 keep it in another folder than the later ones."""
    assert SERVICES["postgres"]["image"].endswith("-pg17")
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("203.0.113.9", "203.0.113.9"), ("198.51.100.1, 203.0.113.9", "203.0.113.9"), (None, "172.18.0.1")],
)
def test_the_web_server_sees_each_visitors_address(forwarded: str | None, address: str) -> None:
    """By way of the proxy on the machine, whose requests come from Docker's network; what a visitor adds is nothing."""
    seen: list[str] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    (port,) = SERVICES["web"]["ports"]
    assert port.startswith("127.0.0.1:")
    trusting = ProxyHeadersMiddleware(page, SERVICES["web"]["environment"]["FORWARDED_ALLOW_IPS"])
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope: Any = {"type": "http", "client": ("172.18.0.1", 4711), "headers": headers}
    nothing: Any = None
    # In a thread of its own: the browser of other tests keeps an event loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(trusting(scope, nothing, nothing))).result()
    assert seen == [address]


def docker_command() -> list[str]:
    found = re.search(r"^CMD \[(.*)\]$", DOCKERFILE, re.M)
    assert found is not None
    return re.findall(r'"([^"]*)"', found[1])


def resolve(target: str) -> object:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
