"""`worker`: the agents."""

from __future__ import annotations

import click

from streamproc.cli.shared.environment import effective_settings

EPILOG = """\b
Examples:
  streamproc worker
  STREAMPROC_WORKER_ID=worker-1 STREAMPROC_LOG_FORMAT=json streamproc worker"""


@click.command(epilog=EPILOG)
def worker() -> int:
    """Run the agents until Ctrl-C or SIGTERM, which let what is being worked on finish.

    Start as many as there are partitions; they share the work. Health and metrics are served at STREAMPROC_HTTP_BIND.
    """
    from streamproc.app import run_worker

    return run_worker(effective_settings())
