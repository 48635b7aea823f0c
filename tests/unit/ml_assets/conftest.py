from __future__ import annotations

import pytest
from synthetic_core import simulate
from trained_company import Trained, train


@pytest.fixture(scope="session")
def with_signal(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A company whose hidden quality shows in its activities, and the model of its last day."""
    return train(simulate(seed=1), tmp_path_factory.mktemp("signal"))


@pytest.fixture(scope="session")
def without_signal(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The same company, but deals are won by the toss of a coin."""
    return train(simulate(seed=1, has_signal=False), tmp_path_factory.mktemp("noise"))
