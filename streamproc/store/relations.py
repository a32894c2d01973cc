"""What evidence about pairs rests on beside the wallets' own figures: what others trade, and who met whom."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

from solders.signature import Signature

from streamproc import limits
from streamproc.core.chain.solana import SOL_DUST_LAMPORTS
from streamproc.core.comparison_inputs import Background, Met, Transfer, Witness
from streamproc.core.ledger.entries import Kind
from streamproc.core.ledger.row_layout import KIND_IDS
from streamproc.store.postgres.database import Subject

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from streamproc.store.postgres.database import Row

K = TypeVar("K")
V = TypeVar("V")


class Relations(Subject):
    """Questions about wallets among other wallets. `watermarks` says up to which slot each wallet is read."""

    async def note_traded(
        self, wallet: str, watermark_slot: int, first_trades: Mapping[str, int | None]
    ) -> None:
        """Keep which mints the wallet has traded up to this slot, and when first; an older slot changes nothing."""
        await self._database.run(
            "relations.note_traded", wallet, watermark_slot, *_columns(first_trades)
        )

    async def background(
        self, *, leaving_out: Collection[str], named: Collection[str], weeks: Mapping[int, int]
    ) -> Background | None:
        """A sample of stored wallets that traded in these weeks, and what and when; None when there are none.

        `weeks` says how much was traded in which week by those who are compared: the sample, of about
        BACKGROUND_WALLETS, is spread accordingly. In each week wallets come in the order of a digest of their
        addresses; one that traded more than BACKGROUND_TOKENS is left out, and at most BACKGROUND_CELLS tokens are
        taken. Mints are in the order of their addresses; those of `named` have their addresses, the others only their
        place: how popular they were when is what counts.
        """
        import numpy as np  # noqa: PLC0415 - a third of a second that no start waits for

        row = await self._database.row(
            "relations.background",
            list(leaving_out),
            *_columns(wallets_per_week(weeks)),
            limits.BACKGROUND_TOKENS,
            self._database.formats.entries,
            limits.BACKGROUND_CELLS,
        )
        if row is None or row["wallets"] is None:
            return None
        numbers = _numbers(row["mints"], ">i4")
        order = await self._in_order_of_address(numbers)
        place = np.zeros(int(order.max()) + 1, dtype=np.int64)
        place[order] = np.arange(len(order))
        wallets = tuple(dict.fromkeys(row["wallets"]))
        number_of = {address: number for number, address in enumerate(wallets)}
        of_row = [number_of[address] for address in row["wallets"]]
        return Background(
            wallets=wallets,
            mints=_named(order.tolist(), await self._names(named)),
            wallet_numbers=np.repeat(of_row, row["counts"]),
            mint_numbers=place[numbers],
            times=_numbers(row["first_at"], ">i8"),
        )

    async def transfers_between(self, watermarks: Mapping[str, int]) -> list[Transfer]:
        """Direct transfers among these wallets, oldest first; one that both sides' entries show comes twice."""
        found = await self._database.rows(
            "relations.transfers_between", *_columns(watermarks), limits.TRANSFERS_BETWEEN
        )
        return [_transfer(row) for row in found if row["wallet"] != row["counterparty"]]

    async def first_funders(self, watermarks: Mapping[str, int]) -> dict[str, Witness]:
        """Who sent each wallet its first SOL, by wallet; nobody when it came otherwise than by a transfer.

        True only of wallets whose history is known from its beginning.
        """
        rows = await self._database.rows(
            "relations.first_funders", *_columns(watermarks), SOL_DUST_LAMPORTS
        )
        return {
            row["address"]: Witness(row["counterparty"], _signature(row))
            for row in rows
            if row["kind"] == KIND_IDS[Kind.TRANSFER_IN] and row["counterparty"] is not None
        }

    async def fee_payers(self, watermarks: Mapping[str, int]) -> dict[str, tuple[Witness, ...]]:
        """Who else paid for what each wallet did, with the first such transaction; at most FEE_PAYERS of a wallet."""
        rows = await self._database.rows(
            "relations.fee_payers", *_columns(watermarks), limits.FEE_PAYERS
        )
        found: defaultdict[str, list[Witness]] = defaultdict(list)
        for row in rows:
            found[row["address"]].append(Witness(row["fee_payer"], _signature(row)))
        return {wallet: tuple(witnesses) for wallet, witnesses in found.items()}

    async def known_wallets(self) -> int:
        """How many wallets are stored."""
        return int(await self._database.value("relations.known_wallets"))

    async def counterparties(self, addresses: Iterable[str]) -> dict[str, Met]:
        """How many others each address met in all stored entries: by a transfer, or by paying a fee for them.

        Counting stops above HUB_COUNTERPARTIES on each way of meeting, so a larger number only says "more".
        """
        rows = await self._database.rows(
            "relations.counterparties",
            sorted(set(addresses)),
            limits.HUB_COUNTERPARTIES + 1,
            self._database.formats.entries,
        )
        return {row["address"]: Met(row["others"], row["wallets"]) for row in rows}

    async def _in_order_of_address(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The different mints among these, by address."""
        import numpy as np  # noqa: PLC0415 - a third of a second that no start waits for

        different = ",".join(map(str, np.unique(numbers).tolist()))
        return _numbers(
            await self._database.value("relations.in_order_of_address", different), ">i4"
        )

    async def _names(self, mints: Collection[str]) -> dict[int, str]:
        """The addresses of those mints that are known, by number."""
        rows = await self._database.rows("history.mint_ids", list(mints))
        return {row["id"]: row["address"] for row in rows}


def wallets_per_week(weeks: Mapping[int, int]) -> dict[int, int]:
    """How many wallets of each week are sampled: BACKGROUND_WALLETS, spread by how much was traded, rounded up.

    BACKGROUND_WEEK_LEAST at least: who trades for years comes first in every week, and would be the whole sample.

    >>> wallets_per_week({2900: 30, 2901: 9, 2902: 1})
    {2900: 750, 2901: 225, 2902: 50}
    """
    total = sum(weeks.values())
    return {
        week: max(-(-limits.BACKGROUND_WALLETS * trades // total), limits.BACKGROUND_WEEK_LEAST)
        for week, trades in sorted(weeks.items())
    }


def _named(numbers: Sequence[int], names: Mapping[int, str]) -> tuple[str, ...]:
    """Each mint's address where it is known, else its place among them."""
    return tuple(names.get(number, f"#{place}") for place, number in enumerate(numbers))


def _columns(by_name: Mapping[K, V]) -> tuple[list[K], list[V]]:
    """Names and what each has, as two columns."""
    return list(by_name), list(by_name.values())


def _numbers(array: bytes, kind: str) -> NDArray[np.int64]:
    """The elements, each of this kind and none null, as `array_send` writes them behind its header."""
    import numpy as np  # noqa: PLC0415 - a third of a second that no start waits for

    element = np.dtype([("length", ">i4"), ("number", kind)])
    return np.frombuffer(array, element)["number"].astype(np.int64)


def _transfer(row: Row) -> Transfer:
    """The transfer that an entry of one side shows."""
    sender, receiver = row["wallet"], row["counterparty"]
    if row["kind"] == KIND_IDS[Kind.TRANSFER_IN]:
        sender, receiver = receiver, sender
    mint = row["mint"]
    return Transfer(
        sender,
        receiver,
        _signature(row),
        row["slot"],
        lamports=int(row["lamports"]) if mint is None else 0,
        mint=mint,
        units=int(row["units"]) if mint is not None else 0,
    )


def _signature(row: Row) -> str:
    """The row's signature in base58."""
    return str(Signature.from_bytes(row["signature"]))
