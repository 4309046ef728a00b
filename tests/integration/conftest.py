"""Fixtures of the tests with real servers."""

import pytest
import redis


@pytest.fixture
def empty_queue(valkey_url: str) -> str:
    """The URL of a queue in which nothing waits."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
    return valkey_url
