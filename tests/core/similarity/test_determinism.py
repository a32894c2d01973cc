"""The same inputs give the same bytes in any process, with any number of threads and any hash seed."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import hashlib, json
import numpy as np
from streamproc.core.similarity import *

generator = np.random.default_rng(7)

def wallet(number):
    mints = generator.choice(400, 40, replace=False)
    traded = tuple(
        TradedMint(f"m{m}", 2, int(generator.integers(10**12)), int(generator.integers(10**4)), int(m), f"s{m}")
        for m in mints
    )
    held = tuple(HeldMint(f"m{m}", float(generator.random())) for m in mints[:9])
    return WalletRow(f"w{number:03}", traded, held)

wallets = tuple(wallet(number) for number in range(80))
found = compare(SimilarityInputs(wallets, "digest", frozenset({"m1", "m2"})))
text = json.dumps([found.pairs, found.set, found.clusters], sort_keys=True, allow_nan=False)
print(hashlib.sha256(text.encode()).hexdigest(), len(found.pairs))
"""


def run(threads: int, seed: int) -> str:
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONHASHSEED": str(seed)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_neither_threads_nor_the_hash_seed_change_a_byte() -> None:
    first = run(threads=1, seed=1)
    assert first.split()[1] == "3160"
    assert run(threads=2, seed=2) == first
