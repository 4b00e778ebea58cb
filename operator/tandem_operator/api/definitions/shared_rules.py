"""What holds for objects of either kind: their names, the images and words of command lines in them, and lengths of time that pass."""

from typing import Final

from tandem_operator.api.credentials import IN_ADDRESS, KEEP_IN_SECRET
from tandem_operator.api.names import IMAGE, NAME, NO_IMAGE
from tandem_operator.api.shape import quoted
from tandem_operator.api.training_run import NO_TIME

from .cel_rule import CelRule, either, sentence, text

_NAME: Final = "self.metadata.name"
_TOO_LONG: Final = f"is too long: write at most {NAME.most} characters"

NAME_RULE: Final = CelRule(
    f"size({_NAME}) <= {NAME.most} && {_NAME}.matches({quoted(f'^({NAME.pattern})$')})",
    f"metadata.name {NAME.instead}, {NAME.most} at most",
    said=sentence("metadata.name: ", text(_NAME), " ", either(f"size({_NAME}) > {NAME.most}", quoted(_TOO_LONG), quoted(NAME.instead))),
)


def time_rule(field: str) -> CelRule:
    """A length of time, if it is given, is more than none."""
    return CelRule(
        f"!has(self.{field}) || !self.{field}.matches('^(0+[dhms])+$')",
        f"{field} {NO_TIME}",
        field,
        sentence(text(f"self.{field}"), f" {NO_TIME}"),
    )


def image_rule() -> CelRule:
    """The name of an image, if one is given. It is not shown where it may hold a password."""
    return CelRule(
        f"!has(self.image) || self.image == '' || self.image.matches({quoted(f'^({IMAGE})$')})",
        f"image {NO_IMAGE}",
        "image",
        either(f"self.image.matches({quoted(IN_ADDRESS)})", quoted(NO_IMAGE), sentence(text("self.image"), f" {NO_IMAGE}")),
    )


def words_rule(field: str, secret: str) -> CelRule:
    """Words of a command line hold no secret of a kind; which one does is not shown."""
    holds = f"self.{field}.exists(word, word.matches({quoted(secret)}))"
    return CelRule(f"!has(self.{field}) || !{holds}", f"one of them {KEEP_IN_SECRET}", field)
