"""Ask for the unsettled recordings of a day, each by itself, and read the day if the answers do not say enough."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flows.ingest.landed import Landed
from flows.ingest.parts import Destination
from flows.ingest.saver import PageSaver
from flows.stores.api.client import RecordingsApi
from flows.stores.api.responses import SINGLE
from flows.stores.raw.landing import Landing
from transforms.errors import ApiError, DataError
from transforms.ingest.singles import days_instead
from transforms.pages.record import read_some
from transforms.pages.sids import same_spelling
from transforms.values.windows import Window, days_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Singles:
    """The unsettled recordings of some days (UTC), each to be asked for by itself.

    within: the days that may be read instead. landing: an unfinished landing of these days to continue; without sids,
    it is only ended.
    """

    window: Window
    sids: Sequence[str]
    within: Window
    landing: Landing | None = None


class SingleFetch:
    """The fetch of single recordings, one after another. One thread at a time may `step`. It is never cut.

    Its landing is not whole, so its days are not covered by it. If a recording is gone, has moved, or cannot be had for
    any other reason, the landing is given up, and its days are read: only their list proves what was deleted, and no
    run fails because of a single recording.
    """

    pages_left = 0.0

    def __init__(self, to: Destination, singles: Singles) -> None:
        self.window = singles.window
        self._to = to
        self._singles = singles
        self._opened: _OpenSingles | None = None

    @property
    def days(self) -> int:
        """The number of its days."""
        return len(days_of(self.window))

    def cut(self) -> None:
        """Cut nothing off: it takes fewer requests than its days have pages."""

    def step(self, api: RecordingsApi) -> Landed:
        """Ask for one recording; for none if an interrupted run has asked for all."""
        opened = self._opened = self._opened or _OpenSingles(self._to, self._singles, api)
        landed = Landed()
        try:
            if opened.left:
                sid, url = opened.left[0], api.recording_url(opened.left[0])
                try:
                    body, envelope = api.fetch(url, SINGLE)
                    instead = days_instead(body, sid, self.window)
                except (ApiError, DataError) as error:
                    logger.info("Recording %s: %s", sid, error)
                    instead = [self.window]
                if instead:
                    opened.end(self._to)
                    return Landed(is_last=True, instead=[*filter(self._may_be_read, instead)])
                opened.save(url, body, envelope.rows)
                del opened.left[0]
                landed = Landed(rows=envelope.rows, singles=1)
            if not opened.left:
                opened.end(self._to)
                asked_at = opened.landing.fetched_at if self._singles.sids else None
                landed = replace(landed, days=self.days, is_last=True, asked_at=asked_at)
        except BaseException:
            opened.save.close()
            raise
        return landed

    def _may_be_read(self, window: Window) -> bool:
        within = self._singles.within
        return within.first <= window.first and window.last <= within.last


class _OpenSingles:
    """Recordings that are being asked for, and the landing that they are written to. left: those to be asked for."""

    def __init__(self, to: Destination, singles: Singles, api: RecordingsApi) -> None:
        self.landing = self._begun(to, singles)
        self.writer = to.raw.writer(self.landing)
        self.save = PageSaver(to.saving, self.writer)
        known = set[str]()
        for body, envelope in self.writer.kept_pages():
            sids = [same_spelling(record.sid) for record in read_some([body])]
            self.writer.note(api.recording_url("".join(sids)), body, envelope.rows)
            known.update(sids)
        self.left = [sid for sid in singles.sids if sid not in known]

    @staticmethod
    def _begun(to: Destination, singles: Singles) -> Landing:
        """Return the landing to continue, if it has pages, or a new one."""
        if singles.landing is not None:
            if to.raw.has_pages(singles.landing):
                return singles.landing
            to.raw.discard(singles.landing)
        return to.raw.begin(to.account_sid, singles.window, to.clock(), is_single=True)

    def end(self, to: Destination) -> None:
        """End the landing, with the answers it has."""
        self.save.close()
        if self.writer.pages:
            self.writer.abandon(to.clock())
        else:
            to.raw.discard(self.landing)
