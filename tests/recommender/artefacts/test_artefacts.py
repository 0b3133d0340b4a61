"""Every artefact is read by the parser of the tool that it is for; what stands in a name stays a name."""

from __future__ import annotations

import gzip
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import botocore.loaders
import botocore.model
import botocore.validate
import hcl2
import jsonschema
import pytest

from core import UnknownName
from recommender.action import Recipe
from recommender.artefacts import NotNatural, artefacts, formats, render
from recommender.artefacts._texts import days_without_stop, spans_with_stop
from recommender.artefacts.cli import operations

pytestmark = pytest.mark.pure

FACTS = Path(__file__).parent / "facts"

HOSTILE = "x\"; rm -rf / $(id) ${var.a} %{if} 'quoted'\n`tick` <script>\u202egpj"
SCHEDULE = {
    "days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "start": "09:00", "end": "21:30", "timezone": "Asia/Kolkata",
    "exceptions": [["2027-03-18", "2027-05-05"]], "early_minutes": 30, "members": ["i-0123456789abcdef0"],
    "days_off": ["2026-10-02"], "made_on": "2026-08-21",
}  # fmt: skip
STEPS = [
    {"at": "2027-04-11T05:30:00+05:30", "min": 20, "max": 40, "desired": 20},
    {"at": "2027-04-11T23:00:00+05:30", "min": 8, "max": 40, "desired": 8},
    {"at": "2027-04-12T05:30:00+05:30", "min": 20, "max": 40, "desired": 20},
    {"at": "2027-04-12T23:00:00+05:30", "min": 8, "max": 40, "desired": 8},
    {"at": "2027-05-05T00:00:00+05:30", "min": 4, "max": 40, "desired": 4},
]
VALUES: dict[str, dict[str, Any]] = {
    "delete": {"snapshot_first": True}, "stop_and_snapshot": {"start_again": "2027-03-18"}, "schedule": SCHEDULE,
    "scale": {"steps": STEPS, "timezone": "Asia/Kolkata"},
    "resize": {"from": "m6i.4xlarge", "to": "r6i.2xlarge", "windows": []},
    "modernise": {"from": "m6i.xlarge", "to": "m6a.xlarge", "architecture": "x86_64"},
    "set_requests": {"requests": [
        {"namespace": "web", "name": HOSTILE, "cpu": "750m", "memory": "3072Mi"},
        {"namespace": "web", "name": "web-api", "cpu": "2000m", "memory": "512Mi"},
    ]},
    "resize_template": {"from": "m6i.2xlarge", "to": "c6i.2xlarge", "units": 1.0},
    "change_volume": {"type": "gp3", "from": "gp2", "iops": 3000, "throughput_mibps": 250, "size_gib": 600.0},
    "storage_class": {"steps": [{"days": 30, "to": "STANDARD_IA"}, {"days": 90, "to": "GLACIER_IR"}], "prefix": ""},
    "abort_uploads": {"days": 7}, "expire": {"days": 30}, "retention": {"days": 180},
    "endpoint": {"services": ["s3", "dynamodb"]}, "arm": {"architecture": "arm64"},
    "empty_pool": {"cluster": "pragati", "pool": "general"},
    "move_region": {"to_region": "ap-south-2", "type": "m6a.xlarge", "spot": True},
    "spot_mix": {"on_demand_base": 4, "spot_percentage": 60, "exam_percentage": 30, "exam_windows": [],
                 "types": ["c6i.2xlarge", "c6a.2xlarge"]},
    "buy_plan": {"plan_type": "EC2Instance", "family": "m6i", "hourly_usd": "1.71", "term_years": 1,
                 "payment": "No Upfront", "starts_at": "2026-11-01T00:00:00Z"},
    "buy_reservation": {"product": "rds", "type": "db.r6g.large", "engine": "postgresql", "count": 2, "term_years": 1,
                        "payment": "No Upfront"},
    "return_plan": {}, "buy_cud": {"kind": "resource", "series": "n2", "vcpus": 20, "memory_gib": 80, "term_years": 1},
    "set_tags": {"tags": {"team": "data"}},
}  # fmt: skip
IDS = {
    "machine": "i-0123456789abcdef0", "database": "arn:aws:rds:ap-south-1:111122223333:db:staging-db-1",
    "disk": "vol-0123456789abcdef0", "snapshot": "snap-0123456789abcdef0", "group": "group/111122223333/web",
    "address": "eipalloc-0123456789abcdef0", "nat": "nat-0123456789abcdef0", "bucket": "pragati-masters",
    "balancer": "arn:aws:elasticloadbalancing:ap-south-1:111122223333:loadbalancer/app/old/50dc6c495c0c9188",
    "cache": "arn:aws:elasticache:ap-south-1:111122223333:cluster:sessions-1",
    "log": "arn:aws:logs:ap-south-1:111122223333:log-group:/prod/all",
    "endpoint": "vpce-0123456789abcdef0",
    "function": "arn:aws:lambda:ap-south-1:111122223333:function:score-paper",
    "commitment": "plan", "node_pool": "pool-1",
}  # fmt: skip


