"""What commands print: tables, live views, CSV, and the parts of pages that commands write."""
