"""Amounts of money as people read them; what is counted with keeps every digit (`scalars.UsdText`)."""

from decimal import Decimal


def dollars(usd: Decimal) -> str:
    """An amount as people read it: cents, and below a dollar hundredths of cents where there are any; of less two digits."""
    if 0 < usd < Decimal("0.0001"):
        return f"${usd.quantize(Decimal(1).scaleb(usd.adjusted() - 1)):f}"
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}".removesuffix("00")