def recipe(verb: str, kind: str, provider: str = "aws", name: str = "web", **more: Any) -> Recipe:
    """Of a target of a kind."""
    id_ = IDS[kind]
    if provider == "gcp":
        id_ = f"//compute.googleapis.com/projects/pragati-dev/zones/asia-south1-a/instances/{kind}-1"
    region = "asia-south1" if provider == "gcp" else "ap-south-1"
    target = {"provider": provider, "account": "111122223333", "region": region, "kind": kind, "id": id_, "name": name}
    return Recipe(verb, target, VALUES[verb] | more)


def every_case() -> list[tuple[str, str, str, str]]:
    """Each format with each verb, provider and kind that it says it can."""
    found = []
    for name, module in artefacts().items():
        for verb, providers in module.VERBS.items():
            for provider, kinds in providers.items():
                for kind in kinds:
                    found.append((name, verb, provider, "commitment" if kind == "*" else kind))
    return found


@pytest.mark.parametrize(("form", "verb", "provider", "kind"), every_case())
def test_every_case_renders_and_hostile_names_change_no_structure(
    form: str, verb: str, provider: str, kind: str
) -> None:
    plain = render(recipe(verb, kind, provider), form)
    assert plain.endswith("\n")
    hostile = render(recipe(verb, kind, provider, HOSTILE), form)
    assert hostile.count("\n") == plain.count("\n"), "a name adds no line"
    assert "\u202e" not in hostile
    if form in ("cli", "gcloud", "wake"):
        for a, b in zip(plain.splitlines(), hostile.splitlines(), strict=True):
            if not a.startswith("#"):
                assert len(shlex.split(a)) == len(shlex.split(b)), "a name stays one word"
    if form == "terraform":
        assert hcl2.load(io.StringIO(hostile)).keys() == hcl2.load(io.StringIO(plain)).keys()
        code = "\n".join(line for line in hostile.splitlines() if not line.startswith("#"))
        assert not re.search(r"(?<![$])[$][{]", code), "nothing in a name is expanded"


def _operation(service: str, operation: str) -> botocore.model.OperationModel:
    names = {"s3api": "s3"}
    loader = botocore.loaders.Loader()
    model = botocore.model.ServiceModel(loader.load_service_model(names.get(service, service), "service-2"))
    by_name = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in model.operation_names}
    return model.operation_model(by_name[operation.replace("-", "")])


def _parameters(words: list[str], model: botocore.model.OperationModel) -> dict[str, Any]:
    """Options of the CLI as parameters of the API: the CLI's names are those of the API in kebab case."""
    shape = model.input_shape
    assert shape is not None
    members = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in shape.members}
    found: dict[str, Any] = {}
    at = 0
    while at < len(words):
        option = words[at].removeprefix("--")
        values = []
        at += 1
        while at < len(words) and not words[at].startswith("--"):
            values.append(words[at])
            at += 1
        if option == "region":
            continue
        if option == "cli-input-json":
            return dict(json.loads(values[0]))
        value: Any = True
        if option.startswith("no-") and option.removeprefix("no-").replace("-", "") in members:
            option, value = option.removeprefix("no-"), False
        name = members[option.replace("-", "")]
        member = shape.members[name]
        if values:
            value = _typed(values, member)
        found[name] = value
    return found


def _typed(values: list[str], member: Any) -> Any:
    if member.type_name in ("structure", "map") or (member.type_name == "list" and values[0].startswith(("{", "["))):
        if not values[0].startswith("{"):
            return dict(pair.split("=", 1) for pair in values[0].split(","))
        return json.loads(values[0])
    if member.type_name == "list":
        if member.member.type_name == "structure":
            keys = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in member.member.members}
            rows = []
            for value in values:
                row: dict[str, Any] = {}
                for pair in value.split(","):
                    key, _, text = pair.partition("=")
                    of = member.member.members[keys[key.lower()]]
                    row[keys[key.lower()]] = [text] if of.type_name == "list" else text
                rows.append(row)
            return rows
        return [int(v) for v in values] if member.member.type_name in ("integer", "long") else values
    if member.type_name in ("integer", "long"):
        return int(values[0])
    if member.type_name == "timestamp":
        return values[0]
    return values[0]


