"""A server that answers on a thread of its own until it is closed."""

import threading
from socketserver import BaseServer
from typing import Self


class Serving:
    """Whoever inherits makes the server and hands it over when it may begin."""

    def __init__(self, server: BaseServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it; nobody is served any more when this returns."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
