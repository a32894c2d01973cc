"""A stand-in for the services that streamproc asks, on loopback."""
