"""What is fixed about Solana, and the neutral forms of its transactions, tokens and balances."""
