"""Draws of items: the same everywhere, and uniform."""

from tandem_reasoning.routing.draws import held_out, uniform


def test_a_draw_is_known_for_good() -> None:
    """A run that is taken up by another version keeps its hold-out."""
    assert uniform("run", "q1", "route") == 0.7915532149417984


def test_draws_are_uniform_and_have_nothing_to_do_with_each_other() -> None:
    """Ten thousand items fall evenly into ten parts; route and hold-out of an item are not alike."""
    items = [f"q{number}" for number in range(10_000)]
    parts = [int(uniform("run", item, "route") * 10) for item in items]
    assert all(880 <= parts.count(part) <= 1120 for part in range(10))
    both = sum(uniform("run", item, "route") < 0.5 and uniform("run", item, "hold-out") < 0.5 for item in items)
    assert 2300 <= both <= 2700


def test_a_twentieth_is_held_out() -> None:
    """Another run holds out other items; a share of nothing holds out none."""
    items = [f"q{number}" for number in range(10_000)]
    held = {item for item in items if held_out("run", item)}
    assert 430 <= len(held) <= 570
    assert len(held & {item for item in items if held_out("other", item)}) < 60
    assert not any(held_out("run", item, share=0.0) for item in items)
    assert all(held_out("run", item, share=1.0) for item in items)
