"""The demo, step by step: what is started, asked, shown, written and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

import orjson

from streamproc.cli.shared.following import waited
from streamproc.cli.shared.records import now_ms, send_event
from streamproc.cli.shared.requests import new_request_id
from streamproc.cli.shared.stand_in import generated_upstream
from streamproc.cli.shared.stored_result import stored_result
from streamproc.cli.shared.worker_process import until_ended, worker_process
from streamproc.cli.views.output import called, print_table, remark
from streamproc.cli.views.result_tables import print_result
from streamproc.cli.views.steps import Steps
from streamproc.console.server import serve_console
from streamproc.errors import StreamprocError
from streamproc.events import AnalysisRequested
from streamproc.local.stack import LocalStack
from streamproc.local.up import env_lines, prepared_stack, stack_settings, until_signalled, written
from streamproc.report import render_report
from streamproc.safety.own_files import private_folder, write_private
from streamproc.settings import ENV_FILE
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from streamproc.settings import Settings

PAIRS_SHOWN = 15
MADE_UP = "This world is made up: no explorer knows its wallets, tokens and transactions."


class Demo(NamedTuple):
    """What the demo was asked for."""

    wallets: tuple[str, ...]
    is_live: bool
    population: int
    seed: int
    keep: bool


class Running(NamedTuple):
    """What the demo has started: whom to ask about, and the settings that reach everything."""

    wallets: tuple[str, ...]
    settings: Settings
    own: dict[str, str]  # the settings that differ from the ones in force, by field name


class Analyzed(NamedTuple):
    """How the demo's request ended, and the report where it completed."""

    request_id: str
    code: int
    report: Path | None


async def run_demo(plan: Demo, settings: Settings) -> int:
    """Start everything, analyze, show and write the result, stop everything; 0 when the analysis completed."""
    # What was made up and what is real never share a store.
    folder = settings.data_dir.resolve() / ("live" if plan.is_live else "demo")
    steps = Steps()
    steps.say(f"everything is kept in {folder}")
    async with AsyncExitStack() as stack:
        running = await _start_servers(stack, steps, plan, settings, folder)
        log = folder / "worker.log"
        with steps.step("worker") as words:
            worker = await stack.enter_async_context(worker_process(running.own, log))
            words.append(f"log in {log}")
        with steps.step("console") as words:
            console = await stack.enter_async_context(serve_console(running.settings))
            words.append(f"{console}, live while this runs")
        watching = until_ended(worker)
        analyzed = await _with(watching, _analyze(running, steps, folder, plan))
        if plan.keep:
            request_id = analyzed.request_id
            await _kept(running, steps, f"{console}/#{request_id}", request_id)
        steps.say("stopping")
    steps.say(f"{steps.whole} from first to last")
    if analyzed.report is not None:
        _say_where_to_look(analyzed.report)
    return analyzed.code


async def _start_servers(
    stack: AsyncExitStack, steps: Steps, plan: Demo, settings: Settings, folder: Path
) -> Running:
    """Kafka, Postgres with topics and schema, and for a generated world its upstream."""
    any_port = "127.0.0.1:0"
    own = {"data_dir": str(folder), "http_bind": any_port, "console_bind": any_port}
    wallets = plan.wallets
    if not plan.is_live:
        with steps.step("generated upstream") as words:
            upstream = await stack.enter_async_context(
                generated_upstream(wallets=plan.population, seed=plan.seed)
            )
            own |= upstream.settings
            wallets = upstream.wallets
            words.append(f"{upstream.settings['helius_rpc_url']}, {upstream.says}")
    with steps.step("Kafka and Postgres") as words:
        prepared = prepared_stack(
            LocalStack(folder),
            topology=read_topology(),
            say=lambda line: steps.say(f"  {line}"),
            prefix=settings.topic_prefix,
            app_id=settings.app_id,
        )
        servers = await stack.enter_async_context(prepared)
        own |= stack_settings(servers, prefix=settings.topic_prefix, app_id=settings.app_id)
        words.append(f"{servers.bootstrap} and {servers.dsn}")
    return Running(wallets, settings.model_validate({**settings.model_dump(), **own}), own)


async def _analyze(running: Running, steps: Steps, folder: Path, plan: Demo) -> Analyzed:
    """Ask, follow, print, write."""
    request = AnalysisRequested(request_id=new_request_id("demo"), wallets=list(running.wallets))
    since_ms = now_ms()
    with steps.step("analysis") as words:
        await send_event(running.settings, request)
        code = await waited(
            running.settings, request.request_id, since_ms=since_ms, is_lasting=plan.keep
        )
        words.append(f"of {len(running.wallets)} wallets, request {request.request_id}")
    stored = await stored_result(running.settings, request.request_id)
    if stored.result is None:
        return Analyzed(request.request_id, code, None)
    content = orjson.loads(stored.result)
    with steps.step("result and report"):
        page = await asyncio.to_thread(
            render_report,
            content,
            explorer_url=running.settings.explorer,
            note=None if plan.is_live else MADE_UP,
        )
        files = _write(folder / "results", content["request_id"], stored.result, page)
    print_result(content, pairs=PAIRS_SHOWN)
    print_table(["\nwritten", ""], [(what, path) for what, path in files.items()])
    return Analyzed(request.request_id, code, files["report"])


def _write(folder: Path, request_id: str, whole: bytes, page: str) -> dict[str, Path]:
    """The complete result and the report as files; what each is, and where."""
    private_folder(folder)
    place = folder / request_id
    json_file, html_file = place.with_suffix(".json"), place.with_suffix(".html")
    write_private(json_file, whole)
    write_private(html_file, page.encode())
    return {"complete result": json_file, "report": html_file}


async def _kept(running: Running, steps: Steps, console: str, request_id: str) -> None:
    """Leave everything running until somebody says stop; other commands find it as they find what `up` runs."""
    commands = (
        "list",
        f"result {request_id} --format csv --rows wallets",
        f"submit {' '.join(running.wallets[:2])} --wait",
        "dlq list",
    )
    with written(ENV_FILE, env_lines(running.own)):
        steps.say(
            f"still running: Kafka, Postgres, upstream, worker, and the console at\n  {console}"
        )
        steps.say(f"from another shell in this folder, where {ENV_FILE} leads to them:")
        for each in commands:
            steps.say(f"  {called()} {each}")
        steps.say(f"Ctrl-C stops all of it; from elsewhere: kill {os.getpid()}")
        async with until_signalled(lambda _: None):
            await asyncio.Event().wait()


def _say_where_to_look(report: Path) -> None:
    """The report as an address for a browser, and how to see more: what is said last works when all is stopped."""
    remark(f"`{called()} demo --keep` leaves all of it running, with the console to look around in")
    remark(f"the report, for a browser: {report.as_uri()}")


async def _with(watching: Awaitable[None], work: Awaitable[Analyzed]) -> Analyzed:
    """The work's outcome; what the watching raises ends the work first."""
    watcher, worker = asyncio.ensure_future(watching), asyncio.ensure_future(work)
    try:
        await asyncio.wait({watcher, worker}, return_when=asyncio.FIRST_COMPLETED)
        if worker.done():
            return worker.result()
        watcher.result()
        raise StreamprocError("the worker is no longer watched")
    finally:
        for task in (watcher, worker):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, StreamprocError):
                await task
