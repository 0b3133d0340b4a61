"""Google's machines have many names on the bill and one in the catalogue."""

from __future__ import annotations

import pytest

from recommender.reading import sku_of

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("meter", "sku"),
    [
        ("E2 Instance Core running in Mumbai", "e2.core"),
        ("N1 Predefined Instance Ram running in Mumbai", "n1.ram"),
        ("N2 Custom Instance Core running in Delhi", "n2.core"),
        ("N2D AMD Instance Ram running in Mumbai", "n2d.ram"),
        ("T2D AMD Instance Core running in Mumbai", "t2d.core"),
        ("C4A Arm Instance Core running in Mumbai", "c4a.core"),
        ("Compute optimized Core running in Mumbai", "c2.core"),
        ("Spot Preemptible N2 Instance Ram running in Mumbai", "n2.ram"),
        ("Spot Preemptible Compute optimized Ram running in Mumbai", "c2.ram"),
        ("N2 Custom Extended Instance Ram running in Mumbai", "N2 Custom Extended Instance Ram running in Mumbai"),
    ],
)
def test_a_series_has_one_name(meter: str, sku: str) -> None:
    assert sku_of({"provider": "Google Cloud", "meter": meter, "sku_id": "", "service_name": ""}) == sku
