"""The market that sweeps are tested on."""

from tests.sweep.conftest import funded, own, shared

__all__ = ["funded", "own", "shared"]
