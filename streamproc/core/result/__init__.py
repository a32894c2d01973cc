"""Analyses of wallets and the result of a request: composed, compared, bounded and encoded."""
