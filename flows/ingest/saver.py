"""Saves the pages of one window while the next page is fetched."""

from concurrent.futures import Future, ThreadPoolExecutor

from flows.stores.raw.landing import LandingWriter


class PageSaver:
    """Lands the pages of one walk, one after another, while the next one is asked for. Closed, none is under way."""

    def __init__(self, pool: ThreadPoolExecutor, writer: LandingWriter) -> None:
        self._pool = pool
        self._writer = writer
        self._under_way: Future[None] | None = None

    def __call__(self, url: str, body: bytes, rows: int) -> None:
        """Save a page once the one before is saved. Raises what saving that one raised."""
        self.close()
        self._under_way = self._pool.submit(self._writer.add, url, body, rows)

    def close(self) -> None:
        """Wait for the page that is being saved. Raises what saving it raised."""
        if self._under_way:
            self._under_way.result()
