"""Other engines on the same bars and signals: equal trade for trade, or different by a habit that has a name."""
