"""A second opinion: a stored run's signals traded by another engine, and what sets the run apart from it."""

from bt.verify.engines import Engine, engine, known
from bt.verify.verifying import ChangedError, Verification, verify

__all__ = ["ChangedError", "Engine", "Verification", "engine", "known", "verify"]
