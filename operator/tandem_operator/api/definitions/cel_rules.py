"""What the API server checks before it keeps a run: the rules of the models in CEL, and what may not change later.

Each model's own rules (`@rule`) stand here under the same names and say the same sentence, after a field that is as near as the server
can name; tests compare the two. What is new here spares what is stored: a server lets stay what an edit does not touch, from Kubernetes
1.30 on, which the chart asks for.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from .cel_rule import CelRule
from .dual_rules import DUAL_RULES
from .pod_rules import POD_RULES
from .training_rules import TRAINING_RULES

LISTS_BY_NAME: Final[Mapping[str, str]] = {"phases": "name", "lanes": "name", "experts": "name", "parts": "name", "conditions": "type"}
"""Lists whose entries are told apart by a field: the API server refuses two of one name, and follows each by it."""

RULES: Final[Mapping[type[BaseModel], Mapping[str, CelRule]]] = {**TRAINING_RULES, **POD_RULES, **DUAL_RULES}


def written_rules(model_name: str) -> list[dict[str, Any]]:
    """The rules of a model, as `x-kubernetes-validations`."""
    return [rule.written() for model, rules in RULES.items() if model.__name__ == model_name for rule in rules.values()]
