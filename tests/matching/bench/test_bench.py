import json
from pathlib import Path

import pytest

from matching.__main__ import main
from matching.bench.engine import synthetic
from matching.profile import texts


def test_bench_prints_every_figure_as_json(
    model_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matching.bench.encoder.ENCODED", 12)
    monkeypatch.setattr("matching.bench.engine.SIZES", (12, 40))
    monkeypatch.setattr("matching.bench.search.PROFILES", 60)
    monkeypatch.setattr("matching.bench.search.LISTED", (60, 80))
    monkeypatch.setattr("matching.bench.engine.LARGE", 60)
    monkeypatch.setattr("matching.bench.selection.SIZES", (30,))
    monkeypatch.setattr("matching.bench.selection.POLICY_SIZES", (20,))
    assert main(["bench", "--json", "--home", str(model_home)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"fit_12", "fit_40", "build_12", "all_pairs_60", "reciprocal_list_80"} <= set(found["tasks"])
    assert {"selection_30", "selection_policy_20", "first_pass_60"} <= set(found["tasks"])
    assert found["tasks"]["selection_30"]["notes"]["short"] == 0
    assert found["tasks"]["short_40"]["notes"]["short"] == 40
    assert found["tasks"]["first_pass_60"]["notes"]["recall"] == 1
    assert found["tasks"]["fit_40"]["floor_seconds"] > 0
    assert set(found["encoder"]) == {"chosen", "plain", "fp32", found["encoder"]["chosen"]}
    assert found["encoder"]["plain"]["texts_per_second"] > 0
    assert found["encoder"]["fp32"]["least_cosine"] == 1.0


def test_a_synthetic_cohort_has_a_vector_for_every_text() -> None:
    cohort, vectors = synthetic(5)
    assert len(cohort.profiles) == 5
    assert {text for sme in cohort.profiles for text in texts(sme)} == set(vectors)


def test_an_unknown_command_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["dance"])
    assert "invalid choice: 'dance'" in capsys.readouterr().err
