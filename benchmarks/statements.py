"""How many statements the product asks of Postgres for each wallet: a new one, a known one, one with nothing to do.

Kafka, Postgres, one worker of the product, the stand-in upstream and this client share the machine. Requests come at a
steady pace, three times about the same wallets: nobody knows them; they are known and asked about again, and nothing
is new; they are known and recent enough (`max_age_s`). Counted is what Postgres' own log says was executed, BEGIN,
COMMIT and COPY included; each is one write to its socket and one answer.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import orjson
from house import completed, running_house
from stretched import stretched_upstream

from streamproc.store.postgres.queries import statements, subjects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from house import House

LATENCY_S: Final = 0.1  # of each call of the upstream
RPS: Final = 200.0  # calls a second that it allows
TRANSACTIONS: Final = 100  # of each wallet
WITHIN_S: Final = 300.0
QUIET_S: Final = 1.0  # after the last end: what is said last is stored, too
ROUNDS: Final[dict[str, dict[str, int]]] = {
    "new": {},
    "known": {},
    "nothing to do": {"max_age_s": 3600},
}
# What comes once a request, or with time, however many wallets there are.
OF_REQUESTS: Final = re.compile(
    r"analyses\.(?!now_ms)|balances\.|cancels\.|quotas\.|enrichment\.|retention\.|migrations\.|history\.decimals"
    r"|budget\.credits_spent|snapshots\.(?!output_states|snapshot_once)|relations\.(?!note_traded)"
)
LOGGED: Final = re.compile(
    r"^@LOG:  (?:execute [^:]*|statement): ((?:.*)(?:\n\t.*)*)", re.MULTILINE
)


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench statements", description=__doc__)
    parser.add_argument("--requests", type=int, default=10, help="of each round")
    parser.add_argument("--wallets", type=int, default=3, help="of each request")
    parser.add_argument("--per-s", type=float, default=2.0, help="requests a second")
    options = parser.parse_args(arguments)
    lengths = [TRANSACTIONS] * options.wallets * (options.requests + 1)
    with stretched_upstream(lengths, latency_s=LATENCY_S, rpc_rps=RPS) as upstream:
        asyncio.run(_measure(options, upstream.url, upstream.wallets))
    return 0


async def _measure(options: argparse.Namespace, url: str, wallets: Sequence[str]) -> None:
    """All rounds, after a request that opens every connection."""
    size = options.wallets
    async with running_house(url, helius_rpc_rps=str(RPS)) as house:
        await _ended(house, {"first": wallets[-size:]}, {}, options.per_s)
        log = await _logging(house.dsn)
        found = {}
        for name, asked in ROUNDS.items():
            requests = {
                f"{name.replace(' ', '-')}-{number}": wallets[number * size : (number + 1) * size]
                for number in range(options.requests)
            }
            begin = log.stat().st_size
            await _ended(house, requests, asked, options.per_s)
            found[name] = _executed(log, begin)
    _print(found, wallets=size * options.requests, requests=options.requests)


async def _logging(dsn: str) -> Path:
    """Have Postgres log what it executes; the file."""
    connection = await asyncpg.connect(dsn)
    for name, value in (
        ("log_line_prefix", "@"),
        ("log_parameter_max_length", "0"),
        ("log_statement", "all"),
    ):
        await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await connection.execute("SELECT pg_reload_conf()")
    folder = await connection.fetchval("SHOW data_directory")
    await connection.close()
    await asyncio.sleep(QUIET_S)
    return Path(folder).parent / "postgres.log"


async def _ended(
    house: House, requests: dict[str, Sequence[str]], asked: dict[str, int], per_s: float
) -> None:
    """Ask for all of them at this pace, and return when they have ended and all is quiet."""
    began_s = time.perf_counter()
    for number, (name, wallets) in enumerate(requests.items()):
        await asyncio.sleep(began_s + number / per_s - time.perf_counter())
        body = {"request_id": name, "wallets": list(wallets), "enrich": False, **asked}
        await house.producer.send("analysis-requested", orjson.dumps(body), name.encode())
    await completed(house.ends, requests, WITHIN_S)
    await asyncio.sleep(QUIET_S)


def _executed(log: Path, begin: int) -> Counter[str]:
    """How often each statement was executed, by its name in `store/sql`, or the first words of others."""
    with log.open("rb") as file:
        file.seek(begin)
        text = file.read().decode("utf-8", "replace")
    names = {
        _plain(body): f"{subject}.{name}"
        for subject in subjects()
        for name, body in statements(subject).items()
    }
    found = (_plain(said) for said in LOGGED.findall(text))
    return Counter(names.get(said) or " ".join(said.split()[:5]).rstrip(";") for said in found)


def _plain(text: str) -> str:
    """A statement in one line."""
    return " ".join(text.split())


def _print(found: dict[str, Counter[str]], *, wallets: int, requests: int) -> None:
    """Each statement's number a wallet, then a request, in each round."""
    names = sorted(
        set().union(*found.values()), key=lambda name: -sum(each[name] for each in found.values())
    )
    for title, divisor, is_theirs in (("wallet", wallets, False), ("request", requests, True)):
        print(f"\n{'statements a ' + title:44}" + "".join(f"{name:>15}" for name in found))
        chosen = [name for name in names if bool(OF_REQUESTS.match(name)) is is_theirs]
        for name in chosen:
            counts = "".join(f"{each[name] / divisor:15.2f}" for each in found.values())
            print(f"{name:44}{counts}")
        sums = (sum(each[name] for name in chosen) / divisor for each in found.values())
        print(f"{'together':44}" + "".join(f"{each:15.2f}" for each in sums), flush=True)
