"""pytest plugin: what needed a second try (`pytest --reruns 1`, pytest-rerunfailures) is told, and is bounded.

Real clusters, stores and trainers share two cores here, and one start among thousands takes longer than anybody foresaw. Such a test is
tried once more, so that it does not bury what all others say; but it is told in full, because it may as well be a race of ours.
"""

import pytest

_AT_MOST = 3  # more are no accident


class _Tries:
    """Keeps every first try that failed."""

    def __init__(self) -> None:
        self._failed: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome == "rerun":  # pyright: ignore[reportUnnecessaryComparison] -- what pytest-rerunfailures makes of it
            self._failed.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if len(self._failed) > _AT_MOST and not hasattr(session.config, "workerinput"):  # a process with a part of the tests does not judge
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for report in self._failed:
            terminalreporter.section(f"first try of {report.nodeid}", sep="_", yellow=True)
            terminalreporter.line(report.longreprtext)
        if len(self._failed) > _AT_MOST:
            terminalreporter.line(f"{len(self._failed)} tests needed a second try; more than {_AT_MOST} fail the session", red=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Tries())
