"""Waiting for something another process does, with an end."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(find: Callable[[], Found], seconds: float, what: str) -> Found:
    """What `find` gives once that is true; fails when it is not in time. Looks often, so it returns soon."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)
    return found
