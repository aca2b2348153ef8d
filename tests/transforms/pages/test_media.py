import pytest

from tests.support.samples.transforms import ACCOUNT, EVER, page_body, recording, rows
from transforms.pages.recordings import Listed, Page, list_recordings


def listed_from(host: str, *recordings: bytes) -> Listed:
    return list_recordings([Page("landing/page-00000", page_body(*recordings), host)], ACCOUNT, EVER)


@pytest.mark.parametrize(
    ("media_url", "location"),
    [
        ("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1", "vendor"),
        ("https://API.Twilio.com:443/x", "vendor"),
        ("https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1", "vendor"),
        ("https://files.signalwire.com/x.wav", "vendor"),
        ("/api/laml/2010-04-01/Accounts/A/Recordings/R.wav", "vendor"),
        ("https://recordings.example.com/AC1/RE1?X-Amz-Signature=0", "external"),
        ("https://key:secret@bucket.example.com/RE1", "external"),
        ("https://nottwilio.com/RE1", "external"),
        ("https://twilio.com.example.com/RE1", "external"),
        ("https://[2001:db8::1]/RE1", "external"),
        ("s3://bucket/AC1/RE1", "external"),
        ("//twilio", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_media_location_follows_the_host(media_url: str | None, location: str | None) -> None:
    text = "null" if media_url is None else f'"{media_url}"'
    found = listed_from("api.twilio.com", recording(media_url=text))
    (row,) = rows(found.recordings)
    assert row["media_location"] == location
    unread = {("unreadable media_url", ""): 1} if media_url and location is None else {}
    assert found.oddities.counts == unread


@pytest.mark.parametrize(("host", "location"), [("recordings.example.com", "vendor"), ("", "external")])
def test_media_on_the_host_of_the_api_is_the_vendors(host: str, location: str) -> None:
    (row,) = rows(listed_from(host, recording(media_url='"https://recordings.example.com/RE1"')).recordings)
    assert row["media_location"] == location


@pytest.mark.parametrize("media_url", ["7", "{}", '"\\ud800"', '"~"'])
def test_unreadable_media_url_keeps_the_recording(media_url: str) -> None:
    found = listed_from("", recording(media_url=media_url).replace(b"~", b"\xff"))
    (row,) = rows(found.recordings)
    assert row["media_location"] is None
    ((oddity, counted),) = found.oddities.found.items()
    assert (oddity, counted.rows, counted.sid, counted.text) == (("unreadable media_url", ""), 1, "R", "")


@pytest.mark.parametrize(
    ("details", "is_encrypted"),
    [
        ('{"encryption_public_key_sid": "CR1", "encryption_cek": "secret", "encryption_iv": "iv"}', True),
        ("{}", True),
        ("null", False),
        (None, None),
    ],
)
def test_encryption_details_are_an_object_or_not(details: str | None, is_encrypted: bool | None) -> None:
    found = listed_from("", recording(encryption_details=details))
    (row,) = rows(found.recordings)
    assert row["is_encrypted"] is is_encrypted
    assert not found.oddities


@pytest.mark.parametrize("details", ["7", '"CR1"', "[]"])
def test_other_encryption_details_are_unknown_and_counted(details: str) -> None:
    found = listed_from("", recording(encryption_details=details))
    (row,) = rows(found.recordings)
    assert row["is_encrypted"] is None
    assert found.oddities.counts == {("unreadable encryption_details", ""): 1}


def test_neither_address_nor_keys_are_kept() -> None:
    found = listed_from(
        "api.twilio.com",
        recording('"R1"', media_url='"https://key:hidden@bucket.example.com/RE1?sign=hidden"', price='"x"'),
        recording('"R2"', media_url='"hidden"', encryption_details='{"encryption_cek": "hidden"}'),
        recording('"R3"', media_url='"https://bucket.example.com/hidden"', encryption_details='"hidden"'),
    )
    assert found.rejects.num_rows == 1
    kept = f"{rows(found.recordings)} {rows(found.rejects)} {found.oddities}"
    assert "hidden" not in kept
    assert "bucket" not in kept
