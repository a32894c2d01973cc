"""The documentation as a site: pages of this checkout and of its published contract, laid out for MkDocs."""
