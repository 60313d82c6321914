"""Sweeps: spaces of parameters, samples of them, and every set tried and kept."""

from bt.sweep.attempt import Attempt
from bt.sweep.course import TrialListener
from bt.sweep.custody import under_way
from bt.sweep.stage import FoldPart
from bt.sweep.sweep import Sweep, Unheard

__all__ = ["Attempt", "FoldPart", "Sweep", "TrialListener", "Unheard", "under_way"]
