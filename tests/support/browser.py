"""A headless Chromium that is driven as a person would: by its DevTools protocol, keys and clicks."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse
from tests.support.exporter import eventually
from tests.support.tools import TOOLS
from tests.support.waiting import until

CHROMIUM = TOOLS / "bin/chromium"
KEYS = {"Tab": 9, "Enter": 13, "/": 191}
LEFT = -32000  # the page went away while it was asked


class LeftError(Exception):
    """The browser went on to another page before it answered."""


class Browser:
    """One page of it. Everything waits for what it asked for, with a deadline."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def ask(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(60):
            while True:
                said = json.loads((await self._socket.receive()).data)
                if said.get("id") == number:
                    if said.get("error", {}).get("code") == LEFT:
                        raise LeftError(said["error"]["message"])
                    assert "error" not in said, said
                    return said["result"]

    async def run(self, script: str) -> Any:
        """What a script of the test gives; the page's own scripts may be off."""
        said = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def open(self, url: str) -> None:
        await self.ask("Page.navigate", url=url)
        await self.arrived(url)

    async def arrived(self, url: str) -> None:
        """Wait until a page whose address begins so is complete."""

        async def is_complete() -> bool:
            with suppress(LeftError):
                found, state = await self.run("[location.href, document.readyState]")
                return bool(found.startswith(url) and state == "complete")
            return False

        await eventually(f"the page {url}", is_complete, 60)

    async def click(self, selector: str) -> None:
        found = f"document.querySelector({json.dumps(selector)})"
        assert await self.run(f"Boolean({found})"), selector
        with suppress(LeftError):
            await self.run(f"{found}.click()")

    async def back(self) -> None:
        with suppress(LeftError):
            await self.run("history.back()")

    async def press(self, key: str) -> None:
        code = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"text": "\r"} if key == "Enter" else {}
        await self.ask("Input.dispatchKeyEvent", type="keyDown", **code, **text)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **code)

    async def type(self, text: str) -> None:
        for letter in text:
            await self.ask("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
            await self.ask("Input.dispatchKeyEvent", type="keyUp", key=letter)

    async def size(self, width: int, height: int, *, dark: bool = False) -> None:
        await self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.ask("Emulation.setEmulatedMedia", features=scheme)

    async def picture(self) -> bytes:
        """What is to be seen now, as PNG."""
        said = await self.ask("Page.captureScreenshot", format="png")
        return base64.b64decode(said["data"])


@asynccontextmanager
async def browser(folder: Path, *, scripts: bool = True) -> AsyncIterator[Browser]:
    child = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}/profile",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with ClientSession() as session:
            port_file = folder / "profile" / "DevToolsActivePort"
            await until(lambda: len(_lines(port_file)) > 1, 60)
            address = await _page(session, _lines(port_file)[0])
            async with session.ws_connect(address, max_msg_size=2**26) as socket:
                page = Browser(socket)
                await page.ask("Page.enable")
                await page.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
                await page.size(1200, 900)
                yield page
    finally:
        child.terminate()
        try:
            async with asyncio.timeout(20):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


def _lines(file: Path) -> list[str]:
    return file.read_text().split("\n") if file.exists() else []


async def _page(session: ClientSession, port: str) -> str:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        pages = [each for each in await answer.json() if each["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"])