@pytest.mark.parametrize(
    ("form", "verb", "kind"),
    [
        (form, verb, kind)
        for form, verb, provider, kind in every_case()
        if form in ("cli", "wake") and provider == "aws"
    ],
)
def test_commands_have_the_parameters_of_the_api(form: str, verb: str, kind: str) -> None:
    commands = list(operations(render(recipe(verb, kind), form)))
    assert commands
    for words in commands:
        service, operation, rest = words[1], words[2], words[3:]
        if operation == "wait":
            continue
        model = _operation(service, operation)
        parameters = _parameters(rest, model)
        if operation == "run-instances":  # the CLI adds them
            parameters |= {"MinCount": 1, "MaxCount": 1}
        report = botocore.validate.ParamValidator().validate(parameters, model.input_shape)
        assert not report.has_errors(), report.generate_report()


def test_seasons_of_a_size_are_told_with_their_days() -> None:
    windows = [{"start": "2027-03-04", "end": "2027-05-12", "type": "m6i.4xlarge"}]
    for form, provider in (("cli", "aws"), ("gcloud", "gcp")):
        text = render(recipe("resize", "machine", provider, windows=windows), form)
        assert "again with m6i.4xlarge on 2027-03-04 until 2027-05-12, and back" in text.splitlines()[0]


def test_a_replication_group_is_changed_as_a_whole_and_an_io2_volume_has_no_throughput() -> None:
    group = recipe("resize", "cache", to="cache.m6g.large")
    group = Recipe(
        group.verb, {**group.target, "id": "arn:aws:elasticache:ap-south-1:1:replicationgroup:s"}, group.values
    )
    (words,) = operations(render(group, "cli"))
    assert words[2] == "modify-replication-group"
    assert (
        not botocore.validate.ParamValidator()
        .validate(_parameters(words[3:], _operation(*words[1:3])), _operation(*words[1:3]).input_shape)
        .has_errors()
    )
    values = {"type": "io2", "from": "io2", "iops": 4000, "size_gib": 600.0}
    volume = Recipe("change_volume", recipe("change_volume", "disk").target, values)
    assert "throughput" not in render(volume, "cli") + render(volume, "terraform")


def test_requests_of_kubectl_are_quantities_of_kubernetes_and_names_stay_one_word() -> None:
    """Quantities as in apimachinery's resource.Quantity: digits and m, or a binary suffix."""
    _, hostile, plain = (
        shlex.split(line) for line in render(recipe("set_requests", "group"), "kubectl").splitlines()
        if not line.startswith("#")
    )  # fmt: skip
    assert len(hostile) == len(plain)
    assert plain[:5] == ["kubectl", "set", "resources", "deployment", "web-api"]
    requests = dict(pair.split("=") for pair in plain[-1].removeprefix("--requests=").split(","))
    assert re.fullmatch(r"\d+m", requests["cpu"])
    assert re.fullmatch(r"\d+(Ki|Mi|Gi)", requests["memory"])


@pytest.mark.parametrize(("verb", "kind"), [("schedule", "machine"), ("schedule", "database")])
def test_schedules_of_eventbridge_are_valid_requests_in_indian_time(verb: str, kind: str) -> None:
    made = json.loads(render(recipe(verb, kind), "eventbridge"))
    model = _operation("scheduler", "create-schedule")
    for one in made:
        report = botocore.validate.ParamValidator().validate(one, model.input_shape)
        assert not report.has_errors(), report.generate_report()
        assert ZoneInfo(one["ScheduleExpressionTimezone"]) == ZoneInfo("Asia/Kolkata")
    up, down, after = (one["ScheduleExpression"] for one in made)
    assert down == after
    # the exam window begins on a Thursday: what was started on the Wednesday before it is not stopped in the evening
    assert (made[1]["EndDate"], made[2]["StartDate"]) == ("2027-03-16T18:30:00Z", "2027-05-04T18:30:00Z")
    assert "StartDate" not in made[1]
    assert up == "cron(0 9 ? * MON-FRI *)"
    # a database that is stopped starts by itself after a week: it is stopped every night, also on Sundays
    assert down == ("cron(30 21 ? * MON-FRI *)" if kind == "machine" else "cron(30 21 ? * * *)")


