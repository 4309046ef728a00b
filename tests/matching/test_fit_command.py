"""`fit` from files to a file, with a bag of words for a model: the model itself is run in test_commands."""

import json
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from matching import commands
from matching.__main__ import main

from .conftest import THEMES, embed

HEAD = "id,country,sector,group,description,offers,needs,languages,markets,readiness\n"
COUNTRIES = ("DE", "SE", "IT")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """24 profiles, partners by shared history, and answers by whether a wants to sell where b sits."""
    monkeypatch.setattr(commands, "encoded", lambda texts, home, cache: {text: embed(text) for text in texts})
    monkeypatch.setattr(commands, "shipped", lambda home: None)  # the background of the model that is not run here
    rows = [
        f"{i:02d},{COUNTRIES[i % 3]},S{i % 4},{('creative', 'growth')[i // 2 % 2]},We make the {THEMES[i % 6]}.,"
        f"{THEMES[i % 6]} by hand,a {THEMES[(i * 5 + 1) % 6]},en;de,{COUNTRIES[i // 3 % 3]},{i % 5 + 1}\n"
        for i in range(24)
    ]
    (tmp_path / "profiles.csv").write_text(HEAD + "".join(rows))
    pairs = [f"{i:02d},{(i + 7) % 24:02d}\n" for i in range(24)]
    (tmp_path / "pairs.csv").write_text("query,partner\n" + "".join(pairs))
    history = [f"{i:02d},x{i}\n{(i + 7) % 24:02d},x{i}\n" for i in range(24)]
    (tmp_path / "history.csv").write_text("a,b\n" + "".join(history))
    answers = [
        f"{a:02d},{b:02d},{'interested' if COUNTRIES[a // 3 % 3] == COUNTRIES[b % 3] else 'not now'}\n"
        for a in range(24)
        for b in range(24)
        if a != b and (a * 7 + b) % 3 == 0
    ]
    (tmp_path / "answers.csv").write_text("sme,partner,answer\n" + "".join(answers))
    return tmp_path


def run(folder: Path, *words: str) -> int:
    """A command; words that name a file of the folder become its path."""
    return main([str(folder / word) if word.endswith((".csv", ".toml")) else word for word in words])


FIT_PAIRS = ("fit", "--profiles", "profiles.csv", "--pairs", "pairs.csv", "--history", "history.csv")
FIT_ANSWERS = ("fit", "--profiles", "profiles.csv", "--answers", "answers.csv")


def test_weights_from_partnerships_go_through_evaluate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, *FIT_PAIRS, "-o", "learned.toml", "--date", "2026-11-21", "--json") == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    written = tomllib.loads((folder / "learned.toml").read_text())
    assert written["ranking"] == found["weights"] == found["learned"]
    record = written["learned"]
    assert (record["date"], record["used"], record["folds"]) == (date(2026, 11, 21), "learned", 5)
    assert (record["labels"], record["queries"], record["rows"]) == (24, 24, 24 * 23)
    assert record["data"] | {"hash": ""} == {
        "profiles": "profiles.csv",
        "pairs": "pairs.csv",
        "history": "history.csv",
        "hash": "",
    }
    assert record["over_shipped"] == found["over_shipped"]
    assert found["verdict"] == record["verdict"]
    assert found["verdict"] in told.err
    files = ("--profiles", "profiles.csv", "--pairs", "pairs.csv", "--history", "history.csv")
    assert run(folder, "evaluate", *files, "--weights", "learned.toml", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["fitted_weights"] == written["ranking"]
    assert shown["rankers"]["fitted"]["mrr"]["mean"] > shown["rankers"]["matcher"]["mrr"]["mean"]
    assert shown["warnings"] == []


def test_weights_from_answers_go_through_run_with_the_policy_they_were_learned_under(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "policy.toml").write_text("max_partners = 4\nmin_other_city = 0\n[weights]\nlexical = 0.2\n")
    assert run(folder, *FIT_ANSWERS, "--policy", "policy.toml", "-o", "learned.toml", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["used"] == "learned"
    assert found["weights"]["markets"] > 0.16
    written = tomllib.loads((folder / "learned.toml").read_text())
    assert (written["max_partners"], written["min_other_city"], written["weights"]["lexical"]) == (4, 0, 0.2)
    assert {name: written["weights"][name] for name in found["weights"]} == found["weights"]
    assert run(folder, "run", "profiles.csv", "-o", "matches.csv", "--policy", "learned.toml", "--json") == 0
    lists = json.loads(capsys.readouterr().out)
    assert lists["matches"]
    assert max(map(len, lists["lists"].values())) <= 4
    policy, weights = commands.read_policy(folder / "learned.toml")
    assert (policy.max_partners, weights.markets) == (4, found["weights"]["markets"])


def test_the_same_files_give_the_same_bytes_in_any_order(folder: Path) -> None:
    words = (*FIT_ANSWERS, "--date", "2026-01-01")
    assert run(folder, *words, "-o", "one.toml") == 0
    assert run(folder, *words, "-o", "two.toml") == 0
    head, *rows = (folder / "answers.csv").read_text().splitlines(keepends=True)
    (folder / "answers.csv").write_text(head + "".join(reversed(rows)))
    assert run(folder, *words, "-o", "three.toml") == 0
    one, two, three = ((folder / f"{name}.toml").read_text() for name in ("one", "two", "three"))
    assert one == two
    assert lines_without(one, "data = ") == lines_without(three, "data = ")
    assert one != three  # the hash is that of the files


def lines_without(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(start)]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in told if line.startswith("error: ")]) == 1
    return told[-1]


