"""The life of a generated world: what wallets may do, by name, and who does what when."""
