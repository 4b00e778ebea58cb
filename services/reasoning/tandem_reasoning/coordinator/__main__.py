"""The process of a coordinator: `python -m tandem_reasoning.coordinator`, settings in TANDEM_COORDINATOR_* (see settings.py)."""

import logging
import os
import sys
from collections.abc import Iterable

from pydantic import ValidationError
from tandem_objects import InvalidAddress
from tandem_rpc import RpcSetupError
from tandem_rpc.errors import UnboundError
from tandem_rpc.process import last_word

from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.process import run
from tandem_reasoning.coordinator.settings import Settings
from tandem_reasoning.ledger import FullError, InUseError, LedgerError
from tandem_reasoning.questions.line import Fields
from tandem_reasoning.questions.mistakes import QuestionsError
from tandem_reasoning.questions.reading import questions

_UNUSABLE = 93  # as with trainers: do not start it again, what it was given is wrong, or another one has the run
_TROUBLE = 1  # start it again after a while: a full disk, a store that is away, and a port or books in use may pass
_PASSING = (UnboundError, FullError, InUseError)
_SPEAKING = "TANDEM_COORDINATOR_LISTEN, _TOKEN_FILE, _TLS_CERT, _TLS_KEY, _PLAINTEXT"  # what says how it is spoken to


def main() -> int:
    """Coordinate until asked to stop; 0 then, 93 when it is never to be started again, 1 for trouble that may pass."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] - the environment says what is not given here
        fields = Fields(id=settings.id_field, question=settings.question_field, answer=settings.answer_field, kind=settings.kind_field)
        asked = tuple(questions(settings.questions, os.environ, fields=fields, limit=settings.limit))
        run(settings, Job.model_validate_json(settings.job.read_bytes()), asked)
    except ValidationError as error:
        return _said(f"{error.title}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    except QuestionsError as error:
        return _said(error.mistakes)
    except _PASSING as error:
        return _said([str(error)], _TROUBLE)
    except RpcSetupError as error:
        return _said([f"{_SPEAKING}: {error}"])
    except (LedgerError, InvalidAddress) as error:
        return _said([str(error)])
    return last_word.said(os.environ, 0)


def _said(lines: Iterable[str], code: int = _UNUSABLE) -> int:
    """Say each on a line of its own and, where they are several, all of them on the last: that one is shown to whoever asks for the run."""
    told = tuple(lines)
    for line in (*told, "; ".join(told)) if len(told) > 1 else told:
        sys.stderr.write(f"tandem-reasoning coordinator: {line}\n")
    return last_word.said(os.environ, code, "; ".join(told))


if __name__ == "__main__":
    sys.exit(main())
