"""The JSON-RPC methods and the pages that they return."""
