"""Token accounts opened, closed, filled, freed and handed over; moves between one's own pockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.sandbox.actions import labels
from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.chain.intent import Intent

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.chain import Transaction
    from streamproc.sandbox.chain.draft import Draft


def empty_accounts(scene: Scene, owner: str) -> list[str]:
    """Return the owner's token accounts that hold nothing and could be closed."""
    accounts = scene.chain.token_accounts
    return [
        address
        for address in scene.chain.owned.get(owner, ())
        if not accounts[address].amount and not accounts[address].frozen
    ]


def open_empty(scene: Scene, funder: str, owner: str, mint: str) -> Transaction:
    """Open an empty token account: rent paid, for any owner."""

    def act(draft: Draft) -> None:
        if scene.chain.associated_account(owner, mint) in scene.chain.token_accounts:
            raise ImpossibleError("already open")
        draft.open(owner, mint, funder=funder)
        draft.mention(owner, mint)
        rent = rents.rent(scene.chain.account_bytes[mint], draft.rate)
        scene.intend(draft, funder, Intent("other", rent=rent))
        if owner != funder:
            scene.intend(draft, owner, Intent("other"))

    return scene.play(funder, labels.ACCOUNTS, act)


def close_empty(scene: Scene, owner: str) -> Transaction:
    """Close an empty token account: the rent that it was opened with comes back, whatever a new one costs."""

    def act(draft: Draft) -> None:
        empty = empty_accounts(scene, owner)
        if not empty:
            raise ImpossibleError("no empty account")
        rent = scene.chain.lamports[empty[0]]
        draft.close(empty[0], to=owner)
        scene.intend(draft, owner, Intent("other", rent=-rent))

    return scene.play(owner, labels.ACCOUNTS, act)


def wrap_sol(scene: Scene, owner: str, lamports: int) -> Transaction:
    """Put SOL into the standing wrapped-SOL account: a move between own pockets."""

    def act(draft: Draft) -> None:
        account = draft.open(owner, known.WSOL, funder=owner)
        draft.wrap(account, lamports, source=owner)
        scene.intend(draft, owner, Intent("other"))

    return scene.play(owner, labels.ACCOUNTS, act)


def unwrap_sol(scene: Scene, owner: str) -> Transaction:
    """Close the standing wrapped-SOL account: a move between own pockets."""

    def act(draft: Draft) -> None:
        account = scene.chain.associated_account(owner, known.WSOL)
        standing = scene.chain.token_accounts.get(account)
        if standing is None or not standing.amount:
            raise ImpossibleError("nothing wrapped")
        draft.close(account, to=owner)
        scene.intend(draft, owner, Intent("other"))

    return scene.play(owner, labels.ACCOUNTS, act)


def move_between_own(scene: Scene, owner: str, mint: str, units: int) -> Transaction:
    """Move tokens from the standard account into a second one of the same owner: nothing changes."""

    def act(draft: Draft) -> None:
        second = scene.chain.book.named(f"second/{owner}/{mint}")
        source = scene.chain.associated_account(owner, mint)
        draft.transfer(source, draft.open(owner, mint, funder=owner, address=second), units)
        scene.intend(draft, owner, Intent("other"))

    return scene.play(owner, labels.TOKEN_TRANSFER, act)


def free_surplus(scene: Scene, owner: str) -> Transaction:
    """Take out of an old account what it keeps above today's minimum; its units stay."""

    def act(draft: Draft) -> None:
        surplus = take_surplus(scene, draft, owner)
        scene.intend(draft, owner, Intent("other", rent=-surplus))

    return scene.play(owner, labels.ACCOUNTS, act)


def take_surplus(scene: Scene, draft: Draft, owner: str, *, but: str = "") -> int:
    """Move the surplus of one of the owner's accounts to the owner; ImpossibleError when none has any."""
    for address in scene.chain.owned.get(owner, ()):
        account = scene.chain.token_accounts[address]
        least = rents.rent(scene.chain.account_bytes[account.mint], draft.rate)
        surplus = scene.chain.lamports[address] - least
        if account.mint in {known.WSOL, but} or account.frozen or surplus <= 0:
            continue
        draft.mention(address)
        draft.pay(address, owner, surplus, listed=False)
        return surplus
    raise ImpossibleError("no account keeps more than it must")


def top_up(scene: Scene, owner: str, lamports: int) -> Transaction:
    """Send lamports to an account of one's own: they lie there like rent."""

    def act(draft: Draft) -> None:
        chain = scene.chain
        own = [a for a in chain.owned.get(owner, ()) if chain.token_accounts[a].mint != known.WSOL]
        if not own:
            raise ImpossibleError("no token account")
        draft.pay(owner, own[0], lamports)
        scene.intend(draft, owner, Intent("other", rent=lamports))

    return scene.play(owner, labels.SOL_TRANSFER, act)


def hand_over(scene: Scene, giver: str, heir: str, mint: str, units: int) -> Transaction:
    """Put units into a second account, then give that account away: they leave, the rent stays with it."""
    account = scene.fresh("handed over")

    def fill(draft: Draft) -> None:
        source = scene.chain.associated_account(giver, mint)
        draft.transfer(source, draft.open(giver, mint, funder=giver, address=account), units)
        scene.intend(draft, giver, Intent("other"))

    def give(draft: Draft) -> None:
        draft.hand_over(account, heir)
        draft.mention(heir)
        scene.intend(draft, giver, Intent("transfer_out", {mint: -units}))
        scene.intend(draft, heir, Intent("transfer_in", {mint: units}))

    scene.play(giver, labels.TOKEN_TRANSFER, fill)
    return scene.play(giver, labels.ACCOUNTS, give)


def hand_over_wrapped(scene: Scene, giver: str, heir: str, lamports: int) -> Transaction:
    """Fill an account with wrapped SOL, then give it away: as many lamports leave with it."""
    account = scene.fresh("handed over")

    def fill(draft: Draft) -> None:
        draft.wrap(
            draft.open(giver, known.WSOL, funder=giver, address=account), lamports, source=giver
        )
        scene.intend(draft, giver, Intent("other"))

    def give(draft: Draft) -> None:
        draft.hand_over(account, heir)
        draft.mention(heir)
        scene.intend(draft, giver, Intent("transfer_out", sol=-lamports))
        scene.intend(draft, heir, Intent("transfer_in", sol=lamports))

    scene.play(giver, labels.ACCOUNTS, fill)
    return scene.play(giver, labels.ACCOUNTS, give)
