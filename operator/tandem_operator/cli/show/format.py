"""How a command prints: for people or for programs."""

from enum import StrEnum


class Format(StrEnum):
    """Table for people; JSON and YAML as `kubectl get -o` would print them."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
