"""The join: records folded into one state a key, kept in a table, decided once."""
