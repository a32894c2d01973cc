"""Hot wallets of exchanges and swap services: what they send goes to everybody, so it links nobody.

An address stands here when at least two public lists of labelled Solana addresses that do not copy one another name
it as an exchange's (checked in November 2026; lists disagree now and then on *which* exchange). The list can never be
complete: an exchange that is missing is still found as a hub, see `links.Links.is_hub`.
"""

from __future__ import annotations

from typing import Final

HOT_WALLETS: Final[dict[str, tuple[str, ...]]] = {
    "Binance": (
        "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
        "5tzFkiKscXHK5ZXCGbXZxdw7gTjjD1mBwuoFbhUvuAi9",
        "2ojv9BAiHUrvsm9gxDe7fJSzbNZSJcxZvf8dqmWGHG8S",
    ),
    "Binance US": ("53unSgGWqEWANcPYRF35B2Bgf8BkszUtcccKiXwGGLyr",),
    "Bitget": ("A77HErqtfN1hLLpvZ9pCtu66FEtM8BveoaKbbMoZ4RiR",),
    "Bybit": (
        "AC5RDfQFmDS1deWZos921JfqscXdByf8BKHs5ACWjtW2",
        "iGdFcQoyR2MwbXMHQskhmNsqddZ6rinsipHc4TNSdwu",
    ),
    "ChangeNOW": ("G2YxRa6wt1qePMwfJzdXZG62ej4qaTC7YURzuh2Lwd3t",),
    "Coinbase": (
        "H8sMJSCQxfKiFTCfDR3DUMLPwcRbM61LGFJ8N4dK3WjS",
        "2AQdpHJ2JpcEgPiATUXjQxA8QmafFegfQwSLWSprPicm",
        "GJRs4FwHtemZ5ZE9x3FNvJ8TMwitKTh21yxdRPqn7npE",
        "D89hHJT5Aqyx1trP6EnGY9jJUB3whgnq3aUvvCqedvzf",
        "9obNtb5GyUegcs3a1CbBkLuc5hEWynWfJC6gjz5uWQkE",
        "FpwQQhQQoEaVu3WU2qZMfF1hx48YyfwsLoRgXG83E99Q",
        "5g7yNHyGLJ7fiQ9SN9mf47opDnMjc585kqXWt6d7aBWs",
    ),
    "Crypto.com": ("AobVSwdW9BbpMdJvTqeCN4hPAmh4rHm7vwLnQ5ATSyrS",),
    "FixedFloat": ("5ndLnEYqSFiA5yUFHo6LVZ1eWc6Rhh11K5CfJNkoHEPs",),
    "Gate.io": ("u6PJ8DtQuPFnfmwHbGFULQ4u4EgjDiyYKjVEsynXq2w",),
    "HTX": ("BY4StcU9Y2BpgH8quZzorg31EGE4L1rjomN8FNsCBEcx",),
    "Kraken": ("FWznbcNXWQuHTawe9RxvQ2LdCENssh12dsznf4RiouN5",),
    "KuCoin": ("BmFdpraQhkiDQE6SnfG5omcA1VwzqfXrwtNYBwWTymy6",),
    "MEXC": ("ASTyfSima4LLAdDgoFGkgqoKowG1LZFDr9fAQrg7iaJZ",),
    "OKX": (
        "5VCwKtCXgCJ6kit5FybXjvriW3xELsFDhYrPSqtJNmcD",
        "is6MTRHEgyFLNTfYcuV4QBWLjrZBfmhVNYR6ccgr8KV",
    ),
    "Robinhood": (
        "9bc61xemFMSZBsQZp59zQppw3sGXrPhRkxrdVBtip6om",
        "6brjeZNfSpqjWoo16z1YbywKguAruXZhNz9bJMVZE8pD",
        "8Tp9fFkZ2KcRBLYDTUNXo98Ez6ojGb6MZEPXfGDdeBzG",
    ),
}
_NAMES: Final = {address: name for name, each in HOT_WALLETS.items() for address in each}
EXCHANGES: Final = frozenset(_NAMES)


def exchange_of(address: str) -> str | None:
    """The exchange whose hot wallet this is, None for any other address."""
    return _NAMES.get(address)
