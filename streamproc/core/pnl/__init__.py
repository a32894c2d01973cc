"""Trades, lots, rates and profit and loss of one wallet, in exact integers."""
