"""Write what the warehouse holds into files that other programs read."""

from bt.export.candles import candles_to_csv, file_name

__all__ = ["candles_to_csv", "file_name"]
