"""Amounts of money as people read them; what is counted with keeps every digit (`scalars.UsdText`)."""

from decimal import Decimal, InvalidOperation


def dollars(usd: Decimal) -> str:
    """An amount as people read it: cents, and below a dollar hundredths of cents where there are any; of less two digits."""
    if 0 < usd < Decimal("0.0001"):
        return f"${usd.quantize(Decimal(1).scaleb(usd.adjusted() - 1)):f}"
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}".removesuffix("00")


def rounded(usd: Decimal, unit: Decimal, rounding: str | None = None) -> Decimal:
    """An amount in whole units; one so large that these are beyond the digits that are reckoned with stays as it is."""
    try:
        return usd.quantize(unit, rounding=rounding)
    except InvalidOperation:
        return usd
