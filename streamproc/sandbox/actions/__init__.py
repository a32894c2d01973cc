"""Single actions of a wallet, each with what it means: trades, swaps, orders, transfers and the like."""
