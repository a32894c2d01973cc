"""Migrations stay as they were applied: a database refuses to start with a file whose text has changed.

Even a comment counts, so that a rename across all files breaks every installation there is. A new migration gets its
line here with the commit that brings it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import streamproc.store

# The first digits of each file's SHA-256.
APPLIED = {
    "0001_tables.sql": "aa3054e9ae446348",
    "0002_roles.sql": "c27f1d4a062a2171",
    "0003_evidence.sql": "9a6a7313a88bf38b",
    "0004_entries_without_references.sql": "24130f18a8b7f069",
    "0005_revisions.sql": "546463bb24aa02cf",
    "0006_retention.sql": "0e0728de3cb0666b",
    "0007_openings.sql": "3259b16a8c2b232d",
    "0008_formats.sql": "e046488ad882da1d",
    "0009_rejected_and_tenants.sql": "15bdd6a41730263f",
    "0010_orders.sql": "49cd566865b4c289",
    "0011_steady_rates.sql": "980dc18cebe5833b",
    "0012_early_cancels.sql": "acc609ac77964b7e",
    "0013_oddities.sql": "e114f8836fdcf687",
    "0014_quotas.sql": "691d6bec255a016a",
    "0015_weeks.sql": "db1793099e200623",
    "0016_views_say_what_they_see.sql": "8105cb365a8b4e35",
    "0017_cohorts.sql": "49d8157728531382",
}


def test_every_migration_has_the_text_that_it_was_applied_with() -> None:
    folder = Path(streamproc.store.__file__).parent / "migrations"
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(folder.glob("*.sql"))
    }
    assert found == APPLIED
