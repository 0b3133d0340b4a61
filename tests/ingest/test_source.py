"""Sources: how a file is recognised by its columns, and what a header of ours may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import ConformanceFailed, SqlFile, UnknownExport
from ingest.source import Source, describe, detect, lookup, sources, squeeze
from warehouse import FileGroup

CUR = [
    "bill_payer_account_id",
    "bill_billing_period_start_date",
    "bill_billing_period_end_date",
    "line_item_line_item_type",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_unblended_cost",
]

HEADER = """
title = "Harbour dues"
into = "charges"
provider = "Port"
formats = ["csv"]
detect = ["berth", "dues"]
cost = "dues"
"""


def source_of(tmp_path: Path, header: str = HEADER, columns: str = '[columns]\ndues = "decimal required"') -> Source:
    path = tmp_path / "port.sql"
    path.write_text(f"/*\n{header}\n{columns}\n*/\nSELECT dues AS BilledCost FROM raw\n", encoding="utf-8")
    return Source.from_file(SqlFile.parse(path))


def group(*names: str, file_format: str = "csv") -> FileGroup:
    return FileGroup(file_format, (), dict.fromkeys(names, "VARCHAR"))


def found(source: Source, *names: str, file_format: str = "csv") -> dict[str, str | None]:
    return {match.column.name: match.physical for match in source.match(group(*names, file_format=file_format))}


@pytest.mark.parametrize("name", ["lineItem/UnblendedCost", "line_item_unblended_cost", "LineItemUnblendedCost"])
def test_a_column_is_one_however_it_is_written(name):
    assert squeeze(name) == "lineitemunblendedcost"


def test_a_file_is_recognised_by_its_columns():
    assert detect(CUR, "csv", "bill.csv").name == "aws_cur"


def test_slash_names_are_recognised_as_well():
    names = [name.replace("bill_", "bill/").replace("line_item_", "lineItem/") for name in CUR]
    assert detect(names, "csv", "bill.csv").name == "aws_cur"


def test_a_map_of_product_attributes_makes_it_the_newer_report():
    assert detect([*CUR, "product"], "parquet", "bill.parquet").name == "aws_cur_2"


def test_focus_columns_are_not_taken_for_the_older_report():
    with pytest.raises(UnknownExport, match=r"closest is aws_cur\w*, has BilledCost, which that source never has"):
        detect([*CUR, "BilledCost"], "csv", "bill.csv", "aws_cur")


@pytest.mark.parametrize("lost", CUR)
def test_a_file_without_a_required_column_is_refused_with_the_nearest_source(lost):
    with pytest.raises(UnknownExport) as refused:
        detect([name for name in CUR if name != lost], "csv", "july.csv")
    message = str(refused.value)
    assert f"closest is aws_cur, missing {lost}" in message
    assert "july.csv" in message
    assert "kifayat explain aws_cur" in message


def test_a_file_that_is_nothing_like_a_bill_is_refused_with_what_it_lacks():
    with pytest.raises(UnknownExport, match="no source recognises this file"):
        detect(["colour", "taste"], "csv", "fruit.csv")


def test_a_format_that_a_source_does_not_have_is_said_so():
    with pytest.raises(UnknownExport, match="is json, not csv or parquet"):
        detect(CUR, "json", "bill.json", "aws_cur")


def test_a_source_that_nobody_has_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownExport, match="no source is called aws_curr; did you mean aws_cur"):
        detect(CUR, "csv", "bill.csv", "aws_curr")


def test_a_column_is_found_by_its_alias(tmp_path):
    source = source_of(tmp_path, columns='[columns]\ndues = "decimal required alias=harbour_fee,Hafengebühr"')
    assert found(source, "berth", "Harbour Fee") == {"dues": "Harbour Fee"}
    assert source.missing(["berth", "dues", "harbour_fee"]) == []


def test_the_declared_name_wins_over_an_alias(tmp_path):
    source = source_of(tmp_path, columns='[columns]\ndues = "decimal alias=fee"')
    assert found(source, "fee", "Dues") == {"dues": "Dues"}


def test_a_declared_column_that_the_file_lacks_is_empty(tmp_path):
    assert found(source_of(tmp_path, columns='[columns]\nflag = "text"'), "berth") == {"flag": None}


def test_a_field_of_a_json_file_is_read_even_if_the_first_objects_lack_it(tmp_path):
    source = source_of(tmp_path, columns='[columns]\n"ship.flag" = "text"')
    assert found(source, "berth", file_format="json") == {"ship_flag": "ship.flag"}


def test_columns_of_a_prefix_become_members_of_one_json_column():
    matches = sources()["aws_cur"].match(group(*CUR, "resourceTags/user:team", "resourceTags/aws:createdBy"))
    (tags,) = [match for match in matches if match.column.name == "resource_tags"]
    assert tags.members == (("team", "resourceTags/user:team"), ("aws:createdBy", "resourceTags/aws:createdBy"))


def test_tag_columns_that_differ_in_case_are_two_members():
    matches = sources()["aws_cur"].match(group(*CUR, "resourceTags/user:team", "resourceTags/user:Team"))
    (tags,) = [match for match in matches if match.column.name == "resource_tags"]
    assert [key for key, _ in tags.members] == ["team", "Team"]


def test_a_value_inside_a_map_is_found_where_the_map_is():
    matches = sources()["aws_cur_2"].match(group(*CUR, "product"))
    (name,) = [match for match in matches if match.column.name == "product_product_name"]
    assert (name.physical, name.key) == ("product", "product_name")


def test_columns_that_no_one_reads_are_named():
    source = sources()["aws_cur"]
    files = group(*CUR, "resourceTags/user:team", "moon_phase")
    assert source.unknown_columns(files, source.match(files)) == ["moon_phase"]


def test_a_header_key_that_nobody_knows_is_refused(tmp_path):
    with pytest.raises(ConformanceFailed, match="unknown header keys colour") as refused:
        source_of(tmp_path, HEADER + 'colour = "blue"')
    assert "port.sql" in str(refused.value)


@pytest.mark.parametrize("kind", ["money", "text optional", "list(name)", "list(name colour)", "decimal alias fee"])
def test_a_type_that_nobody_knows_is_refused(tmp_path, kind):
    with pytest.raises(ConformanceFailed, match="declares dues"):
        source_of(tmp_path, columns=f'[columns]\ndues = "{kind}"')


def test_a_source_that_extends_another_has_its_statement_and_its_columns():
    newer, older = sources()["aws_cur_2"], sources()["aws_cur"]
    assert newer.sql == older.sql
    assert newer.columns == older.columns
    assert set(newer.detect) > set(older.detect)
    assert (newer.into, newer.partition, newer.cost) == (older.into, older.partition, older.cost)


def test_a_lookup_is_text_with_a_header():
    columns, rows = lookup("aws_line_types")
    assert columns[0] == "line_item_type"
    assert all(len(row) == len(columns) for row in rows)


def test_the_catalogue_tells_what_a_source_needs():
    told = describe(sources()["aws_cur"])
    assert "line_item_unblended_cost" in told["required"]
    assert told["formats"] == "csv, parquet"
    assert told["replaces"] == "the billing months it holds"


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_a_file_with_other_separators_is_told_so(separator, word):
    with pytest.raises(UnknownExport, match=f"separated by {word}"):
        detect([separator.join(["bill/PayerAccountId", "lineItem/LineItemType"])], "csv", "a.csv")


def test_a_file_that_is_near_no_source_names_none():
    with pytest.raises(UnknownExport, match=r"none is near: its columns are name, phone\. Where: people\.csv"):
        detect(["name", "phone"], "csv", "people.csv")
