"""Bring candles and funding rates of files into the warehouse: audited whole before the first row is stored."""

from bt.ingest.files import check_options, import_file
from bt.ingest.inspecting import Inspected, audit_file, inspect_file
from bt.ingest.values import ChangedRow, Imported, ImportOptions, RejectedRow

__all__ = [
    "ChangedRow",
    "ImportOptions",
    "Imported",
    "Inspected",
    "RejectedRow",
    "audit_file",
    "check_options",
    "import_file",
    "inspect_file",
]
