"""[[channels]]: every fault at once with the nearest key, and never a secret in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import ConfigError, load_config
from kifayat.template import write_template
from notify import channel_settings, open_channels

pytestmark = pytest.mark.pure

START = '[storage]\ndirectory = "store"\n[[exports]]\nname = "aws"\nlocation = "in"\n'


def faults(folder: Path, text: str) -> tuple[str, ...]:
    file = folder / "kifayat.toml"
    file.write_text(START + text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file, channels=channel_settings)
    return caught.value.faults


def test_every_fault_of_every_channel_is_told_at_once_with_the_nearest_key(tmp_path):
    told = faults(
        tmp_path,
        """
[[channels]]
name = "mail"
kind = "email"
hots = "smtp.example.in"
sender = "Kifayat <nobody>"
to = ["cfo@example.in", "cto example.in"]
security = "ssl"
min_severty = "error"
username = "kifayat"
[[channels]]
name = "chat"
kind = "slak"
[[channels]]
name = "chat"
kind = "teams"
topics = ["finanse"]
[[channels]]
name = "hook"
kind = "webhook"
url = "https://hooks.example.in"
secrets = []
[keep_months]
""",
    )
    assert set(told) == {
        "keep_months is not a setting. Known here: company, storage, engine, connections, exports, allocation,"
        " fx, targets, budgets, credits, season, forecast, plan, dashboard, service, alerts, report, channels",
        "two channels are called chat",
        "channels[0] (mail).hots is not a setting. Did you mean host?",
        "channels[0] (mail).sender: 'nobody' is no address such as cfo@example.in",
        "channels[0] (mail).to[1]: 'cto example.in' is no address such as cfo@example.in",
        "channels[0] (mail).security is 'ssl': expected 'starttls', 'tls' or 'none'",
        "channels[0] (mail).min_severty is not a setting. Did you mean min_severity?",
        "channels[1] (chat).kind is 'slak', which is no channel. Did you mean slack?",
        "channels[2] (chat).topics[0] is 'finanse': expected 'finance', 'engineering' or 'operations'",
        "channels[2] (chat).url is missing",
        "channels[3] (hook).secrets is []: expected tuple should have at least 1 item after validation, not 0",
    }


@pytest.mark.parametrize(
    "value",
    ['"https://hooks.slack.com/services/T0/B0/hush"', '{ env = "https://hush.example/x" }', '{ value = "hush" }',
     '{ env = "A", file = "hush" }', "{ }", '{ env = "" }', "5"],
)  # fmt: skip
def test_a_secret_in_place_of_its_reference_is_refused_and_not_repeated(tmp_path, value):
    told = faults(tmp_path, f'[[channels]]\nname = "chat"\nkind = "slack"\nurl = {value}\n')
    assert told
    assert "hush" not in "".join(told)
    assert any("channels[0] (chat).url" in one for one in told)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ('username = "k"', "username and password belong together"),
        ('security = "none"', "list the host in allow_hosts"),
    ],
)
def test_settings_that_do_not_go_together_are_faults_of_the_channel(tmp_path, more, fault):
    mail = '[[channels]]\nname = "m"\nkind = "email"\nhost = "h.example"\nsender = "k@x.in"\nto = "a@x.in"\n'
    (told,) = faults(tmp_path, mail + more)
    assert told.startswith("channels[0] (m): ")
    assert fault in told


def test_a_secret_is_read_from_the_environment_or_from_a_file_beside_the_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAT_URL", " https://chat.example/x \n")
    (tmp_path / "secret").write_text("https://chat.example/y\n")
    file = tmp_path / "kifayat.toml"
    channel = '[[channels]]\nname = "{}"\nkind = "teams"\nurl = {}\n'
    file.write_text(
        START + channel.format("a", '{ env = "CHAT_URL" }') + channel.format("b", '{ file = "secret" }')
        + channel.format("c", '{ env = "NOT_SET" }') + channel.format("d", '{ file = "absent" }'),
        encoding="utf-8",
    )  # fmt: skip
    config = load_config(file, channels=channel_settings)
    a, b, c, d = open_channels(config.channels, config.path)
    assert (a.settings.url.read(), b.settings.url.read()) == ("https://chat.example/x", "https://chat.example/y")
    assert (a.faults(), b.faults()) == ([], [])
    assert c.faults() == ["channels.c: there is no secret in the variable NOT_SET of the environment"]
    assert d.faults() == [f"channels.d: the secret in {tmp_path / 'absent'} cannot be read: FileNotFoundError"]


def test_an_address_that_would_be_refused_is_told_before_anything_is_sent(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAT_URL", "http://chat.example/hush")
    file = tmp_path / "kifayat.toml"
    file.write_text(START + '[[channels]]\nname = "a"\nkind = "slack"\nurl = { env = "CHAT_URL" }\n', encoding="utf-8")
    config = load_config(file, channels=channel_settings)
    (fault,) = open_channels(config.channels, config.path)[0].faults()
    assert "only https:// is sent to" in fault
    assert "hush" not in fault


def test_the_examples_of_the_readme_and_of_init_are_configurations(tmp_path):
    told = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split("## Telling people")[1]
    example = told.split("```toml")[1].split("```")[0]
    (tmp_path / "readme.toml").write_text(START + example, encoding="utf-8")
    config = load_config(tmp_path / "readme.toml", channels=channel_settings)
    assert [channel.name for channel in open_channels(config.channels)] == ["finance-mail", "engineers"]
    write_template(tmp_path / "init.toml", "in")
    text = (tmp_path / "init.toml").read_text(encoding="utf-8")
    begin, end = text.index("# [alerts]"), text.index("# [engine]")
    open_lines = [line.removeprefix("# ") for line in text[begin:end].splitlines()]
    (tmp_path / "init.toml").write_text(START + "\n".join(open_lines), encoding="utf-8")
    config = load_config(tmp_path / "init.toml", channels=channel_settings)
    assert config.alerts.quiet_from is not None
    assert len(open_channels(config.channels)) == 1
