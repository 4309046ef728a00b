import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import weights_file
from matching.tables import InputError

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUES = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False), NAMES)
PLAIN = st.dictionaries(NAMES, VALUES, max_size=3)


@given(settings=PLAIN, table=st.dictionaries(NAMES, VALUES | PLAIN, max_size=4))
def test_what_is_written_is_what_is_read(settings: dict[str, object], table: dict[str, object]) -> None:
    content = settings | {"learned": table | {"when": date(2026, 11, 21)}}
    assert tomllib.loads(weights_file.text_of("run --policy", content)) == content


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Is a directory"):
        weights_file.write(tmp_path, "run --policy", {})
