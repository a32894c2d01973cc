"""Everything that is no trade: transfers, airdrops, burns, mints, accounts, costs; each with what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.sandbox.actions import labels
from streamproc.sandbox.actions.settling import legs, settle
from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.chain.intent import Intent, MeantTrade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.chain import Transaction
    from streamproc.sandbox.chain.draft import Draft

CLAIM_BYTES_MAX = 400  # what an airdrop's claim record occupies at most


def send_sol(
    scene: Scene, source: str, target: str, lamports: int, *, payer: str | None = None
) -> Transaction:
    """Send SOL; below dust it is nothing, and exactly one token account's rent reads as rent paid for others."""

    def act(draft: Draft) -> None:
        draft.sign(source)
        draft.pay(source, target, lamports)
        quoted = bool(legs(-lamports, {}))
        payer_rent = lamports if lamports in rents.OF_TOKEN_ACCOUNTS else 0
        if draft.payer not in {source, target}:
            # The payer sees one account gain and one lose the same: nothing remains.
            scene.intend(draft, draft.payer, Intent("other"))
        if source == draft.payer and payer_rent:
            scene.intend(draft, source, Intent("other", rent=payer_rent))
        else:
            scene.intend(
                draft, source, Intent("transfer_out" if quoted else "other", sol=-lamports)
            )
        came = lamports >= known.SOL_DUST_LAMPORTS
        scene.intend(draft, target, Intent("transfer_in" if came else "other", sol=lamports))

    return scene.play(payer or source, labels.SOL_TRANSFER, act)


def send_tokens(
    scene: Scene, source: str, target: str, mint: str, units: int, *, shown: bool = True
) -> Transaction:
    """Send tokens or stables, opening the target's account; the target itself may not even be named."""

    def act(draft: Draft) -> None:
        account = draft.open(target, mint, funder=source)
        draft.transfer(scene.chain.associated_account(source, mint), account, units)
        if shown:
            draft.mention(target)
        big = mint not in known.STABLES or units >= known.STABLE_DUST_UNITS
        rent = draft.rent_for.get(target, 0)
        scene.intend(
            draft, source, Intent("transfer_out" if big else "other", {mint: -units}, rent=rent)
        )
        scene.intend(
            draft, target, Intent("transfer_in" if big else "other", {mint: units}, rent=-rent)
        )

    return scene.play(source, labels.TOKEN_TRANSFER, act)


def found(
    scene: Scene, giver: str, mint: str, units: int, *, lamports: int | None = None
) -> Transaction:
    """Send tokens to a newcomer together with its first SOL, or with what an account without data has to keep."""

    def act(draft: Draft) -> None:
        newcomer = scene.fresh("newcomer")
        first = rents.rent(0, draft.rate) if lamports is None else lamports
        draft.pay(giver, newcomer, first)
        account = draft.open(newcomer, mint, funder=giver)
        draft.transfer(scene.chain.associated_account(giver, mint), account, units)
        kind = "other" if legs(-first, {}) else "transfer_out"
        settle(scene, draft, giver, Intent(kind, {mint: -units}, -first))

    return scene.play(giver, labels.TOKEN_TRANSFER, act)


def airdrop(scene: Scene, sender: str, takers: Sequence[str], mint: str, units: int) -> Transaction:
    """Drop tokens on several wallets at once; the sender pays fee and rent."""

    def act(draft: Draft) -> None:
        source = scene.chain.associated_account(sender, mint)
        for taker in takers:
            draft.transfer(source, draft.open(taker, mint, funder=sender), units)
        for taker in takers:
            rent = -draft.rent_for.get(taker, 0)
            scene.intend(draft, taker, Intent("transfer_in", {mint: units}, rent=rent))

    return scene.play(sender, labels.TOKEN_TRANSFER, act)


def claim_airdrop(
    scene: Scene, taker: str, vault: str, mint: str, units: int, *, rate: int | None = None
) -> Transaction:
    """Claim tokens: the claimer pays its own account's rent and that of the claim record.

    The record may be paid for at a `rate` of former times, as programs do that were not told of the new one.
    """

    def act(draft: Draft) -> None:
        draft.transfer(vault, draft.open(taker, mint, funder=taker), units)
        size = scene.rng.randint(0, CLAIM_BYTES_MAX)
        record = rents.rent(size, draft.rate if rate is None else rate)
        if record in rents.OF_TOKEN_ACCOUNTS:
            raise ImpossibleError("as large as a token account, and read as one")
        draft.pay(taker, scene.fresh("claim"), record)
        scene.intend(draft, taker, Intent("transfer_in", {mint: units}, -record))

    return scene.play(taker, labels.ACCOUNTS, act)


