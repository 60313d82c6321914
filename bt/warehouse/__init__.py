"""The DuckDB file: creating, opening, locking, migrating, examining, and handing frames over."""

from bt.warehouse.condition import Condition, examine
from bt.warehouse.file import scratch
from bt.warehouse.frames import query, registered
from bt.warehouse.store import Warehouse

__all__ = ["Condition", "Warehouse", "examine", "query", "registered", "scratch"]
