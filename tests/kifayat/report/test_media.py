"""The mail: the same numbers in every part, inert whoever wrote the tags, nothing fetched from anywhere."""

from __future__ import annotations

import email
import io
import re
from email.policy import default
from html.parser import HTMLParser

import pytest
from PIL import Image
from reported import HOSTILE

from kifayat.report import Report, charts
from kifayat.report.compose import mail, message, page
from kifayat.report.parts import Chart, clean
from kifayat.report.render import LINE, html, text
from notify import Message

AMOUNT = re.compile(r"[+-]?₹\d[\d,]*(?<!,)(?:\.\d+)?(?: lakh| crore)?")


class Seen(HTMLParser):
    """What a mail program finds in a page: elements with their attributes, and the text that is shown."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._hidden = 0
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._hidden += tag in ("style", "title")

    def handle_endtag(self, tag):
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data):
        if not self._hidden:
            self.words.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        alts = [one.get("alt") or "" for one in self.of("img")]
        return " ".join(" ".join([*self.words, *alts]).split())


def sources(report: Report) -> dict[str, str]:
    return {chart.name: f"cid:{chart.name}" for chart in report.charts}


def known_amounts(report: Report) -> set[str]:
    """Every amount that a figure or a cell of a table has, and the target."""
    texts = [one.text for one in report.figures]
    texts += [table.text(row, column) for table in report.tables for row in table.rows for column in table.columns]
    return {amount for one in texts for amount in AMOUNT.findall(one)} | {"₹5", "₹5.00"}


@pytest.mark.parametrize("name", ["weekly", "monthly"])
def test_every_amount_in_the_mail_is_a_figure_or_a_cell_of_the_report(request, name):
    report = request.getfixturevalue(name)
    known = known_amounts(report)
    for told in (text(report), Seen(html(report, sources(report))).text, report.summary):
        found = set(AMOUNT.findall(told))
        assert found
        assert found <= known


@pytest.mark.parametrize("name", ["weekly", "monthly"])
def test_text_and_html_hold_the_same_amounts(request, name):
    report = request.getfixturevalue(name)
    plain = set(AMOUNT.findall(" ".join(text(report).split())))
    assert plain == set(AMOUNT.findall(Seen(html(report, sources(report))).text))


def test_html_is_short_enough_to_be_shown_whole(acme):
    report = acme.weekly_report("engineering")
    assert len(html(report, sources(report)).encode()) < 102_000  # from there on Gmail cuts a mail off


@pytest.mark.parametrize("name", ["weekly", "monthly"])
def test_nothing_is_fetched_and_every_style_is_in_its_element(request, name):
    report = request.getfixturevalue(name)
    source = page(report)
    assert "http:" not in source
    assert "https:" not in source
    seen = Seen(source)
    assert {tag for tag, _ in seen.elements}.isdisjoint({"script", "link", "iframe", "object", "form", "svg", "base"})
    assert all((one["src"] or "").startswith("data:image/png;base64,") for one in seen.of("img"))
    assert all(
        "style" in one for tag in ("td", "h1", "h2", "p") for one in seen.of(tag) if tag != "td" or "class" in one
    )
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)
    assert style is not None
    assert "prefers-color-scheme" in style[1]
    assert "@import" not in style[1]
    assert "url(" not in source


def test_page_says_that_it_knows_the_dark_and_fits_the_width_of_a_mail(weekly):
    seen = Seen(html(weekly, sources(weekly)))
    assert {"name": "color-scheme", "content": "light dark"} in seen.of("meta")
    assert any("max-width: 640px" in (one.get("style") or "") for one in seen.of("table"))
    assert all(one.get("role") == "presentation" or one.get("class") == "data" for one in seen.of("table"))


def test_every_picture_has_words_that_stand_for_it(weekly, monthly):
    for report in (weekly, monthly):
        images = Seen(html(report, sources(report))).of("img")
        assert [one["alt"] for one in images] == [chart.alt for chart in report.charts]
        assert all(len(chart.alt) > 40 for chart in report.charts)
        assert all(chart.alt in " ".join(text(report).split()) for chart in report.charts)


def test_mail_holds_text_html_pictures_and_workbook(weekly):
    parsed = email.message_from_bytes(mail(weekly), policy=default)
    assert parsed["Subject"] == "Cloud cost of 20–26 July 2026: " + weekly.headline[0].text
    assert parsed["Message-ID"] == "<weekly.2026-W30.finance@kifayat>"
    assert parsed.get_body(("plain",)).get_content().split() == text(weekly).split()
    body = parsed.get_body(("html",)).get_content()
    ids = {part["Content-ID"].strip("<>") for part in parsed.walk() if part["Content-ID"]}
    assert {source.removeprefix("cid:") for source in re.findall(r'src="([^"]+)"', body)} == ids
    assert [part.get_filename() for part in parsed.iter_attachments()] == ["cloud-cost-2026-W30-finance.xlsx"]


def test_message_is_the_same_event_however_often_it_is_made(acme, weekly):
    told = message(weekly)
    assert told.event_id == "weekly:2026-W30:finance"
    assert told.topics == ("finance",)
    engineering = acme.monthly_report(edition="engineering").message
    assert (engineering.event_id, engineering.topics) == ("monthly:2026-07:engineering", ("engineering",))
    assert Message.from_json(told.to_json()) == told


def test_same_report_is_the_same_bytes(acme, weekly):
    again = acme.weekly_report()
    assert again == weekly
    assert mail(again) == mail(weekly)


def test_lines_of_the_text_fit_a_terminal(weekly, monthly):
    for report in (weekly, monthly):
        assert max(map(len, text(report).splitlines())) <= LINE


@pytest.mark.parametrize("edition", ["finance", "engineering"])
def test_hostile_text_is_shown_and_does_nothing(hostile, edition):
    report = hostile.weekly_report(edition)
    source = html(report, sources(report))
    seen = Seen(source)
    assert "<script>alert(1)</script>" in seen.text  # as letters
    assert "script" not in {tag for tag, _ in seen.elements}
    assert not any(name.startswith("on") for _, attributes in seen.elements for name in attributes)
    assert not seen.of("a")
    plain = text(report)
    for told in (seen.text, plain, mail(report).decode("ascii")):
        assert "://evil" not in told  # a mail program would make a link of it
        assert "\u202e" not in told
    assert not re.search(r"^Bcc:", plain, re.MULTILINE)
    parsed = email.message_from_bytes(mail(report), policy=default)
    assert parsed["Bcc"] is None


def test_commands_are_set_apart_and_nothing_in_them_is_markup():
    from kifayat.report.render import _coded

    told = str(_coded("run `kifayat <b>` or <i>"))
    assert told == 'run <span class="command">kifayat &lt;b&gt;</span> or &lt;i&gt;'


def test_a_long_tag_is_one_short_line():
    assert len(clean("x" * 1_000_000)) == 240
    assert clean("a\u2028b\x00c\ud800") == "a b␣c␣"
    assert clean(HOSTILE[2]) == "a Bcc: all@\u2060evil.example"


def test_links_are_those_of_the_configuration_only(acme):
    from dataclasses import replace

    report = replace(acme.weekly_report(), page_url="https://costs.example/")
    assert [one["href"] for one in Seen(html(report, sources(report))).of("a")] == ["https://costs.example/"]
    assert "https://costs.example/" in text(report)


def drawn(letter: str) -> bytes:
    """The pixels of one letter."""
    mark = {"type": "text", "fontSize": 60, "font": charts.FONT}
    spec = {"width": 80, "height": 80, "data": {"values": [{"t": letter}]}, "mark": mark}
    picture = charts.png(Chart("t", "t", {**spec, "encoding": {"text": {"field": "t"}}}))
    return Image.open(io.BytesIO(picture)).convert("L").tobytes()


def test_the_shipped_font_draws_the_rupee_and_devanagari():
    nothing, blank = drawn("\U0010fffd"), drawn(" ")
    letters = [drawn(letter) for letter in "₹क₨A1"]
    assert all(letter not in (nothing, blank) for letter in letters)
    assert len(set(letters)) == len(letters)
    assert [path.name for path in sorted(charts.FONTS.glob("*"))] == ["KifayatSans-Regular.ttf", "OFL.txt"]


def test_a_chart_fetches_nothing():
    spec = {"data": {"url": "http://127.0.0.1:9/x.json"}, "mark": "point", "encoding": {"x": {"field": "a"}}}
    with pytest.raises(ValueError, match=r"(?i)url|allow"):
        charts.png(Chart("t", "t", spec))


def test_pictures_are_light_and_of_one_width(weekly):
    for chart in weekly.charts:
        picture = Image.open(io.BytesIO(charts.png(chart))).convert("RGB")
        assert picture.size[0] == charts.WIDTH * charts.SCALE
        assert picture.getpixel((2, 2)) == (255, 255, 255)
