"""Every score of a DualRun, in one table: reports, SCORES.md and the console are made from it.

A score that has no row here is not shown. Tandem does not measure consciousness: the three names of the first training scripts stand
beside what is really measured in their place.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A score.

    Attributes:
        meaning: What it says.
        formula: How it is made.
        range: Least and largest value.
        baseline: What it is compared with.
        needs: What must be there to measure it; without it the score is null.
        seed: The older name that it is shown under, too; empty for most.
        judged: Whether it has a value for each item without a label, so that labels can tell whether it means anything.
    """

    meaning: str
    formula: str
    range: str
    baseline: str
    needs: str
    seed: str = ""
    judged: bool = False


_LABELS = "labels"
_TWO = "two experts' answers to an item"

CATALOGUE: Mapping[str, Entry] = {
    "accuracy": Entry(
        meaning="How often the answer that was given is right.",
        formula="right / labelled",
        range="0 to 1",
        baseline="the same answers dealt anew over the questions",
        needs=_LABELS,
    ),
    "agreement": Entry(
        meaning="What share of the votes the leading answer has, whatever another lane says. Adaptive asking stops when it is large, so it "
        "is compared within one setting only.",
        formula="mean of (votes of the leading answer / votes)",
        range="1/K to 1",
        baseline="each expert's answers dealt anew over the questions",
        needs=_TWO,
        seed="coherence",
        judged=True,
    ),
    "semanticEntropy": Entry(
        meaning="How open the answer is. 0: all agree.",
        formula="H / H if all differed, H = -sum of C p log(C p) / (1 - (1 - C p)^K) over groups of like answers, C = 1 - answers that "
        "came up once / K (Chao and Shen)",
        range="0 to 1",
        baseline="each expert's answers dealt anew over the questions",
        needs=_TWO,
        judged=True,
    ),
    "stability": Entry(
        meaning="How many experts kept their answer from the last step but one to the last.",
        formula="mean of (unchanged / experts who answered in both steps)",
        range="0 to 1",
        baseline="earlier answers dealt anew over the questions",
        needs="two steps",
        judged=True,
    ),
    "rightToWrong": Entry(
        meaning="How many experts a step talked out of the right answer.",
        formula="mean of (right before and wrong after / experts who answered in both steps)",
        range="0 to 1",
        baseline="0",
        needs="two steps, labels",
    ),
    "wrongToRight": Entry(
        meaning="How many experts a step brought to the right answer.",
        formula="mean of (wrong before and right after / experts who answered in both steps)",
        range="0 to 1",
        baseline="0",
        needs="two steps, labels",
    ),
    "embeddingCoherence": Entry(
        meaning="Whether rationales for one question are nearer to each other than to those for other questions.",
        formula="mean cosine within a question - mean cosine to other questions",
        range="-2 to 2",
        baseline="0, built in",
        needs="two rationales for an item, and another item",
        judged=True,
    ),
    "ensembleGain": Entry(
        meaning="What the vote is worth over one single greedy call. Both accuracies are always shown with it.",
        formula="accuracy(vote) - accuracy(greedy)",
        range="-1 to 1",
        baseline="0",
        needs="labels, a greedy call for the same items",
        seed="integration",
    ),
    "effectiveExperts": Entry(
        meaning="To how many independent experts the K come.",
        formula="K / (1 + (K - 1) rho), rho = mean correlation of two experts' errors, at least 0",
        range="1 to K",
        baseline="1: all err together",
        needs="labels, experts who are both right and wrong",
    ),
    "complementarity": Entry(
        meaning="What some expert knows that the best one does not: the room that a better choice between answers would have.",
        formula="part of items with any expert right - accuracy of the best single expert",
        range="0 to 1",
        baseline="the same experts if they erred independently",
        needs="labels, all experts' answers",
    ),
    "crossLaneLift": Entry(
        meaning="What recalling the other lane's records is worth.",
        formula="accuracy with them - accuracy of the hold-out without, items weighted by the inverse of their chance",
        range="-1 to 1",
        baseline="0",
        needs="labels, items in the hold-out",
    ),
    "metacognition": Entry(
        meaning="Whether the run knows when it is right: does its confidence rank right answers above wrong ones?",
        formula="AUROC of confidence (stated, else agreement) against correctness",
        range="0 to 1",
        baseline="0.5",
        needs="labels, right and wrong answers",
        seed="consciousness",
    ),
    "calibrationError": Entry(
        meaning="How far confidence is from accuracy.",
        formula="mean over ten bins of |mean confidence - accuracy|, by items in a bin",
        range="0 to 1",
        baseline="the same confidences dealt anew over the items",
        needs=_LABELS,
    ),
    "pgr": Entry(
        meaning="How much of the way from the local lane's accuracy to the cloud lane's was gone.",
        formula="(accuracy - accuracy(local)) / (accuracy(cloud) - accuracy(local)), each lane as it would be alone on all questions",
        range="usually 0 to 1",
        baseline="part of the answers that the cloud lane gave: what random routing reaches",
        needs="labels, answers of both lanes, a cloud lane that is better",
    ),
}

ALIASES: Mapping[str, str] = {entry.seed: name for name, entry in CATALOGUE.items() if entry.seed}
"""The older names, and the score that each is shown with."""
