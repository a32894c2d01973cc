"""Wallets x mints matrices, all pairs of wallets on one axis, and the nine scores of each."""
