"""Do two wallets hang together on the chain: by transfers, by who funded them, by who pays their fees?"""

from __future__ import annotations

from collections import defaultdict
from math import ceil
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.core.chain.exchanges import EXCHANGES
from streamproc.core.chain.solana import LAMPORTS_PER_SOL, STABLE_UNIT, STABLES
from streamproc.core.comparison_inputs import Met
from streamproc.core.similarity.evidence.item import counted, item, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamproc.core.comparison_inputs import SimilarityInputs, Transfer, WalletRow
    from streamproc.json_types import Json


NOBODY: Final = Met(0, 0)


class Links:
    """Everything that may link two wallets, without hubs, found once for all pairs.

    A hub touches everybody, so that it touched two wallets says nothing about them: a known exchange's hot wallet, an
    address that met more than HUB_COUNTERPARTIES others in the stored entries, or one that met a HUB_SHARE of the
    wallets that were known then, HUB_LEAST of them at least.
    """

    def __init__(self, inputs: SimilarityInputs) -> None:
        self._counterparties = inputs.counterparties
        self._hub_from = max(limits.HUB_LEAST, ceil(inputs.known_wallets * limits.HUB_SHARE))
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
        met = self._counterparties.get(address, NOBODY)
        is_everywhere = met.others > limits.HUB_COUNTERPARTIES or met.wallets >= self._hub_from
        return address in EXCHANGES or is_everywhere

    def _named(self, address: str) -> str:
        """Return the address in short, with how many it met where that is known."""
        met = self._counterparties.get(address)
        if met is None:
            return short(address)
        return f"{short(address)} (which met {counted(met.others, 'other')}, {met.wallets} of them known here)"

    def _between(self, transfers: Iterable[Transfer]) -> dict[tuple[str, str], list[Transfer]]:
        """Transfers by pair, oldest first; one that both wallets' entries tell counts once."""
        found: dict[tuple[str, str], dict[tuple[str, str, str], Transfer]] = defaultdict(dict)
        for each in sorted(transfers, key=_chronological):
            first, second = sorted((each.sender, each.receiver))
            known = first in self._wallets and second in self._wallets and first != second
            if known and not self.is_hub(first) and not self.is_hub(second):
                told = (each.signature, each.sender, each.receiver)
                found[first, second].setdefault(told, each)
        return {pair: list(each.values()) for pair, each in found.items()}

    def _transfer_items(
        self, wallet_a: str, wallet_b: str, transfers: list[Transfer]
    ) -> list[Json]:
        weight = sum(weight_of(each) for each in transfers)
        if weight < 1:
            return []
        from_a = sum(each.sender == wallet_a for each in transfers)
        back = len(transfers) - from_a
        ways = f"{from_a} from {short(wallet_a)} to {short(wallet_b)}, {back} back"
        reason = f"{counted(len(transfers), 'direct transfer')} of {_amounts(transfers)}: {ways}"
        signatures = list(dict.fromkeys(each.signature for each in transfers))
        return [_link(reason, len(transfers), signatures, weight)]

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


def weight_of(transfer: Transfer) -> float:
    """Return what a transfer weighs, 0..1: spam of a few lamports links nobody, nor does one gift of an unknown token.

    0.01 SOL or a dollar of a stable, or more, weighs 1; less weighs in proportion; another token weighs a half, for its
    worth is not known.
    """
    if transfer.mint is None:
        return min(1.0, transfer.lamports / limits.LINK_LAMPORTS)
    if transfer.mint in STABLES:
        return min(1.0, transfer.units / STABLE_UNIT)
    return 0.5


def _amounts(transfers: Sequence[Transfer]) -> str:
    """Return what went over in all, both ways."""
    lamports = sum(each.lamports for each in transfers)
    stables = sum(each.units for each in transfers if each.mint in STABLES)
    tokens = sum(each.mint is not None and each.mint not in STABLES for each in transfers)
    parts = [f"{lamports / LAMPORTS_PER_SOL:.6g} SOL"] if lamports else []
    parts += [f"{stables / STABLE_UNIT:.6g} dollars"] if stables else []
    parts += [f"tokens ({counted(tokens, 'time')})"] if tokens else []
    return ", ".join(parts)


def _chronological(transfer: Transfer) -> tuple[int, str, str]:
    return transfer.slot, transfer.signature, transfer.sender


def _link(reason: str, count: int, signatures: list[str], weight: float | None = None) -> Json:
    value = float(count) if weight is None else weight
    return item("link", reason, value=value, n=count, signatures=signatures)
