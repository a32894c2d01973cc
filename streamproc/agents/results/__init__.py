"""Analyses of wallets and the composition of results, from stored facts."""
