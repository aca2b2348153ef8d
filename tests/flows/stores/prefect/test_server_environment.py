"""A server gets its protection whatever is set, and no secret that it does not need."""

from flows.stores.prefect.server_environment import server_environment

ADDRESS = "http://127.0.0.1:4200"
NEEDED = {"PATH": "/bin", "HOME": "/home/x", "LC_ALL": "C", "https_proxy": "http://proxy", "PYTHONPATH": "/p"}


def test_server_gets_only_what_it_needs() -> None:
    given = {
        **NEEDED,
        "PREFECT_HOME": "/srv/prefect",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql://server",
        "RECSPEND_API_TOKEN": "token",
        "recspend_api_token": "token",
        "SUPPORT_TOKEN": "token",
        "PREFECT_SUPPORT_TOKEN": "token",
        "prefect_support_token": "token",
        "SMTP_PASSWORD": "password",
        "AWS_SECRET_ACCESS_KEY": "key",
        "PREFECT_API_KEY": "key",
        "prefect_api_key": "key",
        "PREFECT_API_AUTH_STRING": "other:server",
    }
    found = server_environment(given, ADDRESS, "user:login", frozenset({"PREFECT_SUPPORT_TOKEN"}))
    assert given.items() - found.items() == {
        (name, value)
        for name, value in given.items()
        if value in ("token", "password", "key", "other:server")
    }
    assert {name: found[name] for name in NEEDED} == NEEDED


def test_server_is_protected_whatever_is_set() -> None:
    hostile = {
        "PREFECT_SERVER_API_AUTH_STRING": "",
        "prefect_server_api_auth_string": "",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "*",
        "prefect_server_api_cors_allowed_origins": "*",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "false",
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "false",
    }
    found = server_environment(hostile, ADDRESS, "user:login")
    assert found["PREFECT_SERVER_API_AUTH_STRING"] == "user:login"
    assert found["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"] == f"{ADDRESS},http://localhost:4200"
    assert found["PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED"] == "true"
    assert not {name for name in found if name != name.upper()}
    assert (
        not {"PREFECT_SERVER_CORS_ALLOWED_ORIGINS", "PREFECT_SERVER_CSRF_PROTECTION_ENABLED"} & found.keys()
    )
