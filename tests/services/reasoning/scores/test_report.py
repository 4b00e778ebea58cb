"""The report: a score for every row of the catalogue, honest about what it does not know."""

from pathlib import Path

import numpy as np
import pytest
from tandem_reasoning.scores.answered import Answered
from tandem_reasoning.scores.catalogue import ALIASES, CATALOGUE
from tandem_reasoning.scores.measures.coherence import rationales
from tandem_reasoning.scores.measures.quality import Gap
from tandem_reasoning.scores.reference import document
from tandem_reasoning.scores.report import report, shown_as
from tandem_reasoning.scores.score import Score
from tandem_reasoning.thinking.answers import keyed
from tandem_reasoning.thinking.vote import plurality

from tests.services.reasoning.scores.rows import run

FEW = 60  # draws are enough where an interval is not what is tested


def scores(items: list[Answered], **more: object) -> dict[str, Score]:
    return {score.name: score for score in report(items, resamples=FEW, **more)}  # type: ignore[arg-type]


def test_every_row_of_the_catalogue_has_a_score_with_its_formula() -> None:
    """In the catalogue's order, and the scores document is made of the same rows."""
    found = report(run(50), resamples=FEW)
    assert [score.name for score in found] == list(CATALOGUE)
    assert all(score.formula == CATALOGUE[score.name].formula for score in found)


def test_scores_md_is_fresh() -> None:
    """SCORES.md is what `poe metrics` writes, and says that consciousness is not measured."""
    text = (Path(__file__).parents[4] / "services/reasoning/SCORES.md").read_text()
    assert text == document()
    assert "Tandem does not measure consciousness." in text


def test_what_is_measured_has_a_baseline_and_an_interval_around_it() -> None:
    """On a labelled run nothing but the rationales, which nobody embedded, is null once the lanes were judged."""
    found = scores(run(300), gap=Gap(run=0.6, local=0.4, cloud=0.8, local_error=0.05, items=300))
    assert found.pop("embeddingCoherence").value is None
    for score in found.values():
        assert score.value is not None, score.name
        assert score.baseline is not None, score.name
        assert score.interval is not None, score.name
        assert score.interval.touches(score.value), score.name


@pytest.mark.parametrize("items", [[], [Answered(taken="a")], run(30, labelled=False)])
def test_what_cannot_be_measured_is_null(items: list[Answered]) -> None:
    """Without labels no score that needs them has a value, and none is held to be validated."""
    found = scores(items)
    for name, entry in CATALOGUE.items():
        if "labels" in entry.needs or not items:
            assert found[name].value is None, name
        assert found[name].validated is (False if entry.judged else None)
        assert found[name].auroc is None


def test_a_score_that_tells_right_from_wrong_is_validated() -> None:
    """Where experts agree more on what they have right, agreement and entropy are known to say so."""
    found = scores(run(300))
    for name in ("agreement", "semanticEntropy"):
        auroc, interval = found[name].auroc, found[name].auroc_interval
        assert auroc is not None
        assert auroc > 0.75
        assert interval is not None
        assert interval.low > 0.5
        assert found[name].validated


def test_a_score_that_is_noise_is_not_validated() -> None:
    """Where labels have nothing to do with agreement the interval touches one half; the value is still shown."""
    found = scores(run(300, telling=False))["agreement"]
    assert found.auroc_interval is not None
    assert found.auroc_interval.touches(0.5)
    assert found.validated is False
    assert found.value is not None


def test_a_few_right_and_wrong_answers_validate_nothing() -> None:
    """Below ten of each a perfect ranking may be luck."""
    items = [Answered(taken="a", vote="a", answers="aa", label="a")] * 40 + [Answered(taken="a", vote="a", answers="ab", label="b")] * 9
    found = scores(items)["agreement"]
    assert (found.auroc, found.auroc_interval, found.validated) == (1.0, None, False)
    assert scores([*items, items[-1]])["agreement"].validated


def test_the_greedy_row_is_always_shown_with_the_gain() -> None:
    """Both accuracies, over the same items; their difference is the gain."""
    gain = scores(run(200))["ensembleGain"]
    assert gain.value == pytest.approx(gain.parts["vote"] - gain.parts["greedy"])  # type: ignore[operator]


def test_the_gap_is_that_which_was_judged() -> None:
    """Nothing of it is told without a judgement of the lanes, nor where there is none; below ten questions it has no interval."""
    assert scores(run(300))["pgr"].value is None
    assert scores(run(300), gap=Gap(run=0.6, local=0.8, cloud=0.4, items=300))["pgr"].value is None
    few = scores(run(300), gap=Gap(run=0.6, local=0.4, cloud=0.8, local_error=0.1, items=9))["pgr"]
    assert (few.value, few.interval, few.parts) == (pytest.approx(0.5), None, {"run": 0.6, "local": 0.4, "cloud": 0.8})


def test_the_same_seed_gives_the_same_report() -> None:
    """Baselines and intervals, too; and the order of the items moves no value."""
    items = run(80)
    assert report(items, seed=5, resamples=FEW) == report(items, seed=5, resamples=FEW)
    assert [score.value for score in report(items, resamples=FEW)] == pytest.approx(
        [score.value for score in report(items[::-1], resamples=FEW)]
    )


def test_rationales_of_one_mind_are_coherent() -> None:
    """Experts who say like things of a question, and other things of others, have coherence above its baseline of nothing."""
    generator = np.random.default_rng(0)
    topics = generator.normal(size=(60, 1, 16))
    told = rationales(list(topics + 0.5 * generator.normal(size=(60, 8, 16))))
    score = scores(run(60), told=told)["embeddingCoherence"]
    assert score.interval is not None
    assert score.interval.low > 0.5


def test_older_names_stand_beside_what_is_measured() -> None:
    """Consciousness, integration and coherence are shown as the scores that the catalogue says."""
    shown = shown_as(report(run(50), resamples=FEW))
    assert {older: score.name for older, score in shown.items()} == ALIASES
    assert ALIASES == {"coherence": "agreement", "integration": "ensembleGain", "consciousness": "metacognition"}


def test_replies_become_scores() -> None:
    """What experts wrote, keyed together with the label, is all that agreement, accuracy and gain are made of."""
    written = [
        ("Answer: 1,000", "1000.", "**Answer:** 7"),
        ("Answer: Paris", "paris", "The answer is Paris."),
        ("no", "Answer: yes", "No."),
    ]
    items: list[Answered] = []
    for replies, label in zip(written, ("1000", "Paris", "yes"), strict=True):
        *answers, right = keyed([*replies, label])
        vote = plurality(answers).answer
        items.append(Answered(taken=vote, answers=answers, vote=vote, greedy=answers[0], label=right))
    found = scores(items)
    assert found["agreement"].value == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert found["accuracy"].value == pytest.approx(2 / 3)
    assert found["ensembleGain"].parts == {"vote": pytest.approx(2 / 3), "greedy": pytest.approx(2 / 3)}
    assert found["accuracy"].interval is None
