"""The DuckDB file: creating, opening, locking, migrating, and handing frames over."""

from bt.warehouse.frames import query, registered
from bt.warehouse.store import Warehouse, scratch

__all__ = ["Warehouse", "query", "registered", "scratch"]
