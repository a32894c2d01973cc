"""What moved according to a list of transfers: the fallback for records whose balances were trimmed."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from streamproc.core.chain.solana import WSOL
from streamproc.core.chain.transactions import TokenChange, Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_EXACT: Final = Context(
    prec=80, rounding=ROUND_HALF_EVEN
)  # 20 digits of units and as many decimals


class NativeTransfer(NamedTuple):
    """Lamports from one account to another; "" is nobody."""

    sender: str
    receiver: str
    lamports: int


class TokenTransfer(NamedTuple):
    """Tokens from one owner's account to another's; "" is nobody: minted or burnt."""

    mint: str
    sender: str
    receiver: str
    source: str  # token accounts
    destination: str
    amount: Decimal  # whole tokens, as the record rounded them


class _Moves:
    """Sums while transfers are read."""

    def __init__(self, decimals: Mapping[str, int]) -> None:
        self.decimals = decimals
        self.lamports: dict[str, int] = {}
        self.tokens: dict[tuple[str, str], TokenChange] = {}

    def move_lamports(self, account: str, lamports: int) -> None:
        """Add to an account's change."""
        if account:
            self.lamports[account] = self.lamports.get(account, 0) + lamports

    def move_tokens(self, account: str, owner: str, mint: str, units: int) -> None:
        """Add to a token account's change; one that is not named gets a name from its owner and mint."""
        if not (account or owner):
            return
        name = account or f"{owner}/{mint}"
        earlier = self.tokens.get((name, mint))
        total = units + (earlier.units if earlier else 0)
        self.tokens[name, mint] = TokenChange(name, owner, mint, total, self.decimals[mint])
        if mint == WSOL:
            self.move_lamports(name, units)


def moved_by(
    whole: Transaction,
    wallet: str,
    natives: Iterable[NativeTransfer],
    tokens: Iterable[TokenTransfer],
    decimals: Mapping[str, int],
) -> Transaction:
    """The transaction as the transfers that touch the wallet or its token accounts have it, marked estimated.

    A WSOL transfer moves lamports and WSOL alike. Lamports moved into or out of a WSOL account wrap and unwrap: they
    change its WSOL as well, so they are never rent. `decimals` knows every mint of the token transfers.
    """
    moves = _Moves(decimals)
    mine = [each for each in tokens if wallet in {each.sender, each.receiver}]
    own = {wallet} | {each.source for each in mine if each.sender == wallet}
    own |= {each.destination for each in mine if each.receiver == wallet}
    own.discard("")
    if whole.payer:
        moves.move_lamports(whole.payer, -whole.fee)
    for transfer in mine:
        units = _units(transfer.amount, decimals[transfer.mint])
        moves.move_tokens(transfer.source, transfer.sender, transfer.mint, -units)
        moves.move_tokens(transfer.destination, transfer.receiver, transfer.mint, units)
    for native in natives:
        if native.sender in own or native.receiver in own:
            _wrap(moves, native.sender, -native.lamports)
            _wrap(moves, native.receiver, native.lamports)
    changes = [change for change in moves.tokens.values() if change.units]
    return replace(whole, lamports=moves.lamports, tokens=changes, estimated=True)


def _units(amount: Decimal, decimals: int) -> int:
    """Base units of so many whole tokens, rounded half to even; a record's amount may have lost its last digits."""
    return int(_EXACT.scaleb(amount, decimals).quantize(Decimal(1), context=_EXACT))


def _wrap(moves: _Moves, account: str, lamports: int) -> None:
    """Move lamports of an account; of one that is known as a WSOL account its WSOL too."""
    moves.move_lamports(account, lamports)
    earlier = moves.tokens.get((account, WSOL))
    if earlier is not None:
        moves.tokens[account, WSOL] = replace(earlier, units=earlier.units + lamports)
