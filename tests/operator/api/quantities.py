"""What Kubernetes takes for a quantity: its own parser, which is generous, in small.

`parseQuantityString` of k8s.io/apimachinery/pkg/api/resource: any digits, even none, around a point, and a suffix.
"""

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([-+]?)([0-9]*)(?:[.]([0-9]*))?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]+)?", re.ASCII)
_POWERS = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def is_quantity(text: str) -> bool:
    """Whether `isQuantity` of CEL holds."""
    return bool(text) and _QUANTITY.fullmatch(text) is not None


def quantity(text: str) -> Decimal:
    """What it comes to.

    Raises:
        TypeError: when it is none.
    """
    found = _QUANTITY.fullmatch(text)
    if not text or not found:
        msg = "quantities must match their expression"
        raise TypeError(msg)
    sign, whole, part, unit = found.groups(default="")
    number = Decimal(f"{sign}{whole or 0}.{part or 0}")
    if unit.endswith("i"):
        return number * Decimal(1024) ** ("KMGTPE".index(unit[0]) + 1)
    power = _POWERS[unit] if unit in _POWERS else int(unit[1:])
    return number.scaleb(power)
