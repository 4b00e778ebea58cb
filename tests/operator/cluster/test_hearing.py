"""How the operator hears the workers of all runs, whatever becomes of the service and its certificate."""

import asyncio
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
from tandem_operator.cluster.news.hearing import Hearing
from tandem_operator.cluster.settings import Settings
from tandem_rpc import ClientTls
from tandem_telemetry.client import Reporter

from tests.operator.cluster.clients import until
from tests.parts.running import free_port, running
from tests.protos.authority import Authority, authority, needs_openssl

pytestmark = needs_openssl
KEY = ("team", "r")


@contextmanager
def service(folder: Path, address: str, known_by: Authority) -> Generator[None]:
    """A telemetry service at an address, which shows a certificate of this authority."""
    certificate, key = known_by.issue("telemetry")
    (folder / "token").write_text("sesame")
    ready = folder / "address.json"
    ready.unlink(missing_ok=True)
    told = {"LISTEN": address, "TOKEN_FILE": folder / "token", "ADDRESS_FILE": ready, "TLS_CERT": certificate, "TLS_KEY": key}
    environ = {**os.environ, **{f"TANDEM_TELEMETRY_{name}": str(value) for name, value in told.items()}}
    with running([sys.executable, "-m", "tandem_telemetry"], environ=environ, log=folder / "log", ready=ready.exists):
        yield


def report(folder: Path, address: str, known_by: Authority, step: int, saved: int = 0) -> None:
    """A worker says how far it is, and which step is saved."""
    said = WorkerReport(step=step)
    if saved:
        said.checkpoint.step = saved
    said.source.namespace, said.source.run, said.source.attempt = *KEY, 1
    said.at.FromSeconds(step)
    reporter = Reporter(address, folder / "token", tls=ClientTls(ca=known_by.certificate))
    reporter.report(said)
    assert reporter.close(60)


def test_a_new_certificate_is_believed_without_a_restart(tmp_path: Path) -> None:
    """The service comes back under another authority; once that has been exchanged, too, its workers are heard again."""
    old, new = authority(tmp_path / "old"), authority(tmp_path / "new")
    address, link = f"127.0.0.1:{free_port()}", tmp_path / "ca.crt"
    link.symlink_to(old.certificate)

    async def heard(hearing: Hearing, step: int) -> None:
        await until(f"step {step}", lambda: (told := hearing.newest(KEY)) is not None and told.step == step)

    async def story() -> None:
        settings = Settings(telemetry=address, telemetry_ca=link, token_file=tmp_path / "token")
        with service(tmp_path, address, old):
            hearing = Hearing(settings, lambda _: None, lambda _: None)
            report(tmp_path, address, old, 1)
            await heard(hearing, 1)
        with service(tmp_path, address, new):
            report(tmp_path, address, new, 2)
            link.unlink()
            await hearing.renew()
            link.symlink_to(new.certificate)
            await hearing.renew()
            await heard(hearing, 2)
            hearing.close()

    asyncio.run(story())


def test_what_a_run_has_reached_is_told_apart_from_mere_progress(tmp_path: Path) -> None:
    """Its first word, and each new checkpoint, once; steps and losses in between are progress."""
    ours, address = authority(tmp_path / "ours"), f"127.0.0.1:{free_port()}"
    told: list[str] = []

    async def story() -> None:
        settings = Settings(telemetry=address, telemetry_ca=ours.certificate, token_file=tmp_path / "token")
        hearing = Hearing(settings, lambda _: told.append("progressed"), lambda _: told.append("reached"))
        for step, saved in ((1, 0), (2, 0), (3, 2), (4, 2), (5, 5)):
            await asyncio.to_thread(report, tmp_path, address, ours, step, saved)
            await until(f"news of step {step}", lambda step=step: len(told) == step)
        hearing.close()

    with service(tmp_path, address, ours):
        asyncio.run(story())
    assert told == ["reached", "progressed", "reached", "progressed", "reached"]
