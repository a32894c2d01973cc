"""`worker` and `console`: what runs until it is stopped, the agents and what is seen of their work."""

from __future__ import annotations

import click

from streamproc.cli.shared.environment import effective_settings

EPILOG = """\b
Examples:
  streamproc worker
  STREAMPROC_WORKER_ID=worker-1 STREAMPROC_LOG_FORMAT=json streamproc worker"""

CONSOLE_EPILOG = """\b
Examples:
  streamproc console
  curl -s localhost:8090/analyses?status=running
  curl -sN localhost:8090/analyses/ID/events"""


@click.command(epilog=EPILOG)
def worker() -> int:
    """Run the agents until Ctrl-C or SIGTERM, which let what is being worked on finish.

    Start as many as there are partitions; they share the work. Health and metrics are served at STREAMPROC_HTTP_BIND.
    """
    import gc

    gc.disable()  # hardly anything that a start makes is garbage; the engine enables it when records flow
    from streamproc.app import run_worker

    return run_worker(effective_settings())


@click.command(epilog=CONSOLE_EPILOG)
@click.option("--bind", help="Instead of STREAMPROC_CONSOLE_BIND; port 0 takes any free one.")
def console(bind: str | None) -> None:
    """Serve requests, their live progress and results over HTTP, read only, until Ctrl-C.

    It answers at STREAMPROC_CONSOLE_BIND, on loopback unless told otherwise, and asks for STREAMPROC_CONSOLE_TOKEN
    where that is set: as a bearer token, or as the password for which a browser asks.
    """
    from streamproc.cli.views.output import remark
    from streamproc.console.server import run_console

    settings = effective_settings() if bind is None else effective_settings(console_bind=bind)
    run_console(settings, started=lambda url: remark(f"console at {url}; Ctrl-C stops it"))
