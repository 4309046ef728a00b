import csv
import json
from pathlib import Path

import pytest

from matching.__main__ import main

HEAD = "id,name,city,country,sector,description,offers,needs,languages\n"
ROWS = "".join(
    f"{i},Firm {i},City {i % 3},C{i % 3},Sector {i % 2},We make thing {i} of wood.,thing {i},thing {(i + 1) % 6},en\n"
    for i in range(6)
)


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.csv"
    path.write_text(HEAD + ROWS)
    return path


def test_run_writes_pairs_and_prints_the_result(
    model_home: Path, profiles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("max_partners = 3\nmin_partners = 2\n[weights]\nmarkets = 0\n")
    out = tmp_path / "matches.csv"
    options = ["--home", str(model_home), "--policy", str(policy), "--cache", str(tmp_path / "cache"), "--json"]
    assert main(["run", str(profiles), "-o", str(out), *options]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    with out.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert {(row["a"], row["b"]) for row in written} == {(m["a"], m["b"]) for m in found["matches"]}
    assert max(map(len, found["lists"].values())) <= 3
    assert "encoding" in told.err


def test_evaluate_prints_one_json_object(
    model_home: Path, profiles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.csv").write_text("query,partner\n0,1\n2,4\n")
    (tmp_path / "history.csv").write_text("a,b\n0,5\n1,x\n5,x\n")
    files = ["--profiles", str(profiles), "--pairs", str(tmp_path / "pairs.csv")]
    files += ["--history", str(tmp_path / "history.csv"), "--home", str(model_home)]
    assert main(["evaluate", *files, "--other", "country", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["queries"] == 2
    assert found["rankers"]["matcher"]["hit@10"]["mean"] == 1.0


def test_evaluate_languages_prints_accuracy(
    model_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "twins.csv"
    path.write_text("lang,code,text,english\nde,1,Brot backen,Baking bread\nde,2,Schiffe bauen,Building ships\n")
    assert main(["evaluate-languages", str(path), "--home", str(model_home), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["languages"], found["min"], found["mean"]) == ({"de": 1.0}, 1.0, 1.0)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("min_partner = 2\n", "unknown setting 'min_partner'"),
        ("min_partners = 'two'\n", "min_partners must be of type int"),
        ("min_partners = 9\n", "must lie between 0 and max_partners"),
        ("[weights]\nfit = -1\n", "weights must not be negative"),
        ("min_partners\n", "no TOML"),
    ],
)
def test_a_wrong_policy_is_one_clear_line(
    profiles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: str, message: str
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(policy)
    assert main(["run", str(profiles), "-o", str(tmp_path / "out.csv"), "--policy", str(path)]) == 1
    told = capsys.readouterr().err.strip()
    assert message in told
    assert "\n" not in told
    assert not (tmp_path / "out.csv").exists()


def test_an_unknown_id_in_the_pairs_is_one_clear_line(
    profiles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.csv").write_text("query,partner\n0,77\n")
    assert main(["evaluate", "--profiles", str(profiles), "--pairs", str(tmp_path / "pairs.csv")]) == 1
    assert capsys.readouterr().err.strip().endswith("row 2: partner '77' is in no profile")
