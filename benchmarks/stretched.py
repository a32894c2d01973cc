"""A world of as many and as long histories as a benchmark wants, made from one generated wallet's transactions."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc.sandbox.chain.known import LAMPORTS_PER_SOL, SYSTEM
from streamproc.sandbox.service.rpc.prebuilt import SLOT_MAX
from streamproc.sandbox.service.server import serve
from streamproc.sandbox.wire.archive import AccountState, Record
from streamproc.sandbox.wire.generated_archive import WorldArchive
from streamproc.sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from streamproc.json_types import Json

FIRST_SLOT: Final = 300_000_000
SLOTS_APART: Final = 40
# A transaction of the sandbox has 4 KB, a real one about 11: most of the rest is logs and inner instructions.
LOG_LINES: Final = 64
STARTED_WITHIN_S: Final = 600


class Upstream(NamedTuple):
    """A running sandbox, and who lives there."""

    url: str
    wallets: list[str]
    line: Connection

    def let_go(self) -> None:
        """Show the transactions that were kept back so far."""
        self.line.send("let go")
        self.line.recv()

    def counters(self, *, reset: bool = False) -> Json:
        """What it has counted; with `reset` it begins again."""
        call = httpx.delete if reset else httpx.get
        shown: Json = call(f"{self.url}/sandbox/counters").json()
        return shown


class Stretched(WorldArchive):
    """A world's archive with further wallets, which repeat what one wallet did, each transaction under a new name."""

    def __init__(self, world: World, lengths: Sequence[int]) -> None:
        super().__init__(world)
        self._template = world.addresses[0]
        self._models = list(super().history(self._template, "balanceChanged"))
        rendered = map(super().raw, self._models)
        self._bodies = [_padded(body or b"") for body in rendered]
        self.wallets = [address_of(number) for number in range(len(lengths))]
        self._lengths = dict(zip(self.wallets, lengths, strict=True))
        self._numbers = {wallet: number for number, wallet in enumerate(self.wallets)}

    @property
    def tip_slot(self) -> int:
        """The newest slot there is."""
        return FIRST_SLOT + SLOTS_APART * (max(self._lengths.values()) + 1)

    def history(self, address: str, token_accounts: str) -> Sequence[Record]:
        """Return an address's transactions, oldest first."""
        if address not in self._lengths:
            return super().history(address, token_accounts)
        return [self._record(address, place) for place in range(self._lengths[address])]

    def raw(self, record: Record) -> bytes | None:
        """Return it as JSON-RPC shows it: the model with another wallet, signature, slot and time."""
        wallet, place = divmod(record.number, 10**7)
        model, body = (
            self._models[place % len(self._models)],
            self._bodies[place % len(self._models)],
        )
        for old, new in (
            (self._template, self.wallets[wallet]),
            (model.signature, record.signature),
            (f'"slot":{model.slot},', f'"slot":{record.slot},'),
            (f'"transactionIndex":{model.index},', f'"transactionIndex":{record.index},'),
            (f'"blockTime":{model.time}', f'"blockTime":{record.time}'),
        ):
            body = body.replace(old.encode(), new.encode())
        return body

    def account(self, address: str) -> AccountState | None:
        """Return an account now."""
        if address in self._lengths:
            return AccountState(LAMPORTS_PER_SOL, SYSTEM)
        return super().account(address)

    def _record(self, wallet: str, place: int) -> Record:
        number = self._numbers[wallet] * 10**7 + place
        model = self._models[place % len(self._models)]
        digest = hashlib.sha512(str(number).encode()).digest()
        slot = FIRST_SLOT + SLOTS_APART * place
        signature = str(Signature.from_bytes(digest))
        time = 1_700_000_000 + 16 * place
        return Record(number, signature, slot, place % 900, time, model.failed, model.version)


def address_of(number: int) -> str:
    """The address of a benchmark's wallet."""
    return str(Pubkey.from_bytes(hashlib.sha256(f"wallet {number}".encode()).digest()))


def _padded(body: bytes) -> bytes:
    """A transaction with as many log lines as real ones have."""
    lines = (
        f'"Program log: {hashlib.sha256(str(n).encode()).hexdigest()[:12]} consumed {n * 977 % 200_000} of '
        f'200000 compute units, instruction {n % 7}"'
        for n in range(LOG_LINES)
    )
    return body.replace(b'"logMessages":[', b'"logMessages":[' + ",".join(lines).encode() + b",", 1)


@contextmanager
def stretched_upstream(
    lengths: Sequence[int], *, latency_s: float, rpc_rps: float, kept_back: int = 0
) -> Iterator[Upstream]:
    """A sandbox with wallets of these lengths in a process of its own, its pages prepared.

    The newest `kept_back` places in time are not shown before they are let go.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, list(lengths), latency_s, rpc_rps, kept_back), daemon=True
    )
    process.start()
    theirs.close()
    try:
        if not ours.poll(STARTED_WITHIN_S):
            raise TimeoutError("the sandbox did not start")
        yield Upstream(ours.recv(), [address_of(number) for number in range(len(lengths))], ours)
    finally:
        process.terminate()
        process.join()


def _serve(
    line: Connection, lengths: list[int], latency_s: float, rpc_rps: float, kept_back: int
) -> None:
    """Serve until this process is ended."""

    async def run() -> None:
        archive = Stretched(World(seed=3, wallets=2, transactions=(300, 400)), lengths)
        async with serve(
            archive, latency_s=latency_s, rpc_rps=rpc_rps, prebuild=archive.wallets
        ) as sandbox:
            pages = sandbox.prebuilt
            assert pages is not None
            if kept_back:
                pages.newest_slot = FIRST_SLOT + SLOTS_APART * (max(lengths) - 1 - kept_back)

            def let_go() -> None:
                line.recv()
                pages.newest_slot = SLOT_MAX
                line.send("done")

            asyncio.get_running_loop().add_reader(line.fileno(), let_go)
            line.send(sandbox.url)
            await asyncio.Event().wait()

    asyncio.run(run())
