"""streamproc: event-driven analysis of Solana wallets on Kafka."""

from importlib.metadata import version

__version__ = version("streamproc")
