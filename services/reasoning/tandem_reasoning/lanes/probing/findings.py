"""What a probe found out about a server, and what of that people should know. Values only.

Servers that speak the same protocol do not do the same: most of what they do not know they ignore, and answer 200. Each quirk here was met
in a server that people use.
"""

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from tandem_reasoning.lanes.outcome import Trouble
from tandem_reasoning.values import Usage

VERSION = 1
"""Of what a probe tries; findings of another version are not believed."""


NOTHING = Usage(input_tokens=0, output_tokens=0)
"""No tokens at all."""


class Honoured(StrEnum):
    """What a server does with a part of a request."""

    YES = "Yes"
    IGNORED = "Ignored"
    REFUSED = "Refused"
    UNKNOWN = "Unknown"


class Quirk(StrEnum):
    """Something about a server that a run has to live with."""

    LIST_UNUSABLE = "ModelListUnusable"
    MODEL_PINNED = "ModelPinned"
    MODEL_UNCHECKED = "ModelUnchecked"
    TEMPERATURE_IGNORED = "TemperatureIgnored"
    ZERO_VARIES = "TemperatureZeroVaries"
    N_IGNORED = "NIgnored"
    LOGPROBS_IGNORED = "LogprobsIgnored"
    JSON_IGNORED = "JsonIgnored"
    STREAM_IGNORED = "StreamIgnored"
    USAGE_ABSENT = "UsageAbsent"
    END_COUNTED = "EndCounted"
    SERIAL = "Serial"
    BILLS_BEYOND = "BillsBeyond"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is known of one server and model; None where it could not be found out.

    Attributes:
        url: Base address of the server.
        model: What was asked for.
        trouble: Why it cannot be used; None if it answers.
        problem: The same in its words.
        healthy: What /health says; None where there is no such page.
        listed: Names of models that /models lists; None if that is an error.
        model_checked: Whether it refuses other names than the model's.
        usage_told: Whether it counts tokens.
        end_counted: Whether the end of an answer is one of them.
        zero_repeats: Whether temperature 0 gives the same answer twice.
        temperature_varies: Whether a high temperature gives different ones.
        several: What it does with `n`.
        logprobs: With `logprobs`.
        json_mode: With `response_format`.
        stream: With `stream`.
        parallel: Calls at once up to which it gets more done; None where no more than one may be tried.
        calls_per_s: What it gets done so.
        tokens_per_s: Tokens written so.
        beyond: How many times as many tokens as a call can take it told of one; 1 where it told of no more, and the probe was not ended.
        calls: How many calls were made to find this out.
        usage: What those took, tokens; from above where the server counts none.
    """

    url: str
    model: str
    trouble: Trouble | None = None
    problem: str = ""
    healthy: bool | None = None
    listed: tuple[str, ...] | None = None
    model_checked: bool | None = None
    usage_told: bool | None = None
    end_counted: bool | None = None
    zero_repeats: bool | None = None
    temperature_varies: bool | None = None
    several: Honoured = Honoured.UNKNOWN
    logprobs: Honoured = Honoured.UNKNOWN
    json_mode: Honoured = Honoured.UNKNOWN
    stream: Honoured = Honoured.UNKNOWN
    parallel: int | None = None
    calls_per_s: float | None = None
    tokens_per_s: float | None = None
    beyond: float = 1.0
    calls: int = 0
    usage: Usage = NOTHING

    @property
    def quirks(self) -> frozenset[Quirk]:
        """What a run has to live with; empty where the server does not answer at all."""
        if self.trouble is not None:
            return frozenset()
        if self.beyond > 1:  # nothing else was found out
            return frozenset({Quirk.BILLS_BEYOND})
        seen = {
            Quirk.LIST_UNUSABLE: self.listed is None or self.model not in self.listed,
            Quirk.MODEL_PINNED: self.model_checked is True,
            Quirk.MODEL_UNCHECKED: self.model_checked is False,
            Quirk.TEMPERATURE_IGNORED: self.temperature_varies is False,
            Quirk.ZERO_VARIES: self.zero_repeats is False,
            Quirk.N_IGNORED: self.several is Honoured.IGNORED,
            Quirk.LOGPROBS_IGNORED: self.logprobs is Honoured.IGNORED,
            Quirk.JSON_IGNORED: self.json_mode is Honoured.IGNORED,
            Quirk.STREAM_IGNORED: self.stream is Honoured.IGNORED,
            Quirk.USAGE_ABSENT: self.usage_told is False,
            Quirk.END_COUNTED: self.end_counted is True,
            Quirk.SERIAL: self.parallel == 1,
        }
        return frozenset(quirk for quirk, there in seen.items() if there)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What people should know, one line each, with what to do about it."""
        if self.trouble is not None:
            return (f"{self.url} cannot be used with model {self.model}: {self.problem}",)
        said = [_SENTENCES[quirk].format(model=self.model, beyond=self.beyond) for quirk in Quirk if quirk in self.quirks]
        if self.parallel is not None and self.parallel > 1:
            said.append(f"gets more done with up to {self.parallel} calls at once ({self.tokens_per_s:.0f} tokens written a second)")
        return tuple(said)


_SENTENCES = {
    Quirk.LIST_UNUSABLE: "does not list {model} among its models; the list is not relied on",
    Quirk.MODEL_PINNED: "refuses every model name but those it serves; {model} is one",
    Quirk.MODEL_UNCHECKED: "answers to any model name, so a wrong one is not noticed: see in its log that {model} is what it serves",
    Quirk.TEMPERATURE_IGNORED: (
        "ignores temperature, so asking again gives the same answer: let it sample "
        "(transformers: do_sample in generation_config.json), or ask each expert once"
    ),
    Quirk.ZERO_VARIES: "answers differently at temperature 0, so a run cannot be repeated to the letter",
    Quirk.N_IGNORED: "ignores n: several samples are several calls",
    Quirk.LOGPROBS_IGNORED: "ignores logprobs: how sure a model is, is told by votes alone",
    Quirk.JSON_IGNORED: "ignores response_format: answers are read as text",
    Quirk.STREAM_IGNORED: "ignores stream: an answer comes when it is whole",
    Quirk.USAGE_ABSENT: "counts no tokens: they are reckoned from above, so spend and limits by tokens err to the safe side",
    Quirk.END_COUNTED: "counts the end of an answer as a token, as not all servers do: compare lanes in money, not in tokens",
    Quirk.SERIAL: "does one call at a time: set maxInFlight to 2, so that the next is there when one ends",
    Quirk.BILLS_BEYOND: (
        "tells of {beyond:.0f} times as many tokens as it was asked for: as many times the money is set aside for each call, "
        "and nothing else was found out about it"
    ),
}


def dumped(findings: Findings) -> str:
    """Findings as JSON, to be kept under `probe.cache_key`."""
    return json.dumps({"version": VERSION, **asdict(findings)})


def loaded(text: str) -> Findings | None:
    """Findings that were kept; None if they are of another version."""
    kept: dict[str, Any] = json.loads(text)
    if kept.pop("version", None) != VERSION:
        return None
    kept.setdefault("beyond", 1.0)  # an earlier release did not look for it
    kept |= {name: Honoured(kept[name]) for name in ("several", "logprobs", "json_mode", "stream")}
    kept |= {"trouble": kept["trouble"] and Trouble(kept["trouble"]), "usage": Usage(**kept["usage"])}
    kept["listed"] = None if kept["listed"] is None else tuple(kept["listed"])
    assert set(kept) == {field.name for field in fields(Findings)}
    return Findings(**kept)
