"""Figures for Prometheus: of the database, read when they are asked for, and of this process's requests."""

import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from broker.db import Database
from broker.domain import access
from broker.domain.queries.health import Figures, Health, figures, health
from broker.errors import NotFoundError
from broker.web.deps import SettingsDep

router = APIRouter()
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The registry of one application."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(DatabaseFigures(database))
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "broker_http_requests",
            "Requests answered by this process.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "broker_http_request_seconds",
            "Time to the end of the answer.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)


class DatabaseFigures(Collector):
    """Asks the database at every scrape, so that any web process tells the same."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def describe(self) -> list[Metric]:
        """Nothing: registering it must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures; without a usable database only that it is not."""
        up = GaugeMetricFamily("broker_database_up", "Whether the database can be used.")
        try:
            with self.database.read() as session:
                found, state = figures(session), health(session)
        except SQLAlchemyError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _of_mail(found, state)
        yield _family("broker_runs", "Match runs by status.", ("status",), {(k,): n for k, n in found.runs.items()})
        yield _family("broker_smes", "SMEs by status.", ("status",), {(k,): n for k, n in found.smes.items()})
        yield _family("broker_registrations", "SMEs registered at events.", (), {(): found.registrations})


def _of_mail(found: Figures, state: Health) -> Iterator[Metric]:
    yield _family("broker_mails", "Mails by kind and status.", ("kind", "status"), found.mails)
    calls = {(status,): count for status, count in found.calls.items()}
    yield _family("broker_webhook_calls", "Calls of webhooks by status.", ("status",), calls)
    oldest = state.seconds_since(state.oldest_due) or 0
    yield _family("broker_mail_oldest_due_seconds", "How long the oldest due mail has waited.", (), {(): oldest})
    attempts = found.attempts_last_minute
    yield _family("broker_mail_attempts_last_minute", "Mails tried in the last minute.", (), {(): attempts})
    ages = {(name,): state.seconds_since(at) or 0 for name, at in state.pulses.items()}
    yield _family("broker_pulse_age_seconds", "Since a part of the service was last at work.", ("part",), ages)


def _family(name: str, meaning: str, labels: tuple[str, ...], values: Mapping[Any, int]) -> Metric:
    """values: by the labels' values, a tuple."""
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for label_values, value in sorted(values.items()):
        family.add_metric(label_values, value)
    return family


@router.get("/metrics")
def metrics(request: Request, settings: SettingsDep) -> Response:
    """Text for Prometheus, for who brings the token; for anybody else there is no such page."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    wanted = settings.metrics_token.encode()
    if not wanted or scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), wanted):
        raise NotFoundError(access.GONE)
    found: Metrics = request.app.state.metrics
    return Response(generate_latest(found.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
