"""The application as a server starts it."""

import gc

from fastapi import FastAPI
from fastapi.testclient import TestClient


def test_what_was_imported_is_left_out_of_garbage_collection_while_the_server_runs(app: FastAPI) -> None:
    before = gc.get_freeze_count(), gc.get_threshold()
    with TestClient(app):
        assert gc.get_freeze_count() > before[0] + 50_000
        assert gc.get_threshold() == (10_000, 20, 50)
    assert (gc.get_freeze_count(), gc.get_threshold()) == before
