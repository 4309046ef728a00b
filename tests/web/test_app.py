"""The application as a server starts it."""

import gc

from fastapi import FastAPI
from fastapi.testclient import TestClient


def test_what_was_imported_is_left_out_of_garbage_collection(app: FastAPI) -> None:
    try:
        with TestClient(app):
            assert gc.get_freeze_count() > 50_000
    finally:
        gc.unfreeze()
