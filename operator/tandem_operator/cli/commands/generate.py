"""`tandem generate`: see what a run has learned to write."""

from typing import Annotated

import typer

from .options import RunName


def generate(
    name: RunName,
    *,
    prompt: Annotated[str, typer.Option("-p", "--prompt", help="How the text begins; a new document when left out.")] = "",
    tokens: Annotated[int, typer.Option("-n", "--tokens", min=1, help="Write so many tokens at most.")] = 200,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0, help="0 takes the likeliest token each time.")] = 0.8,
    top: Annotated[int, typer.Option(min=0, help="Draw from so many of the likeliest tokens; 0 for all.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the draws: the same seed writes the same text.")] = 0,
) -> None:
    """Write text with the newest checkpoint of RUN, which trains, or has trained, experts.

    All experts are read into host memory or, where they lie on a disk while they learn, onto that of TMPDIR; each token brings those
    that it is sent to onto the device, into the slots that the run's `memory` names. So device memory does not depend on the number
    of experts here either. The text goes to standard output; what it took, to standard error. The run need not rest.
    """
    from tandem_operator.cli import runs
    from tandem_operator.cli.exits import Exit, leave
    from tandem_operator.local import generating
    from tandem_operator.local.process.trainer_python import NoTrainerError
    from tandem_operator.plan.policies.restart import DO_NOT_RESTART

    folder = runs.training(name, "text of its own")
    kind = folder.wanted().spec.trainer.kind
    if kind != "experts":
        leave(Exit.BAD_INPUT, f"{name}: has trainer {kind}, whose models are served elsewhere: name a run with trainer experts")
    try:
        code = generating.generate(folder, generating.Asked(prompt=prompt, tokens=tokens, temperature=temperature, top=top, seed=seed))
    except NoTrainerError as error:
        leave(Exit.BAD_INPUT, str(error))
    raise typer.Exit({DO_NOT_RESTART: Exit.BAD_INPUT, 130: Exit.DETACHED}.get(code, Exit.FAILED if code else Exit.DONE))
