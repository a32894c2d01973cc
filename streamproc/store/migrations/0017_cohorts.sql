-- Wallets that are chosen by a rule: the rule as it was asked, and what came of it, once: the cohort, or why there is none.
ALTER TABLE analyses
    ADD COLUMN cohort json,
    ADD COLUMN chosen json;
