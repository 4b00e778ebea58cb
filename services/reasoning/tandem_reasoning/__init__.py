"""DualRun: a cloud lane and a local lane of language models answer one question set, with one ledger and one memory."""
