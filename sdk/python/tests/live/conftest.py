"""A running deployment for each file of tests: what one file provokes moves no breaker under another."""

import os
from collections.abc import Iterator

import pytest
from deployment import Deployment


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A `maso up` of the program that `MASO_BIN` names."""
    started = Deployment(os.environ["MASO_BIN"], tmp_path_factory.mktemp("maso"))
    try:
        yield started
    finally:
        started.down()
