"""The wire forms of transactions, read for one wallet."""