def test_scaling_actions_of_terraform_are_utc_and_those_of_schedules_name_their_zone() -> None:
    found = hcl2.load(io.StringIO(render(recipe("scale", "group"), "terraform")))
    times = re.findall(r"2027-04-1\dT\d\d:\d\d:00Z", json.dumps(found, default=str))
    assert "2027-04-11T00:00:00Z" in times, "05:30 in India is midnight of UTC"
    asleep = render(recipe("schedule", "group"), "terraform")
    assert '"Asia/Kolkata"' in asleep
    assert '"30 21 * * MON-FRI"' in asleep


def test_custodian_is_told_kolkata_by_name_and_never_stops_early() -> None:
    policies = _policies(render(recipe("schedule", "machine"), "c7n"))["policies"]
    off, on = (next(f for f in p["filters"] if f["type"] in ("offhour", "onhour")) for p in policies)
    assert (off["default_tz"], on["default_tz"]) == ("asia/kolkata", "asia/kolkata")
    assert off["offhour"] == 22, "an hourly run at :30 of India comes first at 22:30 after a window that ends 21:30"
    assert on["onhour"] == 9
    assert on["skip-days"] == ["2026-10-02"], "a quiet holiday: it is not started"
    assert (off["skip-days"][0], off["skip-days"][-1], len(off["skip-days"])) == ("2027-03-17", "2027-05-04", 49)


@pytest.mark.parametrize(
    ("exceptions", "days", "expected"),
    [
        ([["2026-09-12", "2026-09-14"]], ["Mon", "Tue", "Wed", "Thu", "Fri"], [("2026-09-11", "2026-09-14")]),
        ([["2026-09-14", "2026-09-16"]], ["Mon", "Tue", "Wed", "Thu", "Fri"], [("2026-09-11", "2026-09-16")]),
        ([["2026-09-14", "2026-09-16"]], [], [("2026-09-14", "2026-09-16")]),
        ([["2026-09-07", "2026-09-09"], ["2026-09-10", "2026-09-12"]], ["Mon", "Wed"], [("2026-09-02", "2026-09-12")]),
    ],
    ids=["a weekend", "a Monday", "off all week", "one after the other"],
)  # fmt: skip
def test_what_runs_into_an_exam_or_a_release_is_not_stopped_on_its_eve(exceptions, days, expected) -> None:
    found = days_without_stop({"exceptions": exceptions, "days": days})
    assert [(str(first), str(end)) for first, end in found] == expected


def test_a_stop_within_an_exam_window_begins_after_it() -> None:
    values = SCHEDULE | {"made_on": "2027-04-01"}
    assert spans_with_stop(values) == [("2027-05-04T18:30:00Z", None)]


def test_a_dormant_database_is_stopped_again_until_it_is_needed() -> None:
    commands = list(operations(render(recipe("stop_and_snapshot", "database"), "cli")))
    assert [words[2] for words in commands] == ["stop-db-instance", "create-schedule"]
    made = json.loads(commands[1][-1])
    assert made["ScheduleExpression"] == "cron(30 23 ? * * *)"
    assert made["EndDate"] == "2027-03-17T18:30:00Z", "from the day on which it is started again it is not stopped"
    assert made == json.loads(render(recipe("stop_and_snapshot", "database"), "eventbridge"))[0]


@pytest.mark.parametrize(
    ("provider", "kind", "word"),
    [("aws", "machine", "start-instances"), ("aws", "database", "start-db-instance"),
     ("aws", "group", "update-auto-scaling-group"), ("gcp", "machine", "start"), ("gcp", "database", "ALWAYS"),
     ("gcp", "node_pool", "resize")],
)  # fmt: skip
def test_whatever_sleeps_is_woken_by_one_command(provider: str, kind: str, word: str) -> None:
    text = render(recipe("schedule", kind, provider), "wake")
    (command,) = [line for line in text.splitlines() if not line.startswith(("#", "set"))]
    assert word in shlex.split(command)


def test_every_schedule_can_be_woken() -> None:
    for _, verb, provider, kind in every_case():
        if verb == "schedule" and (provider, kind) != ("aws", "node_pool"):
            assert "wake" in formats(recipe(verb, kind, provider)), (provider, kind)


