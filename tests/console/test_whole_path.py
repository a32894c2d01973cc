"""The whole path: a real analysis against the stand-in upstream, followed and read over HTTP while a worker works."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import httpx
import orjson
import pytest
from pyarrow import parquet as arrow

from streamproc.console.server import serve_console
from streamproc.sandbox.world.world import World
from streamproc.settings import load_settings
from tests.console.conftest import ENDS_WITHIN_S, whole
from tests.flow.conftest import served, upstream_settings
from tests.flow.installation import installed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.slow]


async def test_an_analysis_is_followed_and_its_result_read_in_every_form(
    broker: str, store_dsn: str, topic_prefix: str, tmp_path: Path
) -> None:
    world = World(seed=11, wallets=4, transactions=(30, 60))
    with served(world) as sandbox:
        async with installed(
            broker=broker,
            dsn=store_dsn,
            prefix=topic_prefix,
            upstream=upstream_settings(sandbox),
            folder=tmp_path,
        ) as installation:
            ours = {**installation.environment, "STREAMPROC_CONSOLE_BIND": "127.0.0.1:0"}
            async with (
                serve_console(load_settings(ours)) as url,
                httpx.AsyncClient(base_url=url, timeout=ENDS_WITHIN_S) as client,
            ):
                await installation.ready_worker()
                await installation.request("whole", world.addresses)
                await installation.until(
                    lambda: installation.of("analysis-accepted", "whole"), "never accepted"
                )
                events = await whole(client, "/analyses/whole/events")
                await installation.until(
                    lambda: [
                        each
                        for each in installation.of("analysis-progress", "whole")
                        if each.event["terminal"]
                    ],
                    "never ended",
                )
                said = {
                    each.event["seq"]: each.event
                    for each in installation.of("analysis-progress", "whole")
                }
                progress = [each.data for each in events if each.event == "analysis-progress"]
                assert progress == [said[seq] for seq in sorted(said)]
                analyzed = {each.data["wallet"] for each in events if "outcome" in each.data}
                assert analyzed == set(world.addresses)
                await _read(client, world)


async def _read(client: httpx.AsyncClient, world: World) -> None:
    """Read the result in every form, and once more what is known by now."""
    shown = (await client.get("/analyses/whole")).json()
    assert (shown["status"], shown["progress"]["terminal"]) == ("completed", True)
    links = shown["links"]
    answer = await client.get(links["result_json"])
    result = orjson.loads(answer.content)
    assert [each["wallet"] for each in result["wallets"]] == sorted(world.addresses)
    assert answer.headers["ETag"] == f'"{result["inputs_digest"]}"'
    assert result["pairs_total"] == 6
    rows = list(csv.DictReader(io.StringIO((await client.get(links["result_csv"])).text)))
    assert [(row["wallet_a"], row["wallet_b"]) for row in rows] == [
        (pair["wallet_a"], pair["wallet_b"]) for pair in result["pairs"]
    ]
    parquet = await client.get(links["result_parquet"])
    table = arrow.read_table(io.BytesIO(parquet.content))
    assert table["wallet_a"].to_pylist() == [pair["wallet_a"] for pair in result["pairs"]]
    wallets = (await client.get(f"{links['result_csv']}&rows=wallets")).text
    assert [row["net_lamports"] for row in csv.DictReader(io.StringIO(wallets))] == [
        str(each["pnl"]["net_lamports"]) for each in result["wallets"]
    ]
    page = await client.get(links["result_html"])
    assert page.text.startswith("<!doctype html>")
    assert page.headers["Content-Security-Policy"].startswith("frame-ancestors 'none'")
    for form in ("json", "csv", "html", "parquet"):
        seen = {"If-None-Match": f'"other", W/{answer.headers["ETag"]}'}
        known = await client.get(links[f"result_{form}"], headers=seen)
        assert (known.status_code, known.content) == (304, b"")
        other = await client.get(links[f"result_{form}"], headers={"If-None-Match": '"other"'})
        assert other.status_code == 200
    head = await client.head(links["result_json"])
    assert (head.status_code, head.headers["ETag"]) == (200, answer.headers["ETag"])
