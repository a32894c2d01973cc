"""The chain of a generated world: constants, balances, transactions in the making, mints and their prices."""
