"""Errors: sentences with what, where, expected and what to do."""

from __future__ import annotations

import pickle

import pytest

import core
from core import ConfigError, FileCorrupt, KifayatError, LocationUnreachable, NotEnoughHistory, UnknownName
from core.errors import DeliveryError, SourceError, WarehouseError


def test_an_error_says_what_where_expected_and_what_to_do():
    error = FileCorrupt(
        "the checksum does not match",
        where="cur-00001.csv.gz",
        expected="crc 1a2b",
        fix="wait for the next delivery",
    )
    assert str(error) == (
        "the checksum does not match. Where: cur-00001.csv.gz. Expected: crc 1a2b. Do: wait for the next delivery."
    )
    assert (error.what, error.where) == ("the checksum does not match", "cur-00001.csv.gz")


def test_what_an_error_does_not_know_is_left_out():
    assert str(KifayatError("the disk is full!")) == "the disk is full!"


def test_the_branches_of_the_tree_can_be_caught_by_their_parents():
    parents = {
        SourceError: ["UnknownExport", "ColumnMissing", "BadValue", "ConformanceFailed"],
        DeliveryError: [
            "ManifestInvalid",
            "FileCorrupt",
            "DeliveryChanged",
            "DeliveryIncomplete",
            "LocationUnreachable",
        ],
        WarehouseError: ["SnapshotMissing", "AuditFailed", "WriterBusy", "DiskFull", "QueryRefused"],
        KifayatError: ["ConfigError", "MissingRate", "NotEnoughHistory", "CurrencyMismatch", "UnknownName"],
    }
    for parent, names in parents.items():
        assert issubclass(parent, KifayatError)
        for name in names:
            assert issubclass(getattr(core, name), parent), name


def test_a_configuration_error_lists_every_fault_on_its_own_line():
    error = ConfigError(["storage is missing", "dashboard.port is 0"], where="kifayat.toml")
    assert str(error) == (
        "the configuration has 2 faults (kifayat.toml):\n  - storage is missing.\n  - dashboard.port is 0."
    )


def test_history_that_is_too_short_is_told_with_both_numbers():
    error = NotEnoughHistory(have=9, need=28)
    assert (error.have, error.need, str(error)) == (9, 28, "not enough history: 9 of 28 needed.")


def test_an_unknown_name_is_also_a_key_error_but_prints_a_sentence():
    error = UnknownName("there is no source called 'x'")
    assert isinstance(error, KeyError)
    assert str(error) == "there is no source called 'x'."


@pytest.mark.parametrize(
    "error",
    [
        KifayatError("a", where="b", expected="c", fix="d"),
        LocationUnreachable("the bucket does not answer", transient=True),
        ConfigError(["one", "two"], where="kifayat.toml"),
        NotEnoughHistory(1, 2, where="aws"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_the_way_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
