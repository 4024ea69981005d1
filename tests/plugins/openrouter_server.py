"""The simulator of OpenRouter (`llm-connect simulate-openrouter`) in a thread of this process."""

import asyncio
import contextlib
import socket
import threading

from llm_connect.common.secret import Secret
from llm_connect.simulator.app import Simulator, serve
from llm_connect.simulator.key import FixedKey

MANAGEMENT = "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"
OLD = "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"


class OpenRouterServer:
    """`simulator` holds the account and the faults; `url` is the base URL of the API."""

    def __init__(self, *, page: int = 100) -> None:
        self.simulator = Simulator(FixedKey(Secret(OLD)), management_key=FixedKey(Secret(MANAGEMENT)), page=page)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/api/v1"

    @contextlib.contextmanager
    def running(self):
        stopped, loops = asyncio.Event(), []

        def run() -> None:
            with asyncio.Runner() as runner:
                loops.append(runner.get_loop())
                ready.set()
                runner.run(serve(self.simulator.application(), self._socket, stopped))

        ready = threading.Event()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        ready.wait(5)
        try:
            yield self
        finally:
            loops[0].call_soon_threadsafe(stopped.set)
            thread.join(10)
            self._socket.close()
