"""What the commands of `tandem memory` have in common: where the memory is, another one, and which records are meant.

All are dataclasses whose fields are options. A command takes one of them as a parameter, and `expanded` shows its fields to typer.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from tandem_operator.cli.exits import Exit, leave

if TYPE_CHECKING:
    from tandem_memory.client import Bounds, Filter

_SERVICE, _OTHER, _RECORDS = "The service", "The other service", "Which records"


def _option(help_: str, *names: str, panel: str, env: str | None = None, metavar: str | None = None) -> Any:  # noqa: ANN401 - typer's
    return typer.Option(
        *names, help=help_, rich_help_panel=panel, envvar=f"TANDEM_MEMORY{env}" if env is not None else None, metavar=metavar
    )


_NAMESPACE = "Whose records; may be left out while there is only one."
_TLS_CA = "Authority of its certificate; given, the connection is encrypted."
_PLAINTEXT = "The network itself encrypts: send the token without TLS."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a memory is, as options of a command."""

    namespace: Annotated[str, _option(_NAMESPACE, "-n", "--namespace", panel=_SERVICE, env="_NAMESPACE")] = ""
    address: Annotated[str, _option("host:port.", panel=_SERVICE, env="")] = ""
    token_file: Annotated[Path | None, _option("The token to show.", panel=_SERVICE, env="_TOKEN_FILE", metavar="FILE")] = None
    tls_ca: Annotated[Path | None, _option(_TLS_CA, panel=_SERVICE, env="_TLS_CA", metavar="FILE")] = None
    plaintext: Annotated[bool, _option(_PLAINTEXT, "--plaintext", panel=_SERVICE, env="_PLAINTEXT")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Where another memory is, as options of a command; nothing is taken from the environment, which is about the first."""

    to: Annotated[str, _option("host:port.", panel=_OTHER)] = ""
    to_token_file: Annotated[Path | None, _option("The token to show there.", panel=_OTHER, metavar="FILE")] = None
    to_tls_ca: Annotated[Path | None, _option(_TLS_CA, panel=_OTHER, metavar="FILE")] = None
    to_plaintext: Annotated[bool, _option(_PLAINTEXT, "--to-plaintext", panel=_OTHER)] = False

    def place(self) -> Place:
        """The same as that of the first."""
        return Place(address=self.to, token_file=self.to_token_file, tls_ca=self.to_tls_ca, plaintext=self.to_plaintext)


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which records are meant, as options of a command; all that is said must hold."""

    source: Annotated[list[str], _option("Of this source; again for any of several.", panel=_RECORDS)] = field(default_factory=list[str])
    tag: Annotated[list[str], _option("With this tag; again for several.", panel=_RECORDS)] = field(default_factory=list[str])
    min_score: Annotated[float | None, _option("Score at least this.", panel=_RECORDS)] = None
    min_agreement: Annotated[float | None, _option("Agreement of experts at least this.", panel=_RECORDS)] = None
    metric: Annotated[
        list[str], _option("Metric within bounds, such as coherence=0.7.. or calls=..8.", panel=_RECORDS, metavar="NAME=LOW..HIGH")
    ] = field(default_factory=list[str])
    verified: Annotated[list[str], _option("How it is known to be right: label, agreement, judge, none, unsaid.", panel=_RECORDS)] = field(
        default_factory=list[str]
    )
    since: Annotated[str | None, _option("Made at or after, such as 2025-11-10T19:00.", panel=_RECORDS, metavar="TIME")] = None
    until: Annotated[str | None, _option("Made before.", panel=_RECORDS, metavar="TIME")] = None

    @property
    def some(self) -> bool:
        """Whether not all records are meant."""
        return self != Which()

    def filter(self) -> "Filter":
        """The filter that this asks for; leaves with a line when it cannot be meant."""
        from tandem_memory.client import Filter, Verified

        for each in self.verified:
            if each not in set(Verified):
                leave(Exit.BAD_INPUT, f"--verified: {each} is none of {', '.join(Verified)}")
        since, until = moment("--since", self.since), moment("--until", self.until)
        if since and until and since >= until:
            leave(Exit.BAD_INPUT, f"--since: {self.since} is not before --until {self.until}; nothing was made between them")
        return Filter(
            sources=self.source,
            tags=self.tag,
            min_score=self.min_score,
            min_agreement=self.min_agreement,
            metrics=dict(map(_bounds, self.metric)),
            verified=[Verified(each) for each in self.verified],
            since=since,
            until=until,
        )


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """`command` for typer: parameters of those types become their fields, and are put together again for the call."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    whole = {each.name: each.annotation for each in own if each.annotation in {Place, Other, Which}}

    def called(**given: Any) -> None:  # noqa: ANN401 - what typer parsed
        parts = {name: kind(**{each.name: given.pop(each.name) for each in fields(kind)}) for name, kind in whole.items()}
        command(**parts, **given)

    shown = [each for each in own if each.name not in whole]
    shown += [parameter for kind in whole.values() for parameter in _parameters(kind)]
    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__signature__ = inspect.Signature(sorted(shown, key=lambda each: each.kind))  # pyright: ignore[reportFunctionMemberAccess]
    return called


def moment(option: str, text: str | None) -> datetime | None:
    """A time that somebody wrote, in the zone of this machine unless it has one; leaves with a line when it is none."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        leave(Exit.BAD_INPUT, f"{option}: {text} is no time; write it like 2025-11-10T19:00 or 2025-11-10T19:00:00Z")
    return at if at.tzinfo else at.astimezone()


def _parameters(kind: type[Place | Other | Which]) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=hints[each.name],
            default=[] if each.default is MISSING else each.default,
        )
        for each in fields(kind)
    ]


def _bounds(text: str) -> "tuple[str, Bounds]":
    from tandem_memory.client import Bounds

    name, _, stretch = text.partition("=")
    low, dots, high = stretch.partition("..")
    try:
        bounds = Bounds(low=float(low) if low else None, high=float(high) if high else None)
    except ValueError:
        bounds = None
    if not (bounds and name and dots and (low or high)):
        leave(Exit.BAD_INPUT, f"--metric: {text} is no stretch of a metric; write it like coherence=0.7.. or calls=1..8")
    if bounds.low is not None and bounds.high is not None and bounds.low > bounds.high:
        leave(Exit.BAD_INPUT, f"--metric: {text} begins after its end; write {name}={high}..{low}")
    return name, bounds
