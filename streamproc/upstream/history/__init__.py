"""Histories of wallets: the ways of listing them, in pages, from several ends at once."""
