"""Do two wallets hang together on the chain: by transfers, by who funded them, by who pays their fees?"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.core.similarity.evidence import Json, item, short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.similarity.inputs import SimilarityInputs, Transfer, WalletRow


class Links:
    """Everything that may link two wallets, without hubs, found once for all pairs.

    A hub is an address with more than HUB_COUNTERPARTIES counterparties in the stored entries (an exchange, a bot, a
    faucet): that it touched two wallets says nothing about them.
    """

    def __init__(self, inputs: SimilarityInputs) -> None:
        self._counterparties = inputs.counterparties
        self._wallets = {wallet.address: wallet for wallet in inputs.wallets}
        self._transfers = self._between(inputs.transfers)

    def of(self, wallet_a: str, wallet_b: str) -> list[Json]:
        """Return the pair's evidence: at most one item each for transfers, a common first funder, common fee payers."""
        row_a, row_b = self._wallets[wallet_a], self._wallets[wallet_b]
        transfers = self._transfers.get((wallet_a, wallet_b), [])
        return [
            *self._transfer_items(wallet_a, wallet_b, transfers),
            *self._funder_items(row_a, row_b),
            *self._payer_items(row_a, row_b),
        ]

    def is_hub(self, address: str) -> bool:
        """Whether the address met too many others to link anyone; an unknown one did not."""
        return self._counterparties.get(address, 0) > limits.HUB_COUNTERPARTIES

    def _named(self, address: str) -> str:
        """Return the address in short, with how many it met where that is known: 20 of 24 wallets say little."""
        met = self._counterparties.get(address)
        return short(address) if met is None else f"{short(address)} (which met {met} known here)"

    def _between(self, transfers: Iterable[Transfer]) -> dict[tuple[str, str], list[Transfer]]:
        found: dict[tuple[str, str], set[Transfer]] = defaultdict(set)
        for each in transfers:
            first, second = sorted((each.sender, each.receiver))
            known = first in self._wallets and second in self._wallets and first != second
            if known and not self.is_hub(first) and not self.is_hub(second):
                found[first, second].add(each)
        order = {pair: sorted(each, key=_chronological) for pair, each in found.items()}
        return dict(order)

    def _transfer_items(
        self, wallet_a: str, wallet_b: str, transfers: list[Transfer]
    ) -> list[Json]:
        if not transfers:
            return []
        from_a = sum(each.sender == wallet_a for each in transfers)
        back = len(transfers) - from_a
        ways = f"{from_a} from {short(wallet_a)} to {short(wallet_b)}, {back} back"
        reason = f"{len(transfers)} direct transfer{'s' if transfers[1:] else ''}: {ways}"
        signatures = list(dict.fromkeys(each.signature for each in transfers))
        return [_link(reason, len(transfers), signatures)]

    def _funder_items(self, row_a: WalletRow, row_b: WalletRow) -> list[Json]:
        a, b = row_a.first_funder, row_b.first_funder
        if a is None or b is None or a.address != b.address or self.is_hub(a.address):
            return []
        reason = f"both got their first SOL from {self._named(a.address)}"
        return [_link(reason, 1, list(dict.fromkeys([a.signature, b.signature])))]

    def _payer_items(self, row_a: WalletRow, row_b: WalletRow) -> list[Json]:
        paid_a = {payer.address: payer.signature for payer in sorted(row_a.fee_payers, key=str)}
        paid_b = {payer.address: payer.signature for payer in sorted(row_b.fee_payers, key=str)}
        shared = sorted(each for each in paid_a.keys() & paid_b.keys() if not self.is_hub(each))
        if not shared:
            return []
        names = ", ".join(self._named(each) for each in shared[:3]) + (
            " and others" if shared[3:] else ""
        )
        signatures = [side[each] for each in shared for side in (paid_a, paid_b)]
        return [
            _link(
                f"fees of both were paid by {names}", len(shared), list(dict.fromkeys(signatures))
            )
        ]


def _chronological(transfer: Transfer) -> tuple[int, str, str]:
    return transfer.slot, transfer.signature, transfer.sender


def _link(reason: str, count: int, signatures: list[str]) -> Json:
    return item("link", reason, value=float(count), n=count, signatures=signatures)
