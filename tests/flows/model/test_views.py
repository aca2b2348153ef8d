from datetime import UTC, datetime

import pytest

from flows.model.coverage import AccountCoverage
from flows.model.inputs import views
from flows.stores.lake.commit import Commit, LakeFile
from tests.support.sql.tables import MODELS
from transforms.model.models import FACT
from transforms.model.options import LARGE, ModelOptions


@pytest.mark.parametrize(
    ("embedded", "recordings", "expected"),
    [("auto", LARGE - 1, False), ("auto", LARGE, True), (True, LARGE, False), (False, 1, True)],
)
def test_fact_is_a_view_if_asked_or_if_it_is_large(embedded: bool, recordings: int, expected: bool) -> None:
    now = datetime(2026, 9, 1, tzinfo=UTC)
    files = [LakeFile("a", "", 1, 1, recordings - 1, now, now), LakeFile("b", "", 1, 1, 1, now, now)]
    covered = [AccountCoverage("A", Commit(months={"2026-09": files}), [], [])]
    found = views(MODELS, ModelOptions(settle_days=90, embed_recordings=embedded), covered)
    assert (FACT in found) is expected
