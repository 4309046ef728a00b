"""What each criterion counts: as shipped, or as learned from what came of earlier matches."""

from pathlib import Path

import matching
from broker.config import Settings
from broker.errors import InvalidError
from matching.policy_file import read_weights
from matching.tables import InputError


def load_weights(settings: Settings) -> matching.Weights:
    """The weights of BROKER_WEIGHTS, or those shipped where it is not set. InvalidError for a file that is wrong."""
    if not settings.weights:
        return matching.Weights()
    try:
        return read_weights(Path(settings.weights))
    except InputError as error:
        raise InvalidError(f"BROKER_WEIGHTS: {error}") from error
