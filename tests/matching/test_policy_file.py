from pathlib import Path

import pytest

from matching import Policy, Weights
from matching.policy_file import read_policy, read_weights
from matching.tables import InputError


def test_a_file_names_only_what_differs_from_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('max_partners = 6\ndial = 1\n[weights]\nfit = 0.9\n[learned]\ndate = "2026-11-21"\n')

    assert read_policy(path) == (Policy(max_partners=6, dial=1), Weights(fit=0.9))
    assert read_policy(None) == (Policy(), Weights())


def test_of_a_learned_file_only_the_weights_are_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.toml"
    path.write_text('[learned]\ndate = "2026-11-21"\nlift = 0.04\n[weights]\nfit = 0.5\nhistory = 0.3\n')

    assert read_weights(path) == Weights(fit=0.5, history=0.3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("fit = 0.5", "no table [weights]; expected a file written by fit --answers"),
        ("weights = 3", "weights must be a table"),
        ("[weights]\nfitt = 0.5", "unknown setting 'fitt'; expected one of fit, closeness, "),
        ("[weights]\nfit = 'high'", "fit must be of type float, not 'high'"),
        ("[weights]\nfit = nan", "fit must be a finite number, not nan"),
        ("[weights]\nfit = -1.0", "weights must not be negative, and not all of fit, closeness, "),
        ("[weights]\nbrings = 30", "brings must be from 0 to 1, not 30"),
        ("[weights", "no TOML (Expected ']' at the end of a table declaration"),
    ],
)
def test_a_file_of_weights_that_is_wrong_is_told_in_one_line(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "weights.toml"
    path.write_text(content)

    with pytest.raises(InputError) as refused:
        read_weights(path)
    assert str(refused.value).startswith(f"{path}: {told}")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory"):
        read_weights(tmp_path / "none.toml")
