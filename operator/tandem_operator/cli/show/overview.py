"""What is about to be done, in a few lines, before it is done."""

from decimal import Decimal

from tandem_operator.api.dollars import dollars
from tandem_operator.api.trainer import Precision
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state.run_folder import RunFolder
from tandem_operator.plan import experts
from tandem_operator.plan.policies.budget import without_a_price
from tandem_operator.plan.preview import Preview, preview
from tandem_operator.plan.values import HERE

from . import words

_OF_ITSELF_S = 60  # how often trainers save when no rhythm is asked for (tandem_trainer.rank.cadence)


def lines(run: TrainingRun, folder: RunFolder, *, bfloat16: bool) -> list[str]:
    """The plan for a run, for people; `bfloat16` is whether the processor here has instructions for that."""
    planned = preview(run, hours=Decimal(1))
    slow = [] if bfloat16 else _slow(run)
    return [_what(run, planned), *slow, *_experts(run), _kept(run, folder), *_money(run, planned), *_onward(run)]


def _what(run: TrainingRun, planned: Preview) -> str:
    phases = ", ".join(f"{phase.name} {phase.steps:,}" for phase in planned.phases)
    ranks = run.spec.workers * run.spec.ranks_per_worker
    by = f"trainer {run.spec.trainer.kind}, {ranks} rank{'' if ranks == 1 else 's'}"
    # What a script learns from at a step is its own affair, and the length of its steps in tokens is not known here.
    tokens = "" if run.spec.trainer.script else f"{planned.tokens:,} tokens, "
    return f"{run.name}: {planned.steps:,} steps ({phases}), {tokens}{by}"


def _slow(run: TrainingRun) -> list[str]:
    deepspeed = run.spec.trainer.deepspeed
    if deepspeed is None or deepspeed.precision is not Precision.BF16 or run.spec.gpus_per_worker:
        return []
    why = "this processor has no instructions for it, and multiplies some tens of times slower than in fp32"
    return [f"warning: trainer.deepspeed.precision bf16: {why}; say fp32"]


def _experts(run: TrainingRun) -> list[str]:
    where = experts.place(run)
    if where is None:
        return []
    lie = f"{where.count:,} experts lie {'on a disk' if where.on_disk else 'in host memory'}"
    way = f"; {words.size(where.host_bytes)} of host memory for those on their way" if where.on_disk else ""
    return [f"{lie}: {words.size(where.bytes)}, two checkpoints under way included{way}"]


def _kept(run: TrainingRun, folder: RunFolder) -> str:
    spec = run.spec.checkpoint
    every = [f"{spec.every_steps} steps"] if spec.every_steps else []
    every += [f"{spec.every_seconds} s"] if spec.every_seconds else []
    rhythm = f"every {' or '.join(every)}" if every else f"every {_OF_ITSELF_S} s and at the end of each phase"
    return f"checkpoints {rhythm} in {spec.uri or folder.checkpoints}, the last {spec.keep_last} are kept"


def _money(run: TrainingRun, planned: Preview) -> list[str]:
    if planned.usd_per_hour is None:
        return [] if run.spec.budget.usd is None else [f"warning: {without_a_price(HERE)}"]
    lasts = f", enough for {words.length(planned.budget_lasts.total_seconds())}" if planned.budget_lasts is not None else ""
    left = f"; {dollars(planned.budget_left_usd)} left{lasts}" if planned.budget_left_usd is not None else ""
    return [f"{dollars(planned.usd_per_hour)} an hour{left}"]


def _onward(run: TrainingRun) -> list[str]:
    status = run.status
    if not status.attempt:
        return []
    if not status.phase.resting:
        return [f"attempt {status.attempt} is under way, at step {status.step}"]
    kept = f"the checkpoint of step {status.checkpoint.step}" if status.checkpoint else "the beginning"
    return [f"going on from {kept}"]
