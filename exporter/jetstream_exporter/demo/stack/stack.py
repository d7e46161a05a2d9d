"""Prometheus, Alertmanager and exporters beside a running cluster, with the shipped rules and routing.

What a user would replace is replaced: PagerDuty's URL and key, and the heartbeat's URL. Nothing else, but the waits
where it has to be fast.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from jetstream_exporter.demo.child import Child, DemoError, until
from jetstream_exporter.demo.exporter import reachable
from jetstream_exporter.demo.ports import Port
from jetstream_exporter.demo.stack import fast
from jetstream_exporter.demo.stack.files import linked, rule_files, shipped
from jetstream_exporter.demo.stack.pagerduty import KEY_LENGTH, PagerDuty

START_DEADLINE = 60.0
ROUTING_KEY, TEAM_KEY = "0" * KEY_LENGTH, "1" * KEY_LENGTH
NAMES = {
    "prometheus": ("prometheus",),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
}


def find_program(name: str) -> Path:
    """$PROMETHEUS or $ALERTMANAGER, else in .tools/bin (where `make tools` puts it), else on PATH."""
    if asked := os.environ.get(name.upper()):
        if (named := shutil.which(asked)) is None:
            raise DemoError(f"{name.upper()}={asked} is not an executable file")
        return Path(named)
    nearby = Path(".tools/bin") / name
    if nearby.exists():
        return nearby.absolute()
    found = next((path for n in NAMES[name] if (path := shutil.which(n))), None)
    if found is None:
        raise DemoError(
            f"{name} was not found in .tools/bin or on PATH: install it with `make tools`, "
            f"or set {name.upper()}=/path/to/{name}"
        )
    return Path(found)


class Program(Child):
    """A child with an HTTP address that says when it is ready."""

    def __init__(
        self, name: str, argv: Sequence[str | Path], port: Port | str, folder: Path, ready: str
    ) -> None:
        super().__init__(name, argv, folder / f"{name}.log")
        self.url = f"http://{port}"
        self._ready = ready

    async def start(self) -> None:
        self.spawn()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:

            async def is_ready() -> bool:
                if not self.alive:
                    raise DemoError(f"{self.name} exited; its log ends with:\n{self.tail()}")
                try:
                    async with http.get(self.url + self._ready) as answer:
                        return answer.status == 200
                except (aiohttp.ClientError, TimeoutError):
                    return False

            await until(f"the start of {self.name}", is_ready, START_DEADLINE)


class Stack:
    """async with Stack(cluster.monitor_urls, fast=True) as stack: stack.pagerduty.open"""

    def __init__(
        self,
        targets: Sequence[str],
        *,
        fast: bool = False,
        exporters: int = 1,
        urls: Sequence[str] = (),
        say: Callable[[str], None] | None = None,
        address: str | None = None,
    ) -> None:
        """`address`: where the first exporter listens; None for a free port, as of all others."""
        self.fast = fast
        self.pagerduty = PagerDuty(say)
        self._targets = targets
        self._urls = urls  # where events of the first account are heard, if anywhere
        programs = {name: find_program(name) for name in NAMES}
        self._folder = tempfile.TemporaryDirectory(prefix="jetstream-stack-")
        self._ports = {
            name: Port()
            for name in ("prometheus", "alertmanager", *(f"exporter-{n}" for n in range(exporters)))
        }
        self._address = address
        self.exporters = [self._exporter(n) for n in range(exporters)]
        self.prometheus = self._prometheus(programs["prometheus"])
        self.alertmanager = self._alertmanager(programs["alertmanager"])

    @property
    def folder(self) -> Path:
        return Path(self._folder.name)

    async def __aenter__(self) -> Self:
        try:
            await self.pagerduty.start()
            self.write()
            for program in (*self.exporters, self.alertmanager, self.prometheus):
                await program.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def until_watching(self, deadline: float = START_DEADLINE) -> None:
        """Until the watchdog came all the way: rules, Alertmanager, receiver."""

        async def has_beaten() -> bool:
            return bool(self.pagerduty.heartbeats)

        await until("the first heartbeat", has_beaten, deadline)

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        for program in (self.prometheus, self.alertmanager, *self.exporters):
            program.kill_now()
        await self.pagerduty.close()
        for port in self._ports.values():
            port.release()
        self._folder.cleanup()

    def _exporter(self, number: int) -> Program:
        name = f"exporter-{number}"
        port: Port | str = self._ports[name]
        address = str(port)
        if number == 0 and self._address is not None:
            address, port = self._address, reachable(self._address)
        argv: list[str | Path] = [
            sys.executable,
            "-m",
            "jetstream_exporter",
            "--config.file",
            self.folder / "exporter.yaml",
        ]
        return Program(
            name, [*argv, "--web.listen-address", address], port, self.folder, "/-/healthy"
        )

    def _prometheus(self, program: Path) -> Program:
        port = self._ports["prometheus"]
        argv: list[str | Path] = [
            program,
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            f"--web.listen-address={port}",
            # What fired before Prometheus knew its Alertmanager is sent again only after this.
            f"--rules.alert.resend-delay={'1s' if self.fast else '1m'}",
        ]
        return Program("prometheus", argv, port, self.folder, "/-/ready")

    def _alertmanager(self, program: Path) -> Program:
        port = self._ports["alertmanager"]
        argv: list[str | Path] = [
            program,
            f"--config.file={self.folder / 'alertmanager.yaml'}",
            f"--storage.path={self.folder / 'alertmanager'}",
            f"--web.listen-address={port}",
            "--cluster.listen-address=",
        ]
        return Program("alertmanager", argv, port, self.folder, "/-/ready")

    def write(self) -> None:
        """The configuration of every program."""
        exporter = {
            "clusters": [
                {
                    "targets": list(self._targets),
                    "advisories": [{"urls": list(self._urls)}] if self._urls else [],
                }
            ],
            **({"collect": {"config_interval": "2s"}} if self.fast else {}),
        }
        (self.folder / "exporter.yaml").write_text(yaml.safe_dump(exporter))
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(self._prometheus_settings()))
        (self.folder / "alertmanager.yaml").write_text(yaml.safe_dump(self._routing(), width=10000))

    def _rules(self) -> list[Path]:
        folder = self.folder / "rules"
        folder.mkdir()
        files = fast.write_rules(folder) if self.fast else rule_files()
        if not self.exporters:
            return files
        return linked(files, folder, f"{self.exporters[0].url}/runbooks")

    def _prometheus_settings(self) -> dict[str, Any]:
        every = "1s" if self.fast else "15s"
        return {
            "global": {
                "scrape_interval": every,
                "scrape_timeout": every,
                "evaluation_interval": every,
            },
            "rule_files": [str(path) for path in self._rules()],
            "alerting": {
                "alertmanagers": [
                    {"static_configs": [{"targets": [str(self._ports["alertmanager"])]}]}
                ]
            },
            "scrape_configs": [
                {
                    "job_name": "jetstream-exporter",
                    "honor_labels": True,
                    "static_configs": [
                        {
                            "targets": [
                                exporter.url.removeprefix("http://") for exporter in self.exporters
                            ]
                        }
                    ],
                }
            ],
        }

    def _routing(self) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load(
            shipped("alertmanager/alertmanager.yaml").read_text()
        )
        key = self.folder / "routing-key"
        key.write_text(ROUTING_KEY)
        receivers = {receiver["name"]: receiver for receiver in content["receivers"]}
        receivers["pagerduty"]["pagerduty_configs"][0]["routing_key_file"] = str(key)
        team = receivers["pagerduty-payments"]["pagerduty_configs"][0]
        team["routing_key_file"] = str(self.folder / "routing-key-payments")
        (self.folder / "routing-key-payments").write_text(TEAM_KEY)
        receivers["heartbeat"]["webhook_configs"][0]["url"] = f"{self.pagerduty.url}/heartbeat"
        content["global"] = {"pagerduty_url": f"{self.pagerduty.url}/v2/enqueue"}
        if self.fast:
            content["route"] = fast.route(content["route"])
        return content
