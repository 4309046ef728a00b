"""What a profile lacks, section by section."""

import pytest

from broker.domain.completeness import Section, State, missing, percent, tasks

WHOLE = {
    "description": "We make games.",
    "offers": ["one"],
    "needs": ["one"],
    "sector_code": "games",
    "sector_words": "",
    "sector_confirmed": True,
    "languages": ["en"],
    "email": "a@b.example",
    "markets": ["DE"],
    "readiness": 3,
    "hub": "Hub",
    "consent": "given",
}
EMPTY = {name: type(value)() for name, value in WHOLE.items()} | {"readiness": None}


def test_a_whole_profile_is_done_everywhere_and_an_empty_one_nowhere():
    assert (percent(WHOLE), percent(EMPTY)) == (100, 0)
    assert {task.state for task in tasks(WHOLE)} == {State.DONE}
    assert [task.state for task in tasks(EMPTY)] == [State.TO_FINISH] * 7 + [State.OPTIONAL]
    assert [task.section for task in tasks(EMPTY)] == list(Section)
    assert missing(EMPTY) == [
        *("description", "offers", "needs", "sector", "languages", "contact e-mail"),
        *("target markets", "readiness", "hub", "consent"),
    ]


@pytest.mark.parametrize(
    ("lack", "section", "state"),
    [
        ({"description": ""}, Section.FIRM, State.TO_FINISH),
        ({"hub": ""}, Section.FIRM, State.OPTIONAL),
        ({"sector_confirmed": False}, Section.SECTOR, State.TO_FINISH),
        ({"needs": []}, Section.NEEDS, State.TO_FINISH),
        ({"markets": []}, Section.ABROAD, State.OPTIONAL),
        ({"languages": [], "markets": []}, Section.ABROAD, State.TO_FINISH),
        ({"email": ""}, Section.CONTACT, State.TO_FINISH),
        ({"consent": "partly"}, Section.CONSENTS, State.TO_FINISH),
        ({"readiness": None}, Section.READINESS, State.OPTIONAL),
    ],
)
def test_a_section_is_to_finish_where_matching_needs_what_it_lacks_else_optional(
    lack: dict[str, object], section: Section, state: State
):
    found = {task.section: task.state for task in tasks(WHOLE | lack)}
    assert found == dict.fromkeys(Section, State.DONE) | {section: state}
    assert percent(WHOLE | lack) == round(100 * (11 - len(lack)) / 11)
