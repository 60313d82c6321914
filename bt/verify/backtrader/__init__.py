"""Backtrader (GPL, in the extra `verify`) as a second engine: imported only when it is asked for."""
