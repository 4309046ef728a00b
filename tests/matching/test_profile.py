import pytest

from matching import Policy, pair, texts

from .conftest import profile


def test_texts_come_once_each_and_in_a_stable_order() -> None:
    sme = profile(
        "a",
        description="We make quiet bells for trams. We make loud bells too, for churches.",
        offers=("quiet bells", " ", "loud bells"),
        needs=("a tower with a view", "quiet bells"),
    )
    assert texts(sme) == (
        "We make quiet bells for trams. We make loud bells too, for churches.",
        "We make quiet bells for trams.",
        "We make loud bells too, for churches.",
        "quiet bells",
        "loud bells",
        "a tower with a view",
    )


def test_an_empty_profile_has_no_texts() -> None:
    assert texts(profile("a", description="", offers=(), needs=())) == ()


def test_a_pair_is_ordered() -> None:
    assert pair("b", "a") == pair("a", "b") == ("a", "b")


@pytest.mark.parametrize("wrong", [{"min_partners": 6}, {"min_partners": -1}, {"dial": 1.5}])
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        Policy(**wrong)  # type: ignore[arg-type]


def test_a_pair_counts_for_both_limits() -> None:
    assert Policy(max_partners=5, max_lists=4).most_partners == 4