def test_nodes_go_with_the_pods() -> None:
    up, down = (
        shlex.split(line) for line in render(recipe("schedule", "node_pool", "gcp"), "gcloud").splitlines()
        if not line.startswith(("#", "set"))
    )  # fmt: skip
    assert (up[up.index("--schedule") + 1], down[down.index("--schedule") + 1]) == (
        "0 9 * * MON-FRI",
        "30 21 * * MON-FRI",
    )
    assert down[down.index("--message-body") + 1] == '{"nodeCount": 0}'
    assert down[down.index("--uri") + 1].endswith(":setSize")
    assert "nothing is saved" in render(recipe("schedule", "node_pool", "gcp"), "kube_downscaler")


def test_no_interval_of_kube_downscaler_crosses_midnight() -> None:
    text = render(recipe("schedule", "node_pool", "gcp", days=["Mon", "Tue", "Sat"]), "kube_downscaler")
    manifest = json.loads("{" + text.partition("{")[2])
    stretches = manifest["metadata"]["annotations"]["downscaler/uptime"].split(", ")
    assert stretches == ["Mon-Tue 09:00-21:30 Asia/Kolkata", "Sat-Sat 09:00-21:30 Asia/Kolkata"]
    for stretch in stretches:
        start, end = stretch.split()[1].split("-")
        assert start < end


def test_what_ends_after_midnight_is_ended_on_the_day_after() -> None:
    late = {"start": "12:30", "end": "00:30", "days": ["Mon", "Fri"], "stop_days": ["Tue", "Sat"], "exceptions": []}
    made = json.loads(render(recipe("schedule", "machine", **late), "eventbridge"))
    assert [one["ScheduleExpression"] for one in made] == ["cron(30 12 ? * MON,FRI *)", "cron(30 0 ? * TUE,SAT *)"]
    text = render(recipe("schedule", "node_pool", "gcp", **late), "kube_downscaler")
    uptime = json.loads("{" + text.partition("{")[2])["metadata"]["annotations"]["downscaler/uptime"]
    assert "Tue-Tue 00:00-00:30 Asia/Kolkata" in uptime


def test_keda_scales_by_indian_hours() -> None:
    manifest = json.loads("{" + render(recipe("scale", "group"), "keda").partition("{")[2])
    trigger = manifest["spec"]["triggers"][0]
    assert trigger["type"] == "cron"
    assert trigger["metadata"] == {
        "timezone": "Asia/Kolkata", "start": "30 5 11 4 *", "end": "0 23 11 4 *", "desiredReplicas": "20",
    }  # fmt: skip
    assert manifest["spec"]["minReplicaCount"] == 4


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="terraform"):
        render(recipe("schedule", "machine"), "terrafrom")


def test_what_cannot_be_said_in_a_format_names_those_in_which_it_can() -> None:
    with pytest.raises(NotNatural) as refused:
        render(recipe("change_volume", "disk"), "gcloud")
    assert "terraform" in str(refused.value)
    assert formats(recipe("change_volume", "disk")) == ["cli", "terraform"]


