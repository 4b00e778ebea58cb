"""What is said here of a run that somebody hands in."""

from typing import Any

from tandem_operator.api.reading.run_file import SpecError, from_object


def run_with(spec: dict[str, Any], name: str = "a") -> dict[str, Any]:
    """A TrainingRun as people write it."""
    return {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": name}, "spec": spec}


def problems(run: dict[str, Any]) -> tuple[str, ...]:
    try:
        from_object(run)
    except SpecError as error:
        return error.problems
    return ()
