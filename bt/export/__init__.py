"""Write what the warehouse holds into files that other programs read."""

from bt.export.candles import candles_to_csv, file_name, write_candles
from bt.export.document import write_document
from bt.export.tables import ALL, CANDLES, TABLES
from bt.export.targets import FORMS, Target, target_of
from bt.export.writing import Written, export_candles, export_run

__all__ = [
    "ALL",
    "CANDLES",
    "FORMS",
    "TABLES",
    "Target",
    "Written",
    "candles_to_csv",
    "export_candles",
    "export_run",
    "file_name",
    "target_of",
    "write_candles",
    "write_document",
]
