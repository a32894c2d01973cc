"""How a wallet trades: one documented record, made from its trades alone. Floats live here, since nothing is owed."""
