"""Calls to the services: permits, retries, bounds, and the seam where answers become errors of ours."""
