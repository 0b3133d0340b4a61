"""Who is told, when, and together with what."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from office import NOON, alert, email, webhook

from core import AlertsConfig, ChannelConfig
from notify import is_quiet

pytestmark = pytest.mark.pure


def pagerduty(web, **more):
    return ChannelConfig(
        name="pager", kind="pagerduty", url=web.url, routing_key={"env": "HOOK_SECRET"}, allow_hosts=[web.host], **more
    )


def test_a_channel_is_told_of_its_topics_from_its_severity_on(office, web, box):
    office.channels = [
        email(box, topics=("finance",)),
        webhook(web, "errors", min_severity="error"),
        webhook(web, "engineers", topics=("engineering",), min_severity="warning"),
    ]
    office.post(alert("a", topics=("finance",), severity="info"))
    office.post(alert("b", topics=("engineering",), severity="error"))
    found = {(one.event_id.split(":")[1], one.channel) for one in office.entries()}
    assert found == {("a", "mail"), ("b", "errors"), ("b", "engineers")}


def test_posting_twice_tells_once_and_says_what_is_new(office, web):
    office.channels = [webhook(web)]
    assert office.post(alert("a"), alert("b")) == ["budget:a:2026:actual:80", "budget:b:2026:actual:80"]
    assert office.post(alert("a"), alert("c")) == ["budget:c:2026:actual:80"]
    assert office.deliver().sent == 3


def test_the_end_of_an_incident_is_told_to_whom_its_beginning_was_and_to_nobody_else(office, web, box):
    office.channels = [pagerduty(web, min_severity="error"), email(box, min_severity="warning")]
    begin = alert(severity="error")
    end = alert(event_id="budget:Content:2026:actual:80:resolved", severity="info", action="resolve")
    office.post(begin)
    office.channels.append(webhook(web, "new"))
    office.post(end)
    told = {(one.event_id.endswith("resolved"), one.channel) for one in office.entries()}
    assert told == {(False, "pager"), (False, "mail"), (True, "pager"), (True, "mail")}


def test_a_pager_is_not_told_of_a_report(office, web, box):
    office.channels = [pagerduty(web), email(box)]
    office.post(alert(event_id="weekly:2026-W29", kind="weekly", action="tell", key=""))
    assert [one.channel for one in office.entries()] == ["mail"]


@pytest.mark.parametrize(
    ("begin", "end", "at", "quiet"),
    [
        (time(22), time(7), "2026-07-18T16:30", True),  # 22:00 in India
        (time(22), time(7), "2026-07-18T16:29", False),
        (time(22), time(7), "2026-07-18T01:29", True),
        (time(22), time(7), "2026-07-18T01:30", False),  # 07:00
        (time(13), time(14), "2026-07-18T07:30", True),
        (time(13), time(14), "2026-07-18T08:30", False),
        (time(7), time(7), "2026-07-18T01:30", False),
        (None, None, "2026-07-18T20:00", False),
    ],
)
def test_quiet_hours_are_indian_and_may_cross_midnight(begin, end, at, quiet):
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert is_quiet(AlertsConfig(quiet_from=begin, quiet_until=end), now) is quiet


def test_quiet_hours_hold_what_is_not_urgent_until_they_end(office, web, box):
    office.alerts = AlertsConfig(quiet_from=time(22), quiet_until=time(7), group_minutes=0)
    office.channels = [email(box)]
    office.clock.advance(timedelta(hours=11))  # 23:00 in India
    office.post(alert("calm"), alert("fire", severity="critical"))
    assert office.deliver().sent == 1
    assert box.mails[0][1]["Subject"].startswith("Critical: fire")
    office.clock.advance(timedelta(hours=8))
    assert office.deliver().sent == 1
    assert box.mails[1][1]["Subject"].startswith("Warning: calm")


def test_an_incident_that_ends_at_night_is_closed_in_the_pager_at_night(office, web, box):
    office.alerts = AlertsConfig(quiet_from=time(22), quiet_until=time(7), group_minutes=0)
    office.channels = [pagerduty(web), email(box)]
    office.post(alert(severity="error"))
    assert office.deliver().sent == 2
    office.clock.advance(timedelta(hours=11))
    office.post(alert(event_id="end", severity="info", action="resolve"))
    assert office.deliver().sent == 1
    assert b'"event_action": "resolve"' in web.requests[1][2]


def test_alerts_of_one_topic_are_told_in_one_mail_and_one_by_one_to_machines(office, web, box):
    office.alerts = AlertsConfig(group_minutes=5)
    office.channels = [email(box), webhook(web)]
    office.post(alert("a"))
    office.clock.advance(timedelta(minutes=3))
    office.post(alert("b"), alert("c", topics=("operations",)))
    assert office.deliver().sent == 3  # the machine waits for nothing
    office.clock.advance(timedelta(minutes=2))
    assert office.deliver().sent == 2
    office.clock.advance(timedelta(minutes=3))
    assert office.deliver().sent == 1
    assert [mail["Subject"] for _, mail in box.mails] == [
        "Warning: a has spent 80 % of its budget (and 1 more)", "Warning: c has spent 80 % of its budget",
    ]  # fmt: skip
    text = box.mails[0][1].get_body(("plain",)).get_content()
    assert "a has spent" in text
    assert "b has spent" in text
    assert {one.state for one in office.entries()} == {"sent"}


def test_a_group_that_has_to_be_repeated_has_the_same_message_id_though_more_came(office, box):
    office.alerts = AlertsConfig(group_minutes=5)
    office.channels = [email(box)]
    office.post(alert("a"), alert("b"))
    office.clock.advance(timedelta(minutes=5))
    box.data = lambda _: "drop"
    assert office.deliver().failed == 2
    office.post(alert("c"))
    box.data = lambda _: None
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 2
    first, again = (mail for _, mail in box.mails)
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Subject"] == again["Subject"]


def test_a_report_travels_alone_and_waits_for_nobody(office, box):
    office.alerts = AlertsConfig(group_minutes=5)
    office.channels = [email(box)]
    for edition in ("finance", "engineering"):
        office.post(alert(event_id=f"weekly:{edition}", kind="weekly", action="tell", key="", occurred_at=NOON))
    assert office.deliver().sent == 2
    assert len(box.mails) == 2
