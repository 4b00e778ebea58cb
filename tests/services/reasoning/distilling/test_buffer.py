"""What one round teaches and what it keeps back."""

from collections import Counter
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.distilling.buffer import Buffer, filled, rehearsed
from tandem_reasoning.distilling.canary import SHARE, kept_back
from tandem_reasoning.distilling.rows import rows
from tandem_reasoning.distilling.samples import Sample, Use
from tandem_reasoning.ledger import Review
from tandem_reasoning.report.line import line
from tandem_reasoning.report.sides import of_job
from tandem_reasoning.thinking.prompts import Expert, Shared, prompt
from tandem_reasoning.values import Question

from tests.services.reasoning.distilling.books import CASCADE, JOB, Books, question

KNOWN = st.lists(
    st.builds(
        lambda name, kind: Sample(question=question(name, kind=kind), reply="yes", use=Use.REHEARSAL),
        st.text(max_size=3),
        st.sampled_from("abc"),
    ),
    max_size=20,
    unique_by=lambda each: each.question.id,
)


def asked_of(kind: str) -> list[Question]:
    """More questions of a class."""
    return [question(f"other {kind} {number}", "yes", kind=kind) for number in range(20)]


def buffer_of(books: Books) -> Buffer:
    """What the books teach."""
    with closing(Review(books.path)) as review:
        return filled(map(line, review.questions()), of_job(JOB.name, [each.lane for each in JOB.lanes]))


@given(KNOWN, st.integers(0, 60), st.randoms())
def test_all_that_is_known_is_rehearsed_as_often(known: list[Sample], count: int, random: object) -> None:
    """As many as are asked, each question as often as any other give or take once, and no order of coming up matters."""
    found = rehearsed(known, count)
    assert len(found) == (count if known else 0)
    often = Counter(each.question.id for each in found)
    assert max(often.values(), default=0) - min((often[each.question.id] for each in known), default=0) <= 1
    shuffled = list(known)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert rehearsed(shuffled, count) == found


@given(KNOWN, st.integers(0, 20))
def test_classes_take_turns_until_they_have_no_more(known: list[Sample], count: int) -> None:
    """Where not all fit in, a class has fewer than another one only when all it has is there."""
    found = rehearsed(known, min(count, len(known)))
    kinds, there = Counter(each.question.kind for each in found), Counter(each.question.kind for each in known)
    least = min((kinds[kind] for kind in there if kinds[kind] < there[kind]), default=len(found))
    assert max(kinds.values(), default=0) <= least + 1


@pytest.mark.parametrize(("wrong", "taught"), [(9, 12), (12, 12), (13, 0)])
def test_what_the_cloud_does_not_know_either_is_not_taught(books: Books, wrong: int, taught: int) -> None:
    """Of a class of which it has more wrong than right, not even what is right is a lesson; other classes are taught as ever."""
    asked = [question(f"q{number}", "yes", kind="luck") for number in range(200)]
    asked = [each for each in asked if not kept_back(each)][: 12 + wrong]
    for number, each in enumerate(asked):
        books.answered(each, CASCADE, votes=("no", "yes"), cloud="yes" if number < 12 else "no")
    sure = next(each for number in range(9) if not kept_back(each := question(f"sure {number}", "yes", kind="sure")))
    books.answered(sure, CASCADE, votes=("no", "yes"), cloud="yes")
    buffer = buffer_of(books)
    assert Counter(each.question.kind for each in buffer.lessons) == Counter({"luck": taught, "sure": 1})
    assert buffer.unknown == (() if taught else ("luck",))


@pytest.mark.parametrize(("known", "kept_up"), [(True, {"easy", "odd"}), (False, set[str]())])
def test_habits_of_classes_that_are_not_taught_are_kept_up(books: Books, *, known: bool, kept_up: set[str]) -> None:
    """Right or wrong; but not where something is taught, and not where nothing at all is known to rehearse."""
    for kind, votes, cloud in (("hard", ("no", "yes"), "yes"), ("odd", ("no", "no"), "no"), ("easy", ("yes", "yes"), None)):
        asked = [question(f"{kind} {number}", "yes", kind=kind) for number in range(60)]
        for each in asked if known or kind != "easy" else ():
            books.answered(each, CASCADE, votes=votes, cloud=cloud)
    books.answered(next(each for each in asked_of("hard") if not kept_back(each)), CASCADE, votes=("no", "no"), cloud="no")
    buffer = buffer_of(books)
    assert {each.question.kind for each in buffer.lessons} == {"hard"}
    assert {each.question.kind for each in buffer.rehearsals} == kept_up


def test_habits_are_asked_only_as_they_were() -> None:
    """One row for each prompt that the model answered, with the answer that it gave to that one."""
    told = list(rows([Sample(question=question("q"), reply="", use=Use.HABIT, replies={"second": "No."})], JOB))
    (row,) = told
    assert "Be second." in str(row["messages"][:-1])
    assert row["messages"][-1] == {"role": "assistant", "content": "No."}


@given(st.lists(st.text(min_size=1), min_size=1))
def test_the_same_question_is_always_kept_back_or_never(texts: list[str]) -> None:
    """Its text decides, whatever it is called and however it is spelt, in every run."""
    for text in texts:
        first, second = Question(id="1", text=text), Question(id="2", text=f" {text} ", answer="a", kind="k")
        assert kept_back(first) == kept_back(second)


def test_about_the_share_that_is_said_is_kept_back() -> None:
    """One in five, of many questions."""
    back = sum(kept_back(question(f"q{number}")) for number in range(5000))
    assert abs(back / 5000 - SHARE) < 0.02


def test_rows_are_the_prompts_of_the_lane() -> None:
    """One for the single call and one for each expert, to the letter as the lane would be asked, the reply last."""
    asked = question("q", "secret")
    told = list(rows([Sample(question=asked, reply="Answer: 42", use=Use.LESSON)], JOB))
    experts = [Expert(name="alone"), *(Expert(name=each.name, role=each.role) for each in JOB.experts)]
    assert len(told) == len(experts)
    for row, expert in zip(told, experts, strict=True):
        wanted = prompt(Shared(question=asked), expert, max_tokens=1)
        assert row["messages"][:-1] == [{"role": each.role, "content": each.content} for each in wanted.messages]
        assert row["messages"][-1] == {"role": "assistant", "content": "Answer: 42"}
    assert "secret" not in str(told)
