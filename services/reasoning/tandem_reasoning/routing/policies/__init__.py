"""The policies, one idea a file, all behind `decision.Policy`."""
