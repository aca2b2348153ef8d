"""One machine at a time has a lease; one that stops for too long loses it."""

from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from flows.stores.bucket import leases
from flows.stores.bucket.leases import Leases
from flows.stores.bucket.objects import Bucket
from transforms.errors import BusyError


def test_lease_is_had_by_one_machine(bucket: Bucket) -> None:
    with Leases(bucket).held("AC1", "Account one"):
        holder = Leases(bucket).holder("AC1")
        assert holder is not None
        assert "process" in holder.holder
        with (
            pytest.raises(BusyError, match="Account one: another machine"),
            Leases(bucket).held("AC1", "Account one"),
        ):
            raise AssertionError
        with Leases(bucket).held("AC2", "Account two"):
            pass
    assert Leases(bucket).holder("AC1") is None
    with Leases(bucket).held("AC1", "Account one"):
        pass


def test_lease_is_let_go_after_an_error(bucket: Bucket) -> None:
    with pytest.raises(ValueError, match="wrong"), Leases(bucket).held("AC1", "Account one"):
        raise ValueError("wrong")
    assert Leases(bucket).holder("AC1") is None


def test_lease_is_renewed(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEWED_EVERY", timedelta(seconds=0.05))
    with Leases(bucket).held("AC1", "Account one"):
        first = Leases(bucket).holder("AC1")
        while Leases(bucket).holder("AC1") == first:
            Event().wait(0.01)


def test_lease_that_ran_out_is_taken_over(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=-1))
    with Leases(bucket).held("AC1", "Account one"):
        monkeypatch.setattr(leases, "LEASE", timedelta(minutes=2))
        with Leases(bucket).held("AC1", "Account one"):
            taken = Leases(bucket).holder("AC1")
            assert taken is not None
    # The first one did not let go of what it no longer had.
    assert Leases(bucket).holder("AC1") is None


def test_lease_of_the_same_folder_is_of_a_killed_process(bucket: Bucket, tmp_path: Path) -> None:
    here, there = Leases(bucket, tmp_path / "here"), Leases(bucket, tmp_path / "there")
    with here.held("AC1", "Account one"):
        with pytest.raises(BusyError), there.held("AC1", "Account one"):
            raise AssertionError
        with here.held("AC1", "Account one"):
            pass
