"""What goes to stdout and stderr."""

from bt.output.events import Done
from bt.output.narration import Narrator
from bt.output.panel import run_panel, sparkline, title_of, warning_lines, wrapped
from bt.output.tables import FORMATS, check_output, emit, object_json, printable, table, write
from bt.output.whole import require_free, written_whole

__all__ = [
    "FORMATS",
    "Done",
    "Narrator",
    "check_output",
    "emit",
    "object_json",
    "printable",
    "require_free",
    "run_panel",
    "sparkline",
    "table",
    "title_of",
    "warning_lines",
    "wrapped",
    "write",
    "written_whole",
]
