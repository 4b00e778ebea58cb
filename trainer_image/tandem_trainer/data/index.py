"""The index of a folder of prepared data: which format and version its files have, and what they were made of."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from tandem_trainer.refusal import Refusal

INDEX = "index.json"


class FolderIndex(BaseModel):
    """What the files of a folder mean. Each kind says its `format` and `version` by their defaults, and what it holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    holds: ClassVar[str]
    """What is lacking where there is no index, in a word or two."""
    format: str
    version: int = 1
    source: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The index of a folder.

        Raises:
            Refusal: when it is not there or not of this version.
        """
        try:
            index = cls.model_validate_json((folder / INDEX).read_bytes())
        except (OSError, ValidationError) as error:
            message = f"data: {folder} holds no {cls.holds} ({type(error).__name__}): remove it, and they are made anew"
            raise Refusal(message) from None
        kind, version = (cls.model_fields[name].default for name in ("format", "version"))
        if (index.format, index.version) != (kind, version):
            message = f"data: {folder} is {index.format} version {index.version}, not {kind} version {version}: remove it"
            raise Refusal(message)
        return index