def replaced(rows: Iterable[str], row: int, by: str) -> str:
    return "".join(by + "\n" if i == row else line for i, line in enumerate(rows))


@pytest.mark.parametrize(
    ("row", "by", "message"),
    [
        (0, "sme,partner,said", "no column 'answer'"),
        (4, "00,99,yes", "row 5: partner '99' is in no profile"),
        (4, "00,23,perhaps", "row 5: answer 'perhaps' must be one of"),
    ],
)
def test_a_wrong_answers_file_is_one_line_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], row: int, by: str, message: str
) -> None:
    rows = (folder / "answers.csv").read_text().splitlines(keepends=True)
    (folder / "answers.csv").write_text(replaced(rows, row, by))
    assert run(folder, *FIT_ANSWERS, "-o", "learned.toml") == 1
    assert message in one_line(capsys)
    assert not (folder / "learned.toml").exists()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("".join(f"00,{i:02d},yes\n" for i in range(1, 8)), "too little to learn from: 7 labels, at least 20"),
        ("".join(f"{i:02d},00,yes\n" for i in range(1, 24)), "all answers are the same"),
    ],
)
def test_too_little_to_learn_from_is_told_before_anything_is_encoded(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answers: str,
    message: str,
) -> None:
    monkeypatch.delattr(commands, "encoded")
    (folder / "answers.csv").write_text("sme,partner,answer\n" + answers)
    assert run(folder, *FIT_ANSWERS, "-o", "learned.toml") == 1
    assert message in one_line(capsys)
    assert not (folder / "learned.toml").exists()


@pytest.mark.parametrize("missing", ["profiles.csv", "answers.csv", "policy.toml"])
def test_a_missing_file_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    (folder / "policy.toml").write_text("")
    (folder / missing).unlink()
    assert run(folder, *FIT_ANSWERS, "--policy", "policy.toml", "-o", "learned.toml") == 1
    assert "No such file" in one_line(capsys)


@pytest.mark.parametrize("words", [(*FIT_PAIRS, "--policy", "p.toml"), (*FIT_ANSWERS, "--other", "country")])
def test_an_option_of_the_other_source_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(folder, *words, "-o", "learned.toml") == 1
    assert "--policy goes with --answers, --other with --pairs" in one_line(capsys)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[weights]\nfit = 1\n", "no table [ranking]; expected a file written by fit --pairs"),
        ("[ranking]\nluck = 1\n", "unknown setting 'luck'"),
        ("ranking = 3\n", "must be a table"),
        ("[ranking]\nwords = -1\n", "weights must not be negative"),
    ],
)
def test_a_wrong_file_of_weights_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    (folder / "learned.toml").write_text(content)
    files = ("--profiles", "profiles.csv", "--pairs", "pairs.csv")
    assert run(folder, "evaluate", *files, "--weights", "learned.toml") == 1
    assert message in one_line(capsys)
