"""The DuckDB file: creating, opening, locking, migrating, and handing frames over."""

from bt.warehouse.file import scratch
from bt.warehouse.frames import query, registered
from bt.warehouse.store import Warehouse

__all__ = ["Warehouse", "query", "registered", "scratch"]
