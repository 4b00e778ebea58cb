"""Shares of a whole as people read them."""


def percent(done: int, whole: int) -> str | None:
    """How much of a whole is done, in percent that are full: 100% is all of it. None where nobody knows yet how much there is."""
    return f"{min(100, 100 * done // whole)}%" if whole else None
