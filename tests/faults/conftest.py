"""Every test in here is marked `faults`; its figures are printed at the end of the run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.queues import PrivateQueue, private_queue

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder."""
    for test in items:
        if test.path.is_relative_to(HERE):
            test.add_marker(pytest.mark.faults)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, and the file FAULTS_REPORT names."""
    lines = list(figures.table())
    if lines:
        terminalreporter.section(f"faults, {'full' if figures.FULL else 'reduced'} size")
        for line in lines:
            terminalreporter.write_line(line)
    if path := os.environ.get("FAULTS_REPORT"):
        figures.write(Path(path))


@pytest.fixture
def queue() -> Iterator[PrivateQueue]:
    """A queue of the test's own that may be killed."""
    with private_queue() as queue:
        yield queue


@pytest.fixture
def kind(request: pytest.FixtureRequest, database: object) -> str:
    """The kind of database the test runs on, for its figures."""
    return str(request.node.callspec.params["database"])
