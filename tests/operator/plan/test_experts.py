"""Whether the experts of a run can be had where they are to be."""

from typing import Any

import pytest
from tandem_operator.plan.acceptance import Place, problems
from tandem_operator.plan.experts import Lying, host_bytes, place

from .world import run_of

PLACE = Place(checkpoint_uri="s3://bucket/runs", trainer_image="trainer:1")
NEEDED = 64 * 2 * 64 * 128 * 4 * 3  # experts, matrices, numbers, bytes, copies: 12 MiB
TOO_FEW = "is less than the 12,582,912 bytes that 64 experts need, two checkpoints under way included: write 12Mi or more, or take fewer"

POD_TOO_SMALL = (
    "is less than the 549,453,824 bytes that 64 experts need, two checkpoints under way included, "
    "with 512 MiB for the program itself: write 524Mi or more, or take fewer"
)


def spec(**told: Any) -> dict[str, Any]:
    """64 small experts, each alone in a slot."""
    memory = {"expertsPerSlot": 1} | {field: told.pop(field) for field in ("host", "disk", "hotSlots") if field in told}
    sizes = {"model": {"width": 64, "heads": 2}, "mixture": {"count": 64, "innerWidth": 128}}
    return {"trainer": {"experts": {**sizes, "memory": memory}}, **told}


def test_what_fits_to_the_byte_is_accepted() -> None:
    """Declared or asked for, or neither: then the trainer asks the machine."""
    assert host_bytes(run_of(**spec()).spec.trainer.experts) == NEEDED  # type: ignore[arg-type]
    for told in ({}, {"host": NEEDED}, {"pod": {"memory": "524Mi"}}, {"host": "12Mi", "pod": {"memory": "2Gi"}}):
        assert problems(run_of(**spec(**told)), PLACE) == ()


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ({"host": NEEDED - 1}, [f'spec.trainer.experts.memory.host: "12582911", 12,582,911 bytes, {TOO_FEW}']),
        ({"pod": {"memory": "523Mi"}}, [f'spec.pod.memory: "523Mi", 548,405,248 bytes, {POD_TOO_SMALL}']),
        ({"host": "1Mi", "pod": {"memory": "2M"}}, ["spec.trainer.experts.memory.host: ", 'spec.pod.memory: "2M", 2,000,000 bytes']),
    ],
)
def test_what_does_not_fit_is_a_line_with_both_numbers(told: dict[str, Any], lines: list[str]) -> None:
    """Field, what it says, what is needed, and what to write instead."""
    found = problems(run_of(**spec(**told)), PLACE)
    assert len(found) == len(lines)
    assert all(line.startswith(begins) for line, begins in zip(found, lines, strict=True))


ON_DISK = "is less than the 12,582,912 bytes that 64 experts need, two checkpoints under way included: write 12Mi or more, or take fewer or"
ON_THE_WAY = "is less than the 524,288 bytes that experts need on their way to and from the disk: write 1Mi or more, or take fewer slots"


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ({"disk": NEEDED, "host": "1Mi", "pod": {"memory": "513Mi"}}, []),
        ({"disk": NEEDED - 1}, [f'spec.trainer.experts.memory.disk: "12582911", 12,582,911 bytes, {ON_DISK}']),
        ({"disk": "1Gi", "host": 524287, "hotSlots": 1}, [f'spec.trainer.experts.memory.host: "524287", 524,287 bytes, {ON_THE_WAY}']),
        ({"disk": "1Mi", "hotSlots": 9, "pod": {"memory": "1Mi"}}, ["spec.trainer.experts.memory.disk: ", "spec.pod.memory: "]),
        ({"host": "1Mi"}, ['spec.trainer.experts.memory.host: "1Mi", 1,048,576 bytes, ' + TOO_FEW]),
    ],
)
def test_with_a_disk_memory_is_for_those_on_their_way(told: dict[str, Any], lines: list[str]) -> None:
    """Each place is asked for what lies there; neither takes what the other refuses. Without one, a line names it as a way out."""
    found = problems(run_of(**spec(**told)), PLACE)
    assert [line for line, begins in zip(found, lines, strict=True) if not line.startswith(begins)] == []


def test_where_experts_lie_is_told() -> None:
    """With what they take there, and of host memory."""
    row = 2 * 64 * 128 * 4
    assert place(run_of(**spec())) == Lying(count=64, on_disk=False, bytes=NEEDED, host_bytes=NEEDED)
    assert place(run_of(**spec(disk="1Gi"))) == Lying(count=64, on_disk=True, bytes=NEEDED, host_bytes=2 * 3 * row)
    assert place(run_of()) is None


@pytest.mark.parametrize(("inner", "together"), [(32, 32), (33, 31), (512, 2), (513, 1), (2000, 1)])
def test_small_experts_share_a_slot_if_nobody_says_otherwise(inner: int, together: int) -> None:
    """As many as have 65,536 numbers in a matrix together, and no more than 32."""
    told = spec(disk="1Gi")
    experts = told["trainer"]["experts"]
    experts["memory"].pop("expertsPerSlot")
    experts["mixture"]["innerWidth"] = inner
    assert host_bytes(run_of(**told).spec.trainer.experts) == 2 * 3 * together * 2 * 64 * inner * 4  # type: ignore[arg-type]


def test_a_run_that_has_begun_is_not_held_back() -> None:
    """It trains by what it was told, and its trainer looks again at each start."""
    run = run_of(**spec(host="1Mi"))
    assert problems(run, PLACE)
    assert problems(run.model_copy(update={"status": run.status.model_copy(update={"attempt": 1})}), PLACE) == ()