def _policies(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("{" + text.partition("{")[2])
    return found


@pytest.mark.parametrize(("verb", "kind"), [(v, k) for form, v, _, k in every_case() if form == "c7n"])
def test_policies_are_valid_to_custodian(verb: str, kind: str) -> None:
    schema = json.loads(gzip.decompress((FACTS / "c7n_schema.json.gz").read_bytes()))
    validator = jsonschema.Draft7Validator(schema)
    policies = _policies(render(recipe(verb, kind), "c7n"))
    errors = [error.message for error in validator.iter_errors(policies)]
    assert not errors, errors
    policies["policies"][0]["actions"] = ["no-such-action"]
    assert list(validator.iter_errors(policies)), "the schema can refuse"


@pytest.mark.parametrize(("verb", "kind"), [(v, k) for form, v, _, k in every_case() if form == "cloudformation"])
def test_templates_are_valid_to_cloudformation(verb: str, kind: str, tmp_path: Path) -> None:
    from cfnlint.api import lint_file

    path = tmp_path / "template.json"
    path.write_text(render(recipe(verb, kind, name=HOSTILE), "cloudformation"), encoding="utf-8")
    assert [str(match) for match in lint_file(path)] == []
    path.write_text(path.read_text().replace("AWS::", "AWS::No", 1), encoding="utf-8")
    assert lint_file(path), "the linter can refuse"


def test_the_instance_scheduler_is_told_kolkata_and_days_in_its_words() -> None:
    text = render(recipe("schedule", "machine"), "instance_scheduler")
    period, schedule, tag = (shlex.split(line) for line in text.splitlines() if not line.startswith(("#", "set")))
    assert period[period.index("--weekdays") + 1] == "mon,tue,wed,thu,fri"
    assert (period[period.index("--begintime") + 1], period[period.index("--endtime") + 1]) == ("09:00", "21:30")
    assert schedule[schedule.index("--timezone") + 1] == "Asia/Kolkata"
    assert tag[-1] == "Key=Schedule,Value=kifayat-web"
    late = recipe("schedule", "machine", start="12:30", end="00:30", days=["Mon"], stop_days=["Tue"])
    assert "--begintime 00:00 --endtime 00:30 --weekdays tue" in render(late, "instance_scheduler")


def test_a_log_group_keeps_its_slashes() -> None:
    (words,) = operations(render(recipe("retention", "log"), "cli"))
    assert words[words.index("--log-group-name") + 1] == "/prod/all"
    (policy,) = _policies(render(recipe("retention", "log"), "c7n"))["policies"]
    assert policy["filters"][0]["value"] == "/prod/all"


def test_objects_walk_through_classes_in_order_of_days() -> None:
    (words,) = operations(render(recipe("storage_class", "bucket"), "cli"))
    (rule,) = json.loads(words[words.index("--lifecycle-configuration") + 1])["Rules"]
    assert [(step["Days"], step["StorageClass"]) for step in rule["Transitions"]] == [
        (30, "STANDARD_IA"), (90, "GLACIER_IR"),
    ]  # fmt: skip
    made = hcl2.load(io.StringIO(render(recipe("storage_class", "bucket"), "terraform")))
    assert json.dumps(made, default=str).count("storage_class") == 2


def test_a_machine_moves_by_a_copy_of_its_image_and_the_old_one_stays() -> None:
    made = list(operations(render(recipe("move_region", "machine"), "cli")))
    assert [words[2] for words in made] == ["create-image", "copy-image", "run-instances"]
    assert [words[words.index("--region") + 1] for words in made] == ["ap-south-1", "ap-south-2", "ap-south-2"]
    assert "MarketType=spot" in made[2]


@pytest.mark.parametrize(
    ("form", "kind", "provider"),
    [("gcloud", "machine", "gcp"), ("gcloud", "database", "gcp"), ("kube_downscaler", "node_pool", "gcp"),
     ("instance_scheduler", "machine", "aws")],
)  # fmt: skip
def test_formats_without_gaps_say_when_to_pause(form: str, kind: str, provider: str) -> None:
    assert "exams and releases: 2027-03-17 to 2027-05-04." in render(recipe("schedule", kind, provider), form)
    assert "exams and releases" not in render(recipe("schedule", kind, provider, exceptions=[]), form)


def test_the_days_of_the_exam_are_words_and_a_group_can_move_to_another_processor() -> None:
    mixed = render(recipe("spot_mix", "group", exam_windows=[["2027-04-29", "2027-05-04"]]), "cli")
    assert "set 70 % on demand from 2027-04-29 until 2027-05-04 (web)" in mixed
    moved = render(recipe("modernise", "group"), "cli")
    assert '"InstanceType": "m6a.xlarge"' in moved
    assert "start-instance-refresh" in moved


@pytest.mark.parametrize(
    ("kind", "arn"),
    [("machine", "arn:aws:ec2:ap-south-1:111122223333:instance/i-0123456789abcdef0"),
     ("bucket", "arn:aws:s3:::pragati-masters"), ("function", IDS["function"])],
)  # fmt: skip
def test_tags_are_set_by_arn(kind: str, arn: str) -> None:
    assert f" --resource-arn-list {arn} " in render(recipe("set_tags", kind), "cli")


def test_what_is_kept_is_there_before_its_origin_is_deleted() -> None:
    for kind, kept in (("machine", "image-available"), ("disk", "snapshot-completed")):
        _, wait, end = operations(render(recipe("delete", kind), "cli"))
        assert wait[2] == "wait"
        assert kept in wait
        assert end[2] in ("terminate-instances", "delete-volume")


def test_only_a_schedule_is_run_every_hour() -> None:
    assert "# Run every hour" in render(recipe("schedule", "machine"), "c7n")
    for verb in ("delete", "stop_and_snapshot"):
        assert "# Run once" in render(recipe(verb, "machine"), "c7n")
