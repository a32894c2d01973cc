"""What wallets hold now: accounts, token accounts, balances of many wallets."""
