"""Ledger entries: what each transaction did to one wallet, from balances alone, and how entries are stored."""
