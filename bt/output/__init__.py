"""What goes to stdout and stderr."""

from bt.output.narration import Narrator
from bt.output.panel import run_panel, sparkline, warning_lines
from bt.output.tables import FORMATS, check_output, emit, object_json, printable, table, write

__all__ = [
    "FORMATS",
    "Narrator",
    "check_output",
    "emit",
    "object_json",
    "printable",
    "run_panel",
    "sparkline",
    "table",
    "warning_lines",
    "write",
]
