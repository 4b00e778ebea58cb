"""What a run comes to: one pass over its ledger, then figures, a table of answers, and a page for people."""
