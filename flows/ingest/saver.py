"""Saves the pages of one window while the next page is fetched."""

from concurrent.futures import Future, ThreadPoolExecutor

from flows.stores.raw.landing import LandingWriter


class PageSaver:
    """Saves the pages of one window in order, each while the next page is requested. Once closed, all are saved."""

    def __init__(self, pool: ThreadPoolExecutor, writer: LandingWriter) -> None:
        self._pool = pool
        self._writer = writer
        self._under_way: Future[None] | None = None

    def __call__(self, url: str, body: bytes, rows: int) -> None:
        """Wait until the previous page is saved, then start saving this one. Raises what saving the previous raised."""
        self.close()
        self._under_way = self._pool.submit(self._writer.add, url, body, rows)

    def close(self) -> None:
        """Wait for the page that is being saved, if any. Raises what saving it raised."""
        if self._under_way:
            self._under_way.result()
