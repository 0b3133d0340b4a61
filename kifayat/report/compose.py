"""A report as a message and as a file: a mail with its pictures inside, a page, text, a workbook, a PDF.

Not for sending: `notify` does that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Final

from core import KifayatError, WrongUsage
from kifayat.report.parts import Report
from kifayat.report.render import embedded, html, pictures, text
from kifayat.report.workbook import workbook
from notify import Attachment, Message

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ENDINGS: Final = (".html", ".txt", ".xlsx", ".pdf", ".eml")
_PATIENCE_SECONDS: Final = 90


def message(report: Report) -> Message:
    """What is put into the outbox: the mail with pictures and workbook; other channels show summary and facts."""
    pngs = pictures(report)
    sources = {name: f"cid:{_content_id(report, name)}" for name in pngs}
    return Message(
        event_id=report.event_id,
        kind=report.kind,
        title=f"{report.title}: {report.headline[0].text}" if report.headline else report.title,
        summary=report.summary,
        occurred_at=report.made_at,
        topics=(report.edition,),
        facts=tuple((figure.label, figure.text) for figure in report.headline),
        link=report.page_url,
        text=text(report),
        html=html(report, sources),
        attachments=(
            *(Attachment(f"{name}.png", png, "image/png", _content_id(report, name)) for name, png in pngs.items()),
            Attachment(f"{_file_name(report)}.xlsx", workbook(report), XLSX),
        ),
    )


def _content_id(report: Report, chart: str) -> str:
    return f"{chart}.{_file_name(report)}@kifayat"


def _file_name(report: Report) -> str:
    return f"cloud-cost-{report.label}-{report.edition}"


def page(report: Report) -> str:
    """The HTML by itself, with its pictures inside."""
    return html(report, embedded(pictures(report)))


def write(report: Report, to: Path) -> None:
    """Write the file whose kind its ending tells. Raises WrongUsage for another one, KifayatError without a browser."""
    ending = to.suffix.lower()
    if ending == ".html":
        to.write_text(page(report), encoding="utf-8")
    elif ending == ".txt":
        to.write_text(text(report), encoding="utf-8")
    elif ending == ".xlsx":
        to.write_bytes(workbook(report))
    elif ending == ".eml":
        to.write_bytes(mail(report))
    elif ending == ".pdf":
        _print(page(report), to)
    else:
        raise WrongUsage(
            f"a report cannot be written as {to.name}", expected="a name that ends in " + ", ".join(ENDINGS)
        )


def mail(report: Report) -> bytes:
    """The message as a mail program opens it, addressed to nobody; the same report is the same bytes."""
    told = message(report)
    made = EmailMessage(policy=SMTP)
    made["Subject"] = told.title
    made["Date"] = told.occurred_at
    made["Message-ID"] = f"<{told.event_id.replace(':', '.')}@kifayat>"
    made.set_content(told.text)
    made.add_alternative(told.html, subtype="html")
    related = list(made.iter_parts())[-1]
    for one in told.attachments:
        main, sub = one.media_type.split("/")
        if one.content_id:
            related.add_related(
                one.content, main, sub, cid=f"<{one.content_id}>", filename=one.name, disposition="inline"
            )
        else:
            made.add_attachment(one.content, main, sub, filename=one.name)
    for place, part in enumerate(one for one in made.walk() if one.is_multipart()):
        part.set_boundary(f"=={_file_name(report)}=={place}==")
    return made.as_bytes()


def _print(page: str, to: Path) -> None:
    """Let chromium print the page; it sees this one file and no network."""
    browser = os.environ.get("KIFAYAT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    browser = browser or shutil.which("google-chrome")
    if browser is None:
        raise KifayatError(
            "a PDF is printed by chromium, and there is none here", where=str(to),
            fix="install chromium or name it in KIFAYAT_CHROMIUM, or write .html and print that",
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "report.html"
        source.write_text(page, encoding="utf-8")
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder}/profile", "--no-pdf-header-footer",
            f"--print-to-pdf={to.resolve()}", source.as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise KifayatError("chromium did not print the report in time", where=str(to)) from error
        if done.returncode or not to.exists():
            raise KifayatError(f"chromium printed nothing: {done.stderr.strip()[-300:]}", where=str(to))
