"""What one round teaches and what it keeps back."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.distilling.buffer import rehearsed
from tandem_reasoning.distilling.canary import SHARE, kept_back
from tandem_reasoning.distilling.rows import rows
from tandem_reasoning.distilling.samples import Sample, Use
from tandem_reasoning.thinking.prompts import Expert, Shared, prompt
from tandem_reasoning.values import Question

from tests.services.reasoning.distilling.books import JOB, question

KNOWN = st.lists(
    st.builds(
        lambda name, kind: Sample(question=question(name, kind=kind), reply="yes", use=Use.REHEARSAL),
        st.text(max_size=3),
        st.sampled_from("abc"),
    ),
    max_size=20,
    unique_by=lambda each: each.question.id,
)


@given(KNOWN, st.integers(0, 60), st.randoms())
def test_classes_take_turns_in_rehearsal(known: list[Sample], count: int, random: object) -> None:
    """As many as are asked, of each class as many as of any other give or take one, and no order of coming up matters."""
    found = rehearsed(known, count)
    assert len(found) == (count if known else 0)
    kinds = Counter(each.question.kind for each in found)
    if count >= 3:
        assert max(kinds.values(), default=0) - min((kinds[each.question.kind] for each in known), default=0) <= 1
    shuffled = list(known)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert rehearsed(shuffled, count) == found


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
