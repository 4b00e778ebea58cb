"""The rules of a DualRun in CEL, under the names of its models' own rules, and what may not change between two versions of one."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from tandem_operator.api.credentials import IN_ADDRESS, KEY, OPTION, PASSWORD
from tandem_operator.api.dual_run import DualCheckpointSpec, DualRun, DualRunSpec, QuestionsSpec
from tandem_operator.api.lane import BEYOND_PORTS, NO_PORT, EngineSpec, LaneSpec
from tandem_operator.api.shape import quoted

from .cel_rule import CelRule, either, first, sentence, text, value
from .shared_rules import NAME_RULE, image_rule, time_rule, words_rule

_OWN_FOLDER: Final = quoted("the run's own folder")
_BEYOND_PORTS: Final = quoted(BEYOND_PORTS)
_UNPRICED: Final = "lane.kind == 'Cloud' && !has(lane.price)"
_UNPRICED_SAID: Final = sentence("lane ", value("lane.name"), " has no price, so that budget.usd cannot hold: add price")
_UNMEANT: Final = (
    ("has(self.placement) && has(self.placement.onDemandAfter)", quoted("placement.onDemandAfter")),
    ("has(self.placement) && self.placement.onePerNode", quoted("placement.onePerNode")),
    ("has(self.pod) && has(self.pod.sharedMemory)", quoted("pod.sharedMemory")),
    ("has(self.pod) && has(self.pod.queue)", quoted("pod.queue")),
    ("has(self.pod) && has(self.pod.graceSeconds)", quoted("pod.graceSeconds")),
)

DUAL_RULES: Final[Mapping[type[BaseModel], Mapping[str, CelRule]]] = {
    DualRun: {"name": NAME_RULE},
    DualCheckpointSpec: {
        "same_uri": CelRule(
            "has(self.uri) == has(oldSelf.uri) && (!has(self.uri) || self.uri == oldSelf.uri)",
            "the place cannot change: earlier snapshots would not be found: keep it; start a run of another name",
            "uri",
            sentence(
                either("has(oldSelf.uri)", sentence(text("oldSelf.uri")), _OWN_FOLDER),
                " cannot become ",
                either("has(self.uri)", sentence(text("self.uri")), _OWN_FOLDER),
                ": earlier snapshots would not be found: keep it; start a run of another name",
            ),
        )
    },
    QuestionsSpec: {
        "same_source": CelRule(
            "self.source == oldSelf.source",
            "source cannot change: answers belong to its questions: keep it; start a run of another name",
            "source",
            sentence(
                text("oldSelf.source"),
                " cannot become ",
                text("self.source"),
                ": answers belong to its questions: keep it; start a run of another name",
            ),
        ),
    },
    EngineSpec: {
        "names_an_image": image_rule(),
        "keeps_passwords_in_secrets": words_rule("arguments", PASSWORD),
        "keeps_keys_in_secrets": words_rule("arguments", KEY),
        "gives_no_key_as_an_option": words_rule("arguments", OPTION),
    },
    LaneSpec: {
        "one_way_to_its_server": CelRule(
            "[has(self.url), has(self.urls), has(self.engine)].filter(set, set).size() == 1", "needs exactly one of url, urls and engine"
        ),
        "names_a_port": CelRule(
            f"!(has(self.url) && self.url.matches({_BEYOND_PORTS}))"
            f" && !(has(self.urls) && self.urls.exists(url, url.matches({_BEYOND_PORTS})))",
            f"an address {NO_PORT}",
            said=either(
                f"has(self.url) && !self.url.matches({quoted(IN_ADDRESS)})",
                sentence("url: ", text("self.url"), f" {NO_PORT}"),
                quoted(f"an address {NO_PORT}"),
            ),
        ),
        "its_model_is_named": CelRule(
            "has(self.model) != has(self.engine)",
            "needs model, the name of the model as the server calls it; beside engine, which names it, leave it out",
            said=either(
                "has(self.engine)",
                sentence("model: ", text("self.model"), " has no meaning beside engine.model: leave it out"),
                quoted("needs model: the name of the model, as the server calls it"),
            ),
        ),
    },
    DualRunSpec: {
        "asks_for_nothing_of_training": CelRule(
            " && ".join(f"!({asked})" for asked, _ in _UNMEANT),
            "placement.onDemandAfter, onePerNode, pod.sharedMemory, queue and graceSeconds have no meaning for a DualRun: leave them out",
            said=sentence(first(*_UNMEANT), ": has no meaning for a DualRun: leave it out"),
        ),
        "limited_lanes_have_a_price": CelRule(
            f"!has(self.budget.usd) || !self.lanes.exists(lane, {_UNPRICED})",
            "budget.usd cannot hold over a cloud lane without a price: add price to each",
            "lanes",
            f"self.lanes.map(lane, {_UNPRICED}, {_UNPRICED_SAID})[0]",
        ),
        "somebody_goes_on_locally": CelRule(
            "!has(self.budget.usd) || self.budget.onExhausted != 'LocalOnly' || self.lanes.exists(lane, lane.kind == 'Local')",
            "budget.onExhausted LocalOnly needs a lane of kind Local: add one, or use Suspend or Fail",
            "budget.onExhausted",
            sentence(text("self.budget.onExhausted"), " needs a lane of kind Local: add one, or use Suspend or Fail"),
        ),
        "routing_finds_its_lane": CelRule(
            "!['Local', 'Cloud'].exists(kind, kind == self.routing.policy) || self.lanes.exists(lane, lane.kind == self.routing.policy)",
            "routing.policy Local or Cloud needs a lane of that kind: add one, or leave routing out",
            "routing.policy",
            sentence(
                text("self.routing.policy"), " needs a lane of kind ", value("self.routing.policy"), ": add one, or leave routing out"
            ),
        ),
        "has_time": time_rule("deadline"),
        "has_time_for_progress": time_rule("noProgressAfter"),
    },
}
