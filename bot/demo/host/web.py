"""The web server that answers the application's health URL: PHP's own, on loopback."""

from pathlib import Path
from types import TracebackType
from typing import Self

from bot.demo.errors import DemoError
from bot.demo.processes.ports import LOOPBACK, Port, wait_until_listening
from bot.demo.processes.process import Process


class WebServer:
    """Serves a Laravel application's `public` folder with `php -S`, each request through `index.php`.

    As a context manager it starts and stops.

    Args:
        application: the application's checkout.
        log: file for PHP's output.
    """

    def __init__(self, application: Path, log: Path) -> None:
        self._public = application / "public"
        self._log = log
        self._port = Port()
        self._process: Process | None = None

    @property
    def port(self) -> int:
        """The port it listens on; it stays the same through stop and start."""
        return self._port.number

    @property
    def url(self) -> str:
        """The address of the site, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def health_url(self) -> str:
        """The login page: 200 when the site is up, 503 in maintenance."""
        return f"{self.url}/login"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._port.close()

    async def start(self) -> None:
        """Start serving.

        Raises:
            DemoError: it runs already, or PHP did not listen; with PHP's output.
        """
        if self._process is not None:
            raise DemoError("the web server is up already; it was not started again")
        command = ["php", "-S", f"{LOOPBACK}:{self.port}", "-t", str(self._public), str(self._public / "index.php")]
        # a variable such as APP_ENV around this program would win over the application's .env
        process = Process(command, self._log, {"PATH": "/usr/local/bin:/usr/bin:/bin"})
        await process.start()
        try:
            await wait_until_listening(self.port, lambda: process.running)
        except DemoError as error:
            await process.end()
            raise DemoError(f"PHP's web server did not start: {error}\n{process.log_tail()}") from error
        self._process = process

    async def stop(self) -> None:
        """Stop serving; connections are refused from then on."""
        process, self._process = self._process, None
        if process is not None:
            await process.end()
