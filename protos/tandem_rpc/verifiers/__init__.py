"""Verifiers of callers, for services that know them by name."""
