"""How a figure is told."""

import json


def say(metric: str, value: float, unit: str, **beside: float | str | None) -> None:
    """One line of JSON; of `beside`, what is None is left out, and floats are rounded to what can be read."""
    told = {"metric": metric, "value": value, "unit": unit, **{name: each for name, each in beside.items() if each is not None}}
    print(json.dumps({name: float(f"{each:.4g}") if isinstance(each, float) else each for name, each in told.items()}), flush=True)
