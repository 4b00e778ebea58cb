"""What an answered question teaches, as a ledger has it."""

from contextlib import closing

import pytest
from tandem_reasoning.distilling.canary import Basis, Kept, kept
from tandem_reasoning.distilling.samples import Sample, Use, habit, sample
from tandem_reasoning.ledger import Review
from tandem_reasoning.report.line import line
from tandem_reasoning.report.sides import of_job

from tests.services.reasoning.distilling.books import CASCADE, COMPARE, JOB, LONE, SENT, Books, question

SIDES = of_job("pair", [each.lane for each in JOB.lanes])


def taught(books: Books) -> Sample | None:
    """What the only question of the books teaches."""
    with closing(Review(books.path)) as review:
        (only,) = review.questions()
    return sample(line(only), SIDES)


def judged(books: Books) -> Kept | None:
    """How the only question of the books would judge a model."""
    with closing(Review(books.path)) as review:
        (only,) = review.questions()
    return kept(line(only), SIDES)


@pytest.mark.parametrize("label", [None, "yes"])
def test_what_the_cloud_had_to_answer_is_a_lesson(books: Books, label: str | None) -> None:
    """A question that was handed on teaches the cloud lane's whole reply, word for word."""
    books.answered(question("q", label), CASCADE, votes=("no", "yes"), cloud="It must be.\nAnswer: yes")
    found = taught(books)
    assert found is not None
    assert (found.use, found.reply) == (Use.LESSON, "It must be.\nAnswer: yes")


def test_what_was_sent_to_the_cloud_at_once_is_a_lesson(books: Books) -> None:
    """Nobody asked the local experts, because they were not trusted with it."""
    books.answered(question("q"), SENT, cloud="yes")
    found = taught(books)
    assert found is not None
    assert found.use is Use.LESSON


@pytest.mark.parametrize(("votes", "use", "reply"), [(("no", "no"), Use.LESSON, "yes."), (("Yes", "Yes"), Use.REHEARSAL, "Yes")])
def test_where_both_were_asked_their_agreement_decides(books: Books, votes: tuple[str, str], use: Use, reply: str) -> None:
    """What both say is rehearsed in the local model's own words; what they differ on is taught in the cloud lane's."""
    books.answered(question("q"), COMPARE, votes=votes, greedy=votes[0], cloud="yes.")
    found = taught(books)
    assert found is not None
    assert (found.use, found.reply) == (use, reply)


def test_a_wrong_answer_of_the_cloud_is_not_taught(books: Books) -> None:
    """Where the right answer is known, the cloud lane's does not stand for it."""
    books.answered(question("q", "maybe"), CASCADE, votes=("no", "yes"), cloud="yes")
    assert taught(books) is None
    assert judged(books) is None


def test_right_local_answers_are_rehearsed_against_a_wrong_cloud(books: Books) -> None:
    """By the label the local model knows better, and must not unlearn it."""
    books.answered(question("q", "yes"), COMPARE, votes=("Yes", "Yes"), greedy="yes", cloud="no")
    found = taught(books)
    assert found is not None
    assert (found.use, found.reply) == (Use.REHEARSAL, "Yes")


@pytest.mark.parametrize(("votes", "choice", "known"), [(("yes", "yes"), CASCADE, True), (("yes",), CASCADE, False), ((), LONE, False)])
def test_a_local_answer_is_only_trusted_when_several_experts_agree(
    books: Books, votes: tuple[str, ...], choice: str, *, known: bool
) -> None:
    """One voice alone vouches for nothing, neither to rehearse by nor to judge by."""
    books.answered(question("q"), choice, votes=votes, greedy=None if votes else "yes")
    assert (taught(books) is not None) == known
    assert (judged(books) is not None) == known


def test_what_was_recalled_is_not_taught(books: Books) -> None:
    """A model would learn to say, without it, what it was only told."""
    books.answered(question("q", "yes"), CASCADE, votes=("no", "yes"), cloud="yes", shown=True)
    assert taught(books) is None
    assert judged(books) is None


def test_who_says_what_is_right(books: Books) -> None:
    """The label before all else, and it stays the question's answer."""
    books.answered(question("q", "yes"), CASCADE, votes=("no", "no"), cloud="Answer: yes")
    found = judged(books)
    assert found is not None
    assert (found.basis, found.question.answer) == (Basis.LABEL, "yes")


@pytest.mark.parametrize(
    ("cloud", "basis", "answer"), [("I see.\nAnswer: It is so.", Basis.CLOUD, "It is so."), (None, Basis.AGREEMENT, "yes")]
)
def test_without_labels_lanes_say_what_is_right(books: Books, cloud: str | None, basis: Basis, answer: str) -> None:
    """The cloud lane's final answer where there is one; else that of all local experts."""
    books.answered(question("q"), CASCADE, votes=("yes", "yes" if cloud is None else "no"), cloud=cloud)
    found = judged(books)
    assert found is not None
    assert (found.basis, found.question.answer) == (basis, answer)


def test_a_habit_is_what_the_local_model_said_to_each_prompt(books: Books) -> None:
    """Right or wrong, word for word, and nothing of the cloud lane's."""
    books.answered(question("q", "maybe"), COMPARE, votes=("No.", "yes"), greedy="No", cloud="yes")
    with closing(Review(books.path)) as review:
        (only,) = review.questions()
    found = habit(line(only), SIDES)
    assert found is not None
    assert (found.use, found.replies) == (Use.HABIT, {"alone": "No", "first": "No.", "second": "yes"})


@pytest.mark.parametrize(("choice", "votes", "shown"), [(SENT, (), False), (CASCADE, ("no", "yes"), True)])
def test_no_habit_without_an_answer_of_its_own(books: Books, choice: str, votes: tuple[str, ...], *, shown: bool) -> None:
    """Where only the cloud lane was asked, or what was recalled was in sight, nothing is known of what the model says by itself."""
    books.answered(question("q"), choice, votes=votes, cloud="yes", shown=shown)
    with closing(Review(books.path)) as review:
        (only,) = review.questions()
    assert habit(line(only), SIDES) is None
