"""Metrics: for who brings the token, current, and without a name, an address or a path in them."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families as families
from sqlmodel import text

from broker.config import Settings
from broker.db import Database, now
from broker.domain import pulses
from broker.models import Email, EmailStatus
from tests.web.world import World

Browse = Callable[..., TestClient]
TOKEN = "a-token-for-prometheus"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    settings.metrics_token = TOKEN
    return settings


def scrape(client: TestClient) -> dict[str, float]:
    """Every sample as `name{label=value,…}`."""
    answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in families(answer.text)
        for sample in family.samples
    }


def test_the_figures_are_those_of_the_database(browse: Browse, database: Database, world: World) -> None:
    client = browse()
    before = scrape(client)
    with database.write() as session:
        email = session.get_one(Email, world.email.id)
        email.status, email.tried_at = EmailStatus.FAILED, now(session)
        pulses.beat(session, "sweep")
    after = scrape(client)

    assert before["broker_database_up{}"] == 1
    assert before["broker_mails{kind=sign_in,status=queued}"] == 1
    assert before["broker_mail_attempts_last_minute{}"] == 0
    assert before["broker_runs{status=done}"] == 1
    assert before["broker_runs{status=failed}"] == 0
    assert before["broker_smes{status=published}"] == 4
    assert before["broker_registrations{}"] == 4
    assert "broker_mails{kind=sign_in,status=queued}" not in after
    assert after["broker_mails{kind=sign_in,status=failed}"] == 1
    assert after["broker_mail_attempts_last_minute{}"] == 1
    assert after["broker_mail_oldest_due_seconds{}"] == 0
    assert 0 <= after["broker_pulse_age_seconds{part=sweep}"] < 60


def test_requests_are_counted_by_route_and_however_many_paths_there_are_not_by_path(
    browse: Browse, world: World
) -> None:
    client = browse()
    before = scrape(client)
    for number in range(20):
        client.get(f"/s/token-{number}")
        client.get(f"/no/page/{number}")
        client.request(f"BREW{number}", "/")
    after = scrape(client)

    assert after["broker_http_requests_total{method=GET,route=/s/{token},status=404}"] == 20
    assert after["broker_http_requests_total{method=GET,route=none,status=404}"] == 20
    assert after["broker_http_requests_total{method=other,route=/,status=405}"] == 20
    assert after["broker_http_request_seconds_count{method=GET,route=/s/{token}}"] == 20
    new = {name for name in set(after) - set(before) if name.startswith("broker_http_requests_total")}
    assert len(new) == 4  # those three, and the first scrape


def test_nothing_in_them_names_anybody(browse: Browse, world: World) -> None:
    client = browse("organiser")
    client.get(world.links["Spielwerk"])
    client.get(f"/events/{world.event.id}?q=ada@firm.example")
    told = str(scrape(client))

    assert "@" not in told
    assert not any(name in told for name in (*world.smes, *(link[3:] for link in world.links.values())))


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ä"]
)
def test_without_the_token_there_is_no_such_page(browse: Browse, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header.encode()}
    assert browse("admin").get("/metrics", headers=headers).status_code == 404


def test_where_no_token_is_set_nobody_gets_them(app: FastAPI, browse: Browse) -> None:
    app.state.settings.metrics_token = ""
    for header in ("Bearer ", "Bearer", f"Bearer {TOKEN}"):
        assert browse().get("/metrics", headers={"authorization": header}).status_code == 404


def test_a_database_out_of_use_is_a_figure_not_a_fault(browse: Browse, database: Database) -> None:
    with database.write() as session:
        session.connection().execute(text("DROP TABLE pulse"))

    found = scrape(browse())

    assert found["broker_database_up{}"] == 0
    assert not any(name.startswith("broker_mails") for name in found)
