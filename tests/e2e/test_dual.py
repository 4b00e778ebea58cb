"""A pair of real language models answers real questions by one command, and whatever is killed on the way loses nothing."""

import asyncio
import csv
import json
import queue
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.e2e.home import PATIENCE_S, Home, kill, until
from tests.services.reasoning.coordination import saying
from tests.services.reasoning.lanes.wire_server import playing

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "manifests/examples"
QUESTIONS, MANY = 24, 100


def pair(home: Home, count: int = QUESTIONS) -> Path:
    """The example of the pair with its first `count` questions, in a file elsewhere."""
    told = yaml.safe_load((EXAMPLES / "pair.yaml").read_text())
    spec = told["spec"]
    spec["questions"] = {"source": str(EXAMPLES / spec["questions"]["source"]), "limit": count}
    for lane in spec["lanes"]:
        lane["engine"]["model"] = str(EXAMPLES / lane["engine"]["model"])
    path = home.path / "pair.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


def parts(home: Home, role: str) -> list[psutil.Process]:
    """The processes of a role that live."""
    folder = f"{home.folder('pair')}/workers/pair-{role}-"
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TANDEM_SCRATCH", "").startswith(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def answers(home: Home) -> list[dict[str, str]]:
    with (home.folder("pair") / "report" / "answers.csv").open(newline="") as table:
        return list(csv.DictReader(table))


def done(home: Home) -> int:
    status = home.folder("pair") / "status.json"
    return json.loads(status.read_text()).get("done", 0) if status.exists() else 0


def reaches(home: Home, count: int) -> Callable[[], bool]:
    return lambda: done(home) >= count


