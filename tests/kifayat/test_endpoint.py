"""What the service tells monitors, over real HTTP, and what its logs do and do not hold."""

from __future__ import annotations

import json
import logging
import socket
import urllib.error
import urllib.request
from datetime import date, datetime, timedelta

import pytest
from apps import make_app
from prometheus_client.parser import text_string_to_metric_families
from service import Service, load_month, publish_nothing

from core import IST, ChannelConfig, KifayatError
from kifayat.endpoint import Endpoint, Health
from kifayat.logs import LineFormatter, run_context, secrets_of

NOW = datetime(2026, 8, 10, 12, tzinfo=IST)


@pytest.fixture
def served(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    service = Service(tmp_path, NOW, more=f"[service]\nmetrics_port = {port}\n")
    endpoint = Endpoint(Health(service.scheduler))

    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    yield service, get
    endpoint.stop()


def metrics(text: str) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_are_the_ledger_as_it_is(served):
    service, get = served
    with service.ledger() as ledger:
        load_month(ledger, "aws", date(2026, 7, 1), service.clock.now(), is_invoiced=True)
        publish_nothing(ledger, service.clock.now())
        with ledger.transaction() as db:
            db.execute("INSERT INTO messages VALUES ('test:1', 'test', 'info', 'Secret title', '', '')")
            for recipient, state in (("a@example.in", "dead"), ("b@example.in", "waiting"), ("c@example.in", "sent")):
                db.execute(
                    "INSERT INTO outbox (event_id, channel, recipient, state, next_at)"
                    " VALUES ('test:1', 'mail', ?, ?, '9999')",
                    (recipient, state),
                )
            db.execute(
                "INSERT INTO alerts VALUES ('budget:x', 'budget', 'x', 'error', 't', '{}', '2026-08-01', NULL, '')"
            )
    service.scheduler.tick()
    code, text = get("/metrics")
    found = metrics(text)
    assert code == 200
    assert found["kifayat_runs", "done", "ingest"] == 1
    assert found["kifayat_job_last_success_timestamp_seconds", "ingest"] == NOW.timestamp()
    assert found["kifayat_job_failures_in_a_row", "ingest"] == 0
    assert found["kifayat_outbox_messages", "dead"] == found["kifayat_outbox_messages", "waiting"] == 1
    assert (found["kifayat_alerts_open", "budget"], found["kifayat_alerts_open", "anomaly"]) == (1, 0)
    assert (found["kifayat_generation",], found["kifayat_rows", "charges"]) == (1, 1)
    assert found["kifayat_complete_through_timestamp_seconds", "aws"] == NOW.timestamp()
    assert "example.in" not in text
    assert "Secret title" not in text


def test_healthz_is_503_with_the_reason_while_livez_stays_200(served):
    service, get = served
    service.scheduler.tick()
    code, body = get("/healthz")
    assert (code, json.loads(body)["status"]) == (200, "ok")
    service.clock.advance(timedelta(hours=40))
    service.scheduler.looked_at = service.clock.now()
    code, body = get("/healthz")
    facts = json.loads(body)
    assert (code, facts["faults"]) == (503, ["no successful ingest for 40 hours (limit 36)"])
    assert get("/livez")[0] == 200
    service.clock.advance(timedelta(minutes=6))
    assert get("/livez")[0] == 503, "a service that no longer looks at its ledger is called alive"
    assert get("/anything")[0] == 404


def test_a_ledger_that_cannot_be_read_is_told_and_not_a_traceback(served):
    service, get = served
    service.scheduler.tick()
    (service.app.storage / "ledger.sqlite").rename(service.app.storage / "gone")
    code, body = get("/healthz")
    assert (code, json.loads(body)["status"]) == (503, "failing")
    assert metrics(get("/metrics")[1])["kifayat_ledger_up",] == 0


def test_a_taken_port_is_a_sentence(served):
    service, _ = served
    with pytest.raises(KifayatError, match="Address already in use"):
        Endpoint(Health(service.scheduler))


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("kifayat.job", logging.INFO, "", 0, message, args, None)


def test_a_line_of_the_log_is_one_line_with_its_run_whatever_the_text():
    evil = 'bucket\n{"level": "error"}\x1b[31m\u202egpj.exe'
    with run_context("ingest-7", "ingest"):
        fields = json.loads(LineFormatter("json").format(record("refused %s", evil)))
        text = LineFormatter("text").format(record("refused %s", evil))
    assert (fields["run_id"], fields["job"], fields["message"]) == ("ingest-7", "ingest", f"refused {evil}")
    assert "\n" not in LineFormatter("json").format(record(evil))
    assert text.endswith('info kifayat.job [ingest-7] refused bucket\\n{"level": "error"}\\x1b[31m\\u202egpj.exe')


def test_no_secret_that_the_configuration_names_is_in_a_log(tmp_path):
    (tmp_path / "hook").write_text("https://hooks.example/T0/B0/topsecret\n", encoding="utf-8")
    users = '[[exports]]\nname = "users"\nlocation = "prometheus+https://p.example"\nquery = "x"\ntoken_env = "TOKEN"\n'
    hook = ChannelConfig.model_validate({"name": "chat", "kind": "slack", "url": {"file": "hook"}})
    config = make_app(tmp_path, more=users).config.model_copy(update={"channels": (hook,)})
    secrets = secrets_of(config, {"TOKEN": "token-of-prometheus", "OTHER": "harmless"})
    assert secrets == {"token-of-prometheus", "https://hooks.example/T0/B0/topsecret"}
    line = LineFormatter("json", {*secrets, "abc"}).format(record("401 for token-of-prometheus, abc"))
    assert json.loads(line)["message"] == "401 for ***, abc"