def burn(scene: Scene, owner: str, mint: str, units: int, *, close: bool) -> Transaction:
    """Burn tokens; closing the emptied account brings its rent back, which is no proceeds."""

    def act(draft: Draft) -> None:
        account = scene.chain.associated_account(owner, mint)
        draft.burn(account, units)
        draft.mention(mint)
        if close:
            draft.close(account, to=owner)
        scene.intend(draft, owner, Intent("burn", {mint: -units}))

    return scene.play(owner, labels.BURN, act)


def mint_collectible(scene: Scene, owner: str, *, price: int) -> Transaction:
    """Mint an indivisible token; with a price it is a buy, without one only rent is paid."""

    def act(draft: Draft) -> None:
        mint = scene.fresh("collectible")
        scene.chain.add_mint(mint, 0)
        rent = draft.record(owner, mint, known.MINT_BYTES)
        rent += draft.record(owner, metadata_of(scene, mint), known.METADATA_BYTES)
        draft.mint_to(draft.open(owner, mint, funder=owner), 1)
        sol = -rent - price
        if not price:
            scene.intend(draft, owner, Intent("mint", {mint: 1}, sol))
            return
        draft.pay(owner, scene.stranger(), price)
        trade = MeantTrade(mint, "buy", 1, legs(sol, {}))
        scene.intend(draft, owner, Intent("buy", {mint: 1}, sol, trades=(trade,)))

    return scene.play(owner, labels.MINT, act)


def metadata_of(scene: Scene, mint: str) -> str:
    """Return the account that holds a collectible's name."""
    return scene.chain.book.named(f"metadata/{mint}")


def burn_collectible(scene: Scene, owner: str) -> Transaction:
    """Burn an indivisible token: what its metadata kept comes back beside its account's rent, and is no price."""

    def act(draft: Draft) -> None:
        accounts = scene.chain.token_accounts
        held = [
            address
            for address in scene.chain.owned.get(owner, ())
            if metadata_of(scene, accounts[address].mint) in scene.chain.lamports
            and accounts[address].amount
        ]
        if not held:
            raise ImpossibleError("no collectible")
        mint = accounts[held[0]].mint
        draft.burn(held[0], 1)
        draft.close(held[0], to=owner)
        kept = draft.release(metadata_of(scene, mint), to=owner)
        draft.mention(mint)
        scene.intend(draft, owner, Intent("burn", {mint: -1}, kept))

    return scene.play(owner, labels.BURN, act)


def write_note(scene: Scene, owner: str) -> Transaction:
    """Do nothing but pay the fee."""

    def act(draft: Draft) -> None:
        scene.intend(draft, owner, Intent("other"))

    return scene.play(owner, labels.NOTE, act)


def pay_for_a_stranger(scene: Scene, owner: str, mint: str, units: int, vault: str) -> Transaction:
    """Pay fee and rent of somebody else's purchase: no trade of the payer's."""
    stranger = scene.stranger()

    def act(draft: Draft) -> None:
        draft.sign(stranger)
        draft.transfer(vault, draft.open(stranger, mint, funder=owner), units)
        draft.pay(stranger, scene.market.by_mint[mint].curve, 500_000_001)
        settle(scene, draft, owner, Intent("other"))

    return scene.play(owner, labels.CURVE, act)


def fail_a_transfer(scene: Scene, owner: str, *, payer: str | None = None) -> Transaction:
    """Fail after a listed transfer: only the fee is real, and only for who pays it."""

    def act(draft: Draft) -> None:
        draft.sign(owner)
        draft.pay(owner, scene.stranger(), 1_000_000_007)
        draft.fail()

    return scene.play(payer or owner, labels.SOL_TRANSFER, act)


def fail_a_swap(scene: Scene, owner: str, mint: str) -> Transaction:
    """Fail in the middle of a purchase."""

    def act(draft: Draft) -> None:
        coin = scene.market.by_mint[mint]
        draft.mention(coin.pool.owner, coin.pool.token_vault, coin.pool.quote_vault)
        draft.open(owner, mint, funder=owner)
        draft.fail()

    return scene.play(owner, labels.AMM, act)
