"""Walk-forwards: folds, the choice in each of them, and the stitched out-of-sample run."""

from bt.walkforward.folds import Fold, plan
from bt.walkforward.walk import WalkForward

__all__ = ["Fold", "WalkForward", "plan"]
