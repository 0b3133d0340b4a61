"""One connection to Google Cloud: what is repeated and what is not, what an error says, how a login is found."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud.asset_v1 import AssetServiceClient
from google.cloud.asset_v1.services.asset_service.transports import AssetServiceGrpcTransport
from google_server import NOW, QUICK, machine

from core import ConfigError, ConnectionConfig, FixedClock, LocationUnreachable
from ingest.gcp._clients import GcpClients
from ingest.locations import Reading


def refused(location) -> LocationUnreachable:
    """The error of the first probe. It never repeats the words of the server."""
    with pytest.raises(LocationUnreachable) as caught:
        next(iter(location.probes())).call()
    assert "secret" not in str(caught.value)
    assert "somebody" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "INTERNAL", "ABORTED"])
def test_what_passes_is_repeated_until_it_has_passed(server, open_gcp, code):
    server.fail("ListAssets", grpc.StatusCode[code], times=2)
    location = open_gcp("inventory")
    next(iter(location.probes())).call()
    assert len(server.asked) == 3 == location.meter.usage.requests


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"])
def test_what_does_not_pass_is_given_up_after_a_while_and_asked_again_later(server, open_gcp, code):
    server.fail("ListAssets", grpc.StatusCode[code])
    error = refused(open_gcp("inventory"))
    assert error.transient
    assert "3 attempts" in str(error)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        ("PERMISSION_DENIED", "", "grant cloudasset.assets.listResource"),
        ("PERMISSION_DENIED", "IAM_PERMISSION_DENIED", "grant cloudasset.assets.listResource"),
        ("PERMISSION_DENIED", "SERVICE_DISABLED", "gcloud services enable cloudasset.googleapis.com"),
        ("PERMISSION_DENIED", "USER_PROJECT_DENIED", "serviceusage.services.use"),
        ("UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED", "renew the credentials"),
        ("UNAUTHENTICATED", "", "renew the credentials"),
        ("NOT_FOUND", "", "correct the name"),
        ("UNIMPLEMENTED", "", "does not answer"),
        ("PERMISSION_DENIED", "<!channel> secret", "grant cloudasset.assets.listResource"),
    ],
)
def test_what_never_passes_is_asked_once_and_says_what_to_do(server, open_gcp, code, reason, said):
    server.fail("ListAssets", grpc.StatusCode[code], reason=reason)
    error = refused(open_gcp("inventory"))
    assert said in str(error)
    assert not error.transient
    assert "channel" not in str(error)
    assert len(server.asked) == 1


def test_a_spoiled_answer_is_asked_for_again(server, open_gcp):
    server.fail("ListAssets", None, times=1)
    location = open_gcp("inventory")
    next(iter(location.probes())).call()
    assert len(server.asked) == 2


def test_a_failure_on_the_second_page_repeats_that_page_only(server, open_gcp):
    server.answers["ListAssets"] = lambda _: [machine(number) for number in range(5)]
    server.page_size = 2
    server.fail("ListAssets", grpc.StatusCode.UNAVAILABLE, after=1, times=1)
    (part,) = open_gcp("inventory").parts()
    location = open_gcp("inventory")
    assert location.pull(part, print).num_rows == 5
    assert [one.request.page_token for one in server.asked] == ["", "2", "2", "4"]


def test_a_pull_stops_at_its_limit_of_requests(server, open_gcp):
    server.answers["ListAssets"] = lambda _: [machine(number) for number in range(9)]
    server.page_size = 1
    location = open_gcp("inventory", max_requests=4)
    with pytest.raises(LocationUnreachable, match="more than 4 requests"):
        location.pull(next(iter(location.parts())), print)
    assert len(server.asked) == 4


def test_a_server_that_is_gone_is_told_as_such(open_gcp):
    error = refused(open_gcp("inventory", endpoints={"*": "http://127.0.0.1:1"}))
    assert error.transient


def test_without_projects_the_configuration_is_to_blame(open_gcp):
    for topic in ("metrics", "inventory", "commitments", "advice"):
        with pytest.raises(ConfigError, match=r"connections\.india: write projects"):
            open_gcp(topic, projects=[])


# -- logins: a token server on this machine --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokens():
    """Says yes to somebody, and "invalid_grant" to the rest; keeps what it was asked."""
    asked = []

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.path, body))
            good = "expired" not in self.path
            if self.path.endswith(":generateAccessToken"):
                answer = {"accessToken": "tok-of-the-role", "expireTime": "2036-08-21T00:00:00Z"}
            elif good:
                answer = {"access_token": "tok", "expires_in": 3600}
            else:
                answer = {"error": "invalid_grant", "error_description": "secret-in-message"}
            self.send_response(200 if good else 400)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.asked = asked
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(65537, 2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def clients(folder, content, **connection) -> GcpClients:
    file = folder / "login.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    access = ConnectionConfig.model_validate(
        {"name": "india", "kind": "gcp", "credentials_file": str(file)} | connection
    )
    return GcpClients(access, Reading(retries=QUICK, clock=FixedClock(NOW)))


@pytest.fixture(scope="module")
def login(tokens, key):
    """What a file holds: login() is good, login("expired") is not any more."""

    def content(path: str = "token"):
        return {"type": "service_account", "client_email": "kifayat@pragati.iam.example", "private_key": key,
                "private_key_id": "hide-me", "token_uri": f"http://127.0.0.1:{tokens.server_port}/{path}"}  # fmt: skip

    return content


def test_a_key_of_a_service_account_logs_in_and_is_billed_to_the_quota_project(login, tmp_path):
    found = clients(tmp_path, login(), quota_project="pragati-shared").credentials()
    assert (found.token, found.quota_project_id) == ("tok", "pragati-shared")


def test_workload_identity_exchanges_the_token_of_the_machine(tokens, tmp_path):
    (tmp_path / "subject").write_text("subject-of-the-machine")
    found = clients(tmp_path, {
        "type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/…",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"http://127.0.0.1:{tokens.server_port}/sts",
        "credential_source": {"file": str(tmp_path / "subject")},
    }).credentials()  # fmt: skip
    assert found.token == "tok"
    assert "subject-of-the-machine" in dict(tokens.asked)["/sts"]


def test_a_login_may_act_as_a_service_account(tokens, login, tmp_path):
    address = f"http://127.0.0.1:{tokens.server_port}"
    found = clients(tmp_path, login(), impersonate="kifayat@pragati.iam.example",
                    endpoints={"iamcredentials": address}).credentials()  # fmt: skip
    assert found.token == "tok-of-the-role"
    assert tokens.asked[-1][0].endswith("/kifayat@pragati.iam.example:generateAccessToken")


def test_an_endpoint_of_a_private_network_is_spoken_to_with_the_login(login, tmp_path):
    made = clients(tmp_path, login(), endpoints={"cloudasset": "https://assets.pragati.example:8443"})
    client = made.grpc("cloudasset", AssetServiceClient, AssetServiceGrpcTransport)
    assert client.transport.host == "assets.pragati.example:8443"
    assert client.transport._credentials.service_account_email == "kifayat@pragati.iam.example"


def test_without_a_file_the_login_of_the_machine_is_taken(login, tmp_path, monkeypatch):
    (tmp_path / "adc.json").write_text(json.dumps(login()))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    access = ConnectionConfig.model_validate({"name": "india", "kind": "gcp"})
    made = GcpClients(access, Reading(retries=QUICK, clock=FixedClock(NOW)))
    assert made.credentials().token == "tok"


def test_a_login_is_asked_for_once(tokens, login, tmp_path):
    shared = clients(tmp_path, login())
    before = len(tokens.asked)
    assert shared.credentials() is shared.credentials()
    assert len(tokens.asked) == before + 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '{"type": "service_account", "private_key": "hide-me"}',
        "[]",
        '{"type": "of-tomorrow", "key": "hide-me"}',
        "expired",
    ],
)
def test_a_login_that_is_refused_is_told_before_anything_is_asked_and_hides_the_file(login, tmp_path, content):
    made = login("expired") if content == "expired" else content
    with pytest.raises(LocationUnreachable, match="no login for Google Cloud") as caught:
        clients(tmp_path, made).credentials()
    assert "hide-me" not in str(caught.value)
    assert "secret-in" not in str(caught.value)
    assert not caught.value.transient


def test_a_file_that_is_not_there_is_told(tmp_path):
    made = clients(tmp_path, "")
    (tmp_path / "login.json").unlink()
    with pytest.raises(LocationUnreachable, match="whether credentials_file is there"):
        made.credentials()
