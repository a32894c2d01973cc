"""What keeps bad input and secrets harmless: addresses of servers, own files, printed text."""
