"""Runs that come, are done and are deleted, at a steady rate."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.operator.load import Load, run

NAMESPACE = "churn"
_GROUP, _KIND = "/apis/tandem.dev/v1alpha1", "trainingruns"
_TICK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many runs come a second, how long each runs and then stays, and how long telemetry remembers those that are gone."""

    a_second: float = 1.0
    runs_s: float = 20.0
    stays_s: float = 5.0
    remembered_s: float = 30.0


class Coming:
    """The runs that are there.

    Attributes:
        uids: Whose they are, by name; changes while they come and go.
    """

    def __init__(self, pace: Pace) -> None:
        """None are there yet."""
        self._pace = pace
        self._since: dict[tuple[str, str], float] = {}
        self.uids: dict[str, str] = {}

    async def come(self, kubeconfig: Path, prefix: str, lasts_s: float) -> int:
        """Runs come and go for so long, and then the last of them go. How many there were."""
        load = await Load.begin(kubeconfig, NAMESPACE)
        began, made = time.monotonic(), 0
        while (past_s := time.monotonic() - began) < lasts_s or self.uids:
            due = int(min(past_s, lasts_s) * self._pace.a_second) + 1
            for number in range(made, due):
                await load.create_one(_GROUP, run, f"{prefix}-{number}")
            made = due
            await self._go(load)
            await asyncio.sleep(_TICK_S)
        await load.end()
        return made

    async def _go(self, load: Load) -> None:
        """End the workers of runs that have run for long enough, and delete the runs that have been done for long enough."""
        found, now = await load.found(_GROUP, _KIND), time.monotonic()
        uids = {each["metadata"]["name"]: each["metadata"]["uid"] for each in found}
        for gone in self.uids.keys() - uids.keys():
            del self.uids[gone]
        self.uids.update(uids)
        self._since = {key: since for key, since in self._since.items() if key[0] in uids}
        for each in found:
            name, phase = each["metadata"]["name"], each.get("status", {}).get("phase", "")
            past_s = now - self._since.setdefault((name, phase), now)
            if phase == "Running" and past_s >= self._pace.runs_s:
                await load.end_pod(f"{name}-1-0")
            elif phase in {"Succeeded", "Failed"} and past_s >= self._pace.stays_s:
                await load.delete(_GROUP, _KIND, name)
