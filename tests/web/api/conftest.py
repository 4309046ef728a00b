"""Programs that call the API in the name of each of the world's people."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from broker.db import Database
from broker.domain import tokens
from broker.models import Account, Scope
from tests.web.world import World


@pytest.fixture
def program(app: FastAPI, database: Database, world: World) -> Callable[..., TestClient]:
    """`program()` has no token, `program("broker")` one of the broker's; with Scope.READ it may only read."""

    def open_client(name: str | None = None, scope: Scope = Scope.WRITE) -> TestClient:
        client = TestClient(app, base_url="http://testserver/api/v1", raise_server_exceptions=False)
        if name is not None:
            with database.write() as session:
                account = session.get_one(Account, world.accounts[name].id)
                _, secret = tokens.create(session, account, "a test's", scope, 30)
            client.headers["authorization"] = f"Bearer {secret}"
        return client

    return open_client
