"""The login file: for its owner only, the same at every start, and sent to nobody but the server of `serve`."""

import stat
from pathlib import Path

import pytest

from flows.stores.folder.lock import one_process
from flows.stores.prefect.login import CLIENT, LOCK, announced, kept_login, login_file, login_found
from transforms.errors import ConfigError

URL = "http://127.0.0.1:4200/api"
ADDRESS = URL.removesuffix("/api")


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


def test_login_is_written_for_its_owner_and_kept(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "prefect"
    first = kept_login(home)
    assert first.startswith("recspend:")
    assert len(first) > 40
    assert (mode(home), mode(login_file(home))) == ("700", "600")
    assert login_file(home).read_text() == f"{first}\n"
    assert kept_login(home) == first
    assert kept_login(tmp_path / "other") != first


def test_login_of_the_owners_choice_is_kept(tmp_path: Path) -> None:
    kept_login(tmp_path)
    login_file(tmp_path).write_text("finance:of-our-own\n")
    assert kept_login(tmp_path) == "finance:of-our-own"


@pytest.mark.parametrize("rights", [0o640, 0o604, 0o620, 0o666])
def test_login_that_others_could_touch_is_replaced(rights: int, tmp_path: Path) -> None:
    first = kept_login(tmp_path)
    login_file(tmp_path).chmod(rights)
    second = kept_login(tmp_path)
    assert (second == first, mode(login_file(tmp_path))) == (False, "600")
    assert kept_login(tmp_path) == second


@pytest.mark.parametrize(
    "content", ["", "no colon", "two: words", "recspend:one\nrecspend:two\n", "\xff" * 20_000]
)
def test_login_file_with_something_else_is_replaced(content: str, tmp_path: Path) -> None:
    kept_login(tmp_path)
    login_file(tmp_path).write_text(content, "latin-1")
    assert kept_login(tmp_path).startswith("recspend:")


def test_login_file_that_is_a_link_is_replaced(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.touch(0o600)
    theirs.write_text("known:to-them\n")
    home = tmp_path / "prefect"
    home.mkdir()
    login_file(home).symlink_to(theirs)
    assert kept_login(home) != "known:to-them"
    assert not login_file(home).is_symlink()
    assert theirs.read_text() == "known:to-them\n"


def test_login_file_of_another_user_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_login(tmp_path)
    login_file(tmp_path).write_text("known:to-them\n")
    owner = login_file(tmp_path).stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    assert kept_login(tmp_path) != "known:to-them"


def test_home_is_closed_to_others_with_what_is_in_it(tmp_path: Path) -> None:
    home = tmp_path / "prefect"
    home.mkdir(0o755)
    home.chmod(0o2775)
    (home / "prefect.db").touch(0o644)
    kept_login(home)
    assert mode(home) == "2700"


def test_home_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    home = tmp_path / "prefect"
    home.mkdir()
    home.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(ConfigError, match="must belong to the user that recspend runs as"):
        kept_login(home)
    assert not login_file(home).exists()


@pytest.mark.parametrize("url", [URL, f"{URL}/", "http://localhost:4200/api"])
def test_login_is_found_for_the_server_of_serve(url: str, tmp_path: Path) -> None:
    login, given = kept_login(tmp_path), {"PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": url}
    with one_process(tmp_path / LOCK, "", ""), announced(tmp_path, ADDRESS, login):
        assert login_found(given) == {CLIENT: login}
        assert login_found(given | {CLIENT: "user:given"}) == {}


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://127.0.0.1:4201/api",
            "https://127.0.0.1:4200/api",
            "http://prefect.example:4200/api",
            "no url",
        ),
        *("http://127.0.0.1:4200@evil.example/api", "http://127.0.0.1/api", "http://127.0.0.1:99999/api", ""),
    ],
)
def test_login_is_sent_to_no_other_server(url: str, tmp_path: Path) -> None:
    login, given = kept_login(tmp_path), {"PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": url}
    with one_process(tmp_path / LOCK, "", ""), announced(tmp_path, ADDRESS, login):
        assert login_found(given) == {}


def test_login_is_not_sent_after_serve_has_ended(tmp_path: Path) -> None:
    login, given = kept_login(tmp_path), {"PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": URL}
    with one_process(tmp_path / LOCK, "", ""), announced(tmp_path, ADDRESS, login):
        pass
    with one_process(tmp_path / LOCK, "", ""):
        assert login_found(given) == {}
    (tmp_path / "recspend-serve.address").write_text(ADDRESS)  # as a killed one leaves it
    assert login_found(given) == {}


def test_login_of_the_operators_variable_is_not_announced(tmp_path: Path) -> None:
    kept_login(tmp_path)
    with one_process(tmp_path / LOCK, "", ""), announced(tmp_path, ADDRESS, "finance:theirs"):
        assert login_found({"PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": URL}) == {}
