"""How a comparison is printed: as other commands print, or for a spreadsheet."""

from enum import StrEnum


class Shape(StrEnum):
    """Table for people; JSON and YAML for programs; CSV with a row for each source."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