def test_a_killed_worker_coordinator_and_command_lose_no_question(home: Home) -> None:
    """All of them by kill -9 in the middle; the same command goes on, answers every question once, and reports what the pair did."""
    file = pair(home)
    first = home.start(file)
    until(reaches(home, 1))
    kill(parts(home, "worker-0")[:1])
    kill(parts(home, "coordinator"))
    time.sleep(1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    left = home.tandem("status", "pair")
    assert left.returncode == 0, left.stderr
    again = home.tandem("run", file, "--plain", timeout_s=1200)
    assert again.returncode == 0, again.stdout + again.stderr
    status = home.status("pair")
    assert (status["phase"], status["done"], status.get("failed", 0)) == ("Succeeded", QUESTIONS, 0)
    assert status["checkpoint"]["step"] == QUESTIONS, "the last snapshot is told of before its coordinator leaves"
    told = Counter(row["id"] for row in answers(home))
    assert (len(told), set(told.values())) == (QUESTIONS, {1})
    assert "report.html" in again.stdout
    assert (home.folder("pair") / "report" / "report.html").stat().st_size > 10_000
    assert not [process for role in ("engine", "coordinator", "worker") for process in parts(home, role)]
    for command in (["cost", "pair"], ["logs", "pair"], ["status"], ["report", "pair", "--save", str(home.path / "elsewhere")]):
        assert home.tandem(*command).returncode == 0, command


def test_ctrl_c_stops_and_the_same_command_goes_on(home: Home) -> None:
    """Exit code 3 for whoever pressed it and whoever watched; nothing lives, and what was answered stays answered."""
    file = pair(home, MANY)
    first = home.start(file)
    until(reaches(home, 1))
    engines = parts(home, "engine")
    for engine in engines:
        engine.suspend()  # or all could be answered before there is somebody who watches
    watching = home.start(file)
    until(lambda: "you are watching" in home.log())
    first.send_signal(signal.SIGINT)
    for engine in engines:
        engine.resume()
    assert first.wait(PATIENCE_S) == 3
    assert watching.wait(PATIENCE_S) == 3
    status = home.status("pair")
    assert (status["phase"], status["reason"]) == ("Suspended", "SuspendRequested")
    assert status["checkpoint"]["step"] == status["done"], "a run that rests tells where all its answers are kept"
    assert not parts(home, "engine")
    again = home.tandem("resume", "pair", "--plain", timeout_s=1200)
    assert again.returncode == 0, again.stdout + again.stderr
    assert home.status("pair")["done"] == MANY


@contextmanager
def provider() -> Iterator[str]:
    """The url of a server that says the same to whatever it is asked: what is asked at all is what the money decides."""
    urls: queue.SimpleQueue[str] = queue.SimpleQueue()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with playing() as played:
            played.answer = saying("Answer: so")
            urls.put(played.url)
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield urls.get(timeout=PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def paid(home: Home, url: str, texts: Sequence[str], **budget: Any) -> Path:
    """A file of a run that asks one paid lane all of it."""
    questions = [{"id": f"q{number}", "question": text} for number, text in enumerate(texts)]
    (home.path / "questions.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in questions))
    spec = {
        "questions": {"source": "questions.jsonl"},
        "lanes": [{"name": "cloud", "kind": "Cloud", "url": url, "model": "m", "price": {"usdPerMillionInputTokens": 1.0}}],
        "routing": {"policy": "Cloud"},
        "maxSteps": 1,
        "thinking": {"bare": True, "maxTokens": 16},
        "budget": budget,
    }
    told = {"apiVersion": "tandem.dev/v1alpha1", "kind": "DualRun", "metadata": {"name": "pair"}, "spec": spec}
    path = home.path / "paid.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


def test_a_question_that_was_too_dear_is_asked_again_with_a_larger_budget(home: Home) -> None:
    """It is given up alone and says why; then the run goes on with it and nothing else, and what ended well is not begun anew."""
    with provider() as url:
        texts = ["?" * (60_000 if number == 5 else 10) for number in range(12)]
        first = home.tandem("run", paid(home, url, texts, usd=0.05, onExhausted="Fail"), "--plain")
        assert (first.returncode, home.status("pair")["failed"]) == (1, 1), first.stdout + first.stderr
        (given_up,) = [row for row in answers(home) if not row["answer"]]
        assert (given_up["id"], "larger budget" in given_up["reason"]) == ("q5", True)
        idle = home.tandem("resume", "pair", "--plain")
        assert (idle.returncode, "has ended already" in idle.stdout) == (1, True)
        again = home.tandem("resume", "pair", "--budget-usd", "5", "--plain")
        assert again.returncode == 0, again.stdout + again.stderr
        status = home.status("pair")
        assert (status["phase"], status["reason"], status["done"], status.get("failed", 0)) == ("Succeeded", "AllQuestionsAnswered", 12, 0)
        over = home.tandem("resume", "pair", "--budget-usd", "9", "--plain")
        assert (over.returncode, "has ended already" in over.stdout) == (0, True)


@pytest.mark.parametrize(("then", "phase"), [("Suspend", "Suspended"), ("Fail", "Failed")])
def test_a_run_that_stopped_at_its_budget_goes_on_with_a_larger_one(home: Home, then: str, phase: str) -> None:
    """And not without: nothing is started for nothing, and it is said what it takes."""
    with provider() as url:
        file = paid(home, url, [f"What is {number}?" for number in range(200)], usd=0.005, onExhausted=then)
        first = home.tandem("run", file, "--plain")
        status = home.status("pair")
        assert (status["phase"], status["reason"]) == (phase, "BudgetExhausted"), first.stdout + first.stderr
        assert 0 < status["done"] < 200
        for more in ([], ["--budget-usd", "0.005"]):
            idle = home.tandem("resume", "pair", *more, "--plain")
            assert (idle.returncode, idle.stdout, idle.stderr.count("\n")) == (2, "", 1)
            assert "--budget-usd: the budget of $0.0050 is spent, for another call may cost more than the " in idle.stderr
        proposed = idle.stderr.rpartition("give more, such as ")[2].strip()
        more = home.tandem("resume", "pair", "--budget-usd", proposed, "--plain")
        assert (more.returncode in {1, 3}, home.status("pair")["done"] > status["done"]) == (True, True), more.stdout + more.stderr
        again = home.tandem("resume", "pair", "--budget-usd", "5", "--plain")
        assert (again.returncode, home.status("pair")["done"]) == (0, 200), again.stdout + again.stderr


def test_the_examples_can_be_planned_anywhere(home: Home) -> None:
    """Parts and the most that they come to are printed; nothing is started, no key is shown."""
    for name, count in (("pair", 240), ("philosophy", 228)):
        planned = home.tandem("plan", EXAMPLES / f"{name}.yaml", "-o", "json")
        assert planned.returncode == 0, planned.stdout + planned.stderr
        told = json.loads(planned.stdout)
        assert told["estimate"]["questions"] == count
        assert {part["name"].removeprefix(f"{name}-") for part in told["parts"]} >= {"engine-0-1", "coordinator-0-1", "worker-1-1"}
    assert not (home.path / "state" / "runs").exists()


def test_a_key_that_is_not_set_is_told_before_anything_starts(home: Home) -> None:
    """The field, the variable, and what to do."""
    told = yaml.safe_load(pair(home).read_text())
    told["spec"]["lanes"][1] |= {"engine": None, "url": "http://127.0.0.1:9/v1", "model": "m", "apiKeyVariable": "NO_SUCH_KEY_HERE"}
    del told["spec"]["lanes"][1]["engine"]
    (home.path / "keyed.yaml").write_text(yaml.safe_dump(told))
    ran = home.tandem("run", home.path / "keyed.yaml")
    assert ran.returncode == 2
    assert "spec.lanes[1].apiKeyVariable: NO_SUCH_KEY_HERE is not set: export it, or correct the name" in ran.stderr
