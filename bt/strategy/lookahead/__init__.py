"""Whether a strategy looks ahead: what it says of data whose future is cut off, or noise, held against all it says."""

from bt.strategy.lookahead.findings import LEAKS, suspicious
from bt.strategy.lookahead.look import Question, Report, look
from bt.strategy.lookahead.sampling import SAMPLED, UNASKED, sample

__all__ = ["LEAKS", "SAMPLED", "UNASKED", "Question", "Report", "look", "sample", "suspicious"]
