"""Fault 21: a mail server that is down, busy, refuses one recipient, breaks TLS, or takes a mail and breaks off."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
from aiosmtpd.smtp import AuthResult
from office import Office, alert, email
from receivers import mail_receiver

pytestmark = pytest.mark.pure

TWO = ("cfo@example.in", "cto@example.in")


def test_each_recipient_gets_a_mail_of_their_own(office, box):
    office.channels = [email(box, to=TWO)]
    office.post(alert())
    assert office.deliver().sent == 2
    mails = [mail for _, mail in box.mails]
    assert sorted(mail["To"] for mail in mails) == sorted(TWO)
    assert len({mail["Message-ID"] for mail in mails}) == 2


@pytest.mark.parametrize("stage", ["rcpt", "data"])
def test_a_4xx_is_tried_again_with_the_same_message_id(office, box, stage):
    setattr(box, stage, lambda _: "451 try again later")
    office.channels = [email(box)]
    office.post(alert())
    assert office.deliver().failed == 1
    assert "451" in office.entries()[0].last_error
    setattr(box, stage, lambda _: None)
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 1
    first = box.mails[0][1]["Message-ID"]
    office.resend(office.entries()[0].event_id)
    office.deliver()
    assert [mail["Message-ID"] for _, mail in box.mails] == [first, first]


def test_a_server_that_wants_a_login_first_kills_no_message(office, box):
    box.rcpt = lambda _: "530 authentication required"
    office.channels = [email(box, to=TWO)]
    office.post(alert())
    done = office.deliver()
    assert (done.failed, done.dead) == (1, 0)


@pytest.mark.parametrize("stage", ["rcpt", "data"])
def test_one_recipient_that_is_refused_for_good_is_dead_and_the_other_is_told(office, box, stage):
    setattr(box, stage, lambda address: "550 no such user" if address == TWO[0] else None)
    office.channels = [email(box, to=TWO)]
    office.post(alert())
    done = office.deliver()
    assert (done.sent, done.dead) == (1, 1)
    assert office.states() == {f"mail {TWO[0]}": "dead", f"mail {TWO[1]}": "sent"}
    assert "550 no such user" in office.entries("dead")[0].last_error


def test_a_server_that_is_down_loses_nothing(office, box):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    office.channels = [email(box, port=port, allow_hosts=["127.0.0.1"])]
    office.post(alert())
    assert office.deliver().failed == 1
    office.channels = [email(box)]
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 1


def test_a_server_that_closes_for_maintenance_ends_the_round_and_no_message(office, box):
    box.rcpt = lambda _: "421 closing"
    office.channels = [email(box, to=TWO)]
    office.post(alert())
    assert office.deliver().failed == 1
    assert len(box.attempts) == 1
    box.rcpt = lambda _: None
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 2


def test_a_mail_that_was_taken_without_a_word_comes_again_under_the_same_message_id(office, box):
    box.data = lambda _: "drop"
    office.channels = [email(box)]
    office.post(alert())
    assert office.deliver().failed == 1
    box.data = lambda _: None
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 1
    assert len(box.mails) == 2
    assert len({mail["Message-ID"] for _, mail in box.mails}) == 1


def secure(box, ca, **more):
    return email(
        box, security="starttls", host="smtp.example.in", allow_hosts=["smtp.example.in"], ca_file=ca.ca_file, **more
    )


def test_starttls_with_a_verified_certificate_carries_the_mail_and_the_login(ca, storage, monkeypatch):
    monkeypatch.setenv("SMTP_PASSWORD", "correct horse")
    seen = []

    def login(server, session, envelope, mechanism, data):
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"correct horse", handled=False)

    with mail_receiver(ca.server("smtp.example.in"), authenticator=login, auth_required=True) as box:
        office = Office(storage, lambda *_: ["127.0.0.1"])
        office.channels = [secure(box, ca, username="kifayat", password={"env": "SMTP_PASSWORD"})]
        office.post(alert())
        assert office.deliver().sent == 1
        monkeypatch.setenv("SMTP_PASSWORD", "wrong")
        office.post(alert("other"))
        assert office.deliver().failed == 1
        (waiting,) = office.entries("waiting")
        assert "the login was refused" in waiting.last_error
        assert "wrong" not in waiting.last_error
    assert set(seen) == {(b"kifayat", b"correct horse"), (b"kifayat", b"wrong")}


@pytest.mark.parametrize("name", ["other.example.in", "127.0.0.1"])
def test_a_certificate_of_another_name_gets_no_mail(ca, storage, name):
    with mail_receiver(ca.server(name)) as box:
        office = Office(storage, lambda *_: ["127.0.0.1"])
        office.channels = [secure(box, ca)]
        office.post(alert())
        assert office.deliver().failed == 1
        assert "certificate" in office.entries()[0].last_error
        assert (box.mails, box.attempts) == ([], [])


def test_a_server_that_offers_no_tls_gets_no_mail_in_the_clear(ca, box, storage):
    office = Office(storage, lambda *_: ["127.0.0.1"])
    office.channels = [secure(box, ca)]
    office.post(alert())
    assert office.deliver().failed == 1
    assert "STARTTLS" in office.entries()[0].last_error
    assert box.attempts == []


def test_a_mail_server_inside_is_refused_unless_it_is_listed(storage, box):
    office = Office(storage, lambda *_: ["127.0.0.1"])
    office.channels = [email(box, security="starttls", host="smtp.example.in", allow_hosts=[])]
    office.post(alert())
    assert office.deliver().dead == 1
    assert "not public" in office.entries()[0].last_error
    assert box.attempts == []
