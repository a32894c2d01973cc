"""A result as tables for spreadsheets and data frames: CSV and Parquet, whose columns keep their names and types."""
