"""What a machine lacks is skipped with its reason; where everything must run (CI=true) it is a failure."""

import os
from typing import NoReturn

import pytest


def lacking(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI: call it where a browser, a server or a tool is missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"this machine lacks {reason}, and in CI nothing may be skipped", pytrace=False)
    pytest.skip(f"this machine lacks {reason}")
