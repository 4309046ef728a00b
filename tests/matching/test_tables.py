from pathlib import Path

import pytest

from matching.tables import InputError, read_answers, read_history, read_pairs, read_profiles, read_twins


def written(folder: Path, content: str) -> Path:
    path = folder / "file.csv"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_profile_is_read_with_its_lists(tmp_path: Path) -> None:
    head = "id,name,city,country,sector,description,offers,needs,languages,activity\n"
    table = read_profiles(
        written(tmp_path, head + 'a,Anna,Linz,AT,Food,"We bake; daily.",bread; rolls ;,flour,EN;de,2\n')
    )
    (sme,) = table.profiles
    assert (sme.offers, sme.needs, sme.languages) == (("bread", "rolls"), ("flour",), frozenset({"en", "de"}))
    assert (sme.description, table.activity) == ("We bake; daily.", {"a": 2.0})


def test_an_id_is_enough(tmp_path: Path) -> None:
    table = read_profiles(written(tmp_path, "id\na\nb\n"))
    assert [p.id for p in table.profiles] == ["a", "b"]
    assert table.activity == {"a": 0.0, "b": 0.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty; expected the columns id"),
        ("id,name\n", "no rows below the header"),
        ("name\nx\n", "no column 'id'; found name"),
        ("id,town\na,Linz\n", "unknown column 'town'; expected id, name, city"),
        ("id,name,name\na,b,c\n", "column 'name' stands there twice"),
        ("id\na\na\n", "row 3: id a stands there twice"),
        ("id,activity\na,often\n", "row 2: activity 'often' must be a number from 0 on"),
        ("id,readiness\na,6\n", "row 2: readiness 6 must be 1, 2, 3, 4 or 5"),
        ("id,group\na,growing\n", "group 'growing' must be 'creative', 'growth' or empty"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError) as told:
        read_profiles(written(tmp_path, content))
    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_a_missing_file_and_a_binary_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_profiles(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"id\n\xff\xfe\n")
    with pytest.raises(InputError, match="no CSV file in UTF-8"):
        read_profiles(tmp_path / "binary.csv")


def test_pairs_are_grouped_by_query_and_unknown_ids_named(tmp_path: Path) -> None:
    path = written(tmp_path, "query,partner\na,b\na,c\n")
    assert read_pairs(path, "abc") == {"a": frozenset("bc")}
    with pytest.raises(InputError, match="row 3: partner 'c' is in no profile"):
        read_pairs(path, "ab")


def test_history_may_name_others_and_is_without_direction(tmp_path: Path) -> None:
    assert read_history(written(tmp_path, "a,b\nz,a\na,z\n")) == {("a", "z")}
    assert read_history(None) == frozenset()


def test_a_twin_without_text_is_left_out(tmp_path: Path) -> None:
    rows = read_twins(written(tmp_path, "lang,code,text,english\nde,1,Brot,bread\nde,2,,rolls\n"))
    assert [row["text"] for row in rows] == ["Brot"]


def test_answers_are_yes_or_no_and_knowing_each_other_is_neither(tmp_path: Path) -> None:
    rows = "a,b,interested\na,c,Not now\nb,a,never\nb,c,already know\nc,a,YES\nc,b,0\n"
    assert read_answers(written(tmp_path, "sme,partner,answer\n" + rows), "abc") == {
        ("a", "b"): True,
        ("a", "c"): False,
        ("b", "a"): False,
        ("c", "a"): True,
        ("c", "b"): False,
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sme,partner\na,b\n", "no column 'answer'; found sme, partner"),
        ("sme,partner,answer\na,b,yes\na,z,no\n", "row 3: partner 'z' is in no profile"),
        ("sme,partner,answer\nz,b,yes\n", "row 2: sme 'z' is in no profile"),
        ("sme,partner,answer\na,b,maybe\n", "row 2: answer 'maybe' must be one of interested, yes, 1, not now, never"),
        ("sme,partner,answer\na,b,\n", "row 2: answer '' must be one of"),
        ("sme,partner,answer\na,a,yes\n", "row 2: a as its own partner"),
        ("sme,partner,answer\na,b,yes\na,b,yes\n", "row 3: a answers on b twice"),
        ("sme,partner,answer\na,b,yes\na,b,already know\n", "row 3: a answers on b twice"),
    ],
)
def test_a_wrong_answer_is_told_with_its_row(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError) as told:
        read_answers(written(tmp_path, content), "abc")
    assert message in str(told.value)
