"""Figures, similarity and what a result names."""

from __future__ import annotations

from typing import Final

# --- the figures ---
# SOL moves by a percent or two in so long; longer would misprice
OWN_RATE_REACH_S: Final = 6 * 3600
HISTORY_RATE_REACH_S: Final = 2 * 86_400  # a daily history with one day missing still prices
# five years by the hour; each analysis in the pool is sent all
PRICE_HISTORY_POINTS: Final = 50_000
# other exchanges so near say whether one was at the market's price
RATE_JUDGES_REACH_S: Final = 30 * 86_400
MOST_TRADED_MAX: Final = 10  # tokens named in a behavior record
PAIRS_STORED: Final = 5_000  # pairs of a whole result that are kept with evidence; columns have all
INLINE_ENTRIES: Final = 200  # a history this small is analyzed faster than it travels to a process

# --- similarity ---
MEETINGS_PER_CHUNK: Final = 100_000  # two wallets in one mint, summed at once: stays in a cache
TOP_SHARED_MAX: Final = 20  # shared mints named per pair
SHARED_TOKENS_MAX: Final = 5_000  # rows of the shared-token table in a result: 350 kB of the event
STRATA_MAX: Final = 400  # spans of time told apart in a comparison: under two hours of a month
POPULAR_MINTS: Final = 128  # mints looked at for chances above 1: only the most traded have them
COMPANY_WALLETS: Final = 400  # wallets that a pair is compared with, those of the request included
MEETINGS_AT_ONCE: Final = 200_000  # two wallets close in one mint: 12 MB
FOLLOWED_MEETINGS: Final = 20_000_000  # trades within a day of each other that are counted: 3 s
EVIDENCE_SIGNATURES_MAX: Final = 5  # transactions named per item of evidence
EVIDENCE_MINTS_MAX: Final = 10  # mints named per item of evidence, those that carry most
CLUSTER_MINTS_MAX: Final = 100  # common mints named per cluster, the rarest
BOOTSTRAPS: Final = 500  # resamples: the ends of a 95 % interval rest on about 12 each
BOOTSTRAP_ALL_UP_TO_WALLETS: Final = 60  # 1770 pairs
BOOTSTRAP_BEST_PAIRS: Final = 1000  # of more wallets; and every gated pair that is reported
BOOTSTRAP_CELLS_PER_CHUNK: Final = 4_000_000  # tokens x resamples at once: 32 MB
HUB_COUNTERPARTIES: Final = 100  # who met more addresses than that links nobody: an exchange, a bot
HUB_SHARE: Final = 0.1  # nor does who met such a share of the wallets known, in a small store
HUB_LEAST: Final = 10  # addresses that a hub has met at least, however few wallets are known
LINK_LAMPORTS: Final = 10_000_000  # from 0.01 SOL on a transfer is none of spam

# --- evidence from the store ---
BACKGROUND_WALLETS: Final = 1_000  # what is popular is known well from so many: p hardly moves
BACKGROUND_WEEK_LEAST: Final = 50  # of each week: in all weeks the same wallets may come first
BACKGROUND_CELLS: Final = 60_000  # tokens of all of them: more cost a small request too much time
BACKGROUND_TOKENS: Final = 5_000  # who traded more tokens is a machine and says little about people
TRANSFERS_BETWEEN: Final = 100_000  # among the wallets of a request; the oldest ones
SHARED_PRICED: Final = 600  # tokens priced for a result beside those that figures need: 20 calls
FEE_PAYERS: Final = 20  # of one wallet; with more, its fees say nothing
