"""The partition key: category_id on the shop's data, and honestly another one where the data are of another shape."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ecomm.batch.partition_key import FULL_MONTH, ROW_GROUP_ROWS, Candidate, Verdict, Volume, choose_key
from ecomm.batch.profile import ColumnProfile, Profile
from ecomm.batch.tasks import choose_partition_key
from ecomm.contract import DOMAINS
from ecomm.errors import DataError
from ecomm.operators.databrew_profile import ProfileOperator

from simulator.dataset_generator import HEADER, generate
from tests.conftest import ROOT
from tests.plugins.conftest import World, context
from tests.plugins.profiling import create_profile_job

PLAN = {"months": ["2019-11"], "gone": [], "version": "v"}


def column(name: str, distinct: int, largest: float, missing: float = 0.0, unique: int = 0) -> ColumnProfile:
    """Of the whole of November; shares of its rows."""
    rows = FULL_MONTH.rows
    return ColumnProfile(name, "string", distinct, unique, round(missing * rows), (round(largest * rows),), "x")


# What is published of the month. Not so: shares of the largest products, brands, users and sessions, and the numbers of
# times and prices, which are estimates.
NOVEMBER = Profile(
    FULL_MONTH.rows,
    100_519,
    (
        column("event_time", 2_500_000, 0.0001),
        column("event_type", 3, 63_556_110 / FULL_MONTH.rows),
        column("product_id", 190_662, 0.012),
        column("category_id", 684, 0.24),
        column("category_code", 129, 0.24, 21_898_171 / FULL_MONTH.rows),
        column("brand", 4_200, 0.12, 9_224_078 / FULL_MONTH.rows),
        column("price", 60_000, 0.01),
        column("user_id", 3_696_117, 0.0003),
        column("user_session", 13_776_050, 0.0001, 10 / FULL_MONTH.rows),
    ),
)


def verdict(**changes: ColumnProfile | None) -> Verdict:
    """Of November with some columns changed, or left out."""
    columns = [changes.get(each.name, each) for each in NOVEMBER.columns]
    profile = replace(NOVEMBER, columns=tuple(each for each in columns if each))
    return choose_key(profile, DOMAINS, FULL_MONTH)


def candidate(found: Verdict, name: str) -> Candidate:
    return next(each for each in found.candidates if each.column.name == name)


def test_november_speaks_for_the_category() -> None:
    found = verdict()
    assert found.key == "category_id"
    objections = {each.column.name: " ".join(each.objections) for each in found.candidates}
    assert "32.4% of the rows have no value" in objections["category_code"]
    assert "13.7% of the rows have no value" in objections["brand"]
    assert "one value has 94.2% of the rows" in objections["event_type"]
    assert "ranges" in objections["event_time"]
    assert "ranges" in objections["price"]
    for name in ("product_id", "user_id", "user_session"):
        assert not objections[name]
        assert not candidate(found, name).full.fills_row_groups


def test_the_page_shows_what_the_rules_make_of_november() -> None:
    lines = (ROOT / "docs/partition-key.md").read_text().replace("**", "").splitlines()
    for each in verdict().candidates:
        full = each.full
        shown = (
            f"| {each.column.name} | {full.values:,} | {each.largest:.2%} | {each.missing:.2%} | {full.rows:,.0f} "
            f"| {full.bytes:,.0f} | {full.typical:.2%} | "
        )
        assert [line for line in lines if line.startswith(shown)], shown


def test_a_full_month_has_the_sizes_that_follow_from_its_rows() -> None:
    category = candidate(verdict(), "category_id").full
    assert category.values == 684
    assert category.rows == pytest.approx(67_501_979 / 684)
    assert category.bytes == pytest.approx(9_006_762_395 / 684)
    assert category.row_groups == 6_751
    # A quarter of the row groups and the one at the edge; of the others, 683 share the rest.
    assert category.largest == (1_621 + 1) / 6_751
    other = 0.76 / 683
    assert category.typical == pytest.approx(0.24 * 1_622 / 6_751 + 0.76 * (8 + 1) / 6_751, abs=1e-6)
    assert other * 6_751 < 8


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"brand": column("brand", 4_200, 0.12)}, "brand"),
        ({"category_code": column("category_code", 129, 0.24), "category_id": None}, "category_code"),
        ({"category_id": column("category_id", 150_000, 0.24), "category_code": column("category_code", 129, 0.2)},
         "category_code"),
        ({"user_id": column("user_id", 5_000, 0.01)}, "user_id"),
        ({"category_id": column("category_id", 684, 0.24, missing=0.06)}, "product_id"),
        ({"category_id": column("category_id", 684, 0.51)}, "product_id"),
        ({"event_type": column("event_type", 3, 0.4), "category_id": None}, "event_type"),
    ],
    ids=["every brand known", "codes only", "a category a product", "few users", "missing", "skewed", "even types"],
)  # fmt: skip
def test_data_of_another_shape_have_another_key(changes: dict[str, ColumnProfile | None], key: str) -> None:
    assert verdict(**changes).key == key


def test_rows_that_nothing_divides_stay_in_the_order_of_their_time() -> None:
    one_row = Profile(1, 0, tuple(ColumnProfile(name, "string", 1, 1, 0, (1,), "x") for name in DOMAINS))
    found = choose_key(one_row, DOMAINS, Volume(1, 100))
    assert (found.key, found.reason[:33]) == ("event_time", "no column divides the rows useful")
    nothing = Profile(1, 0, tuple(ColumnProfile(name, "string", 0, 0, 1, (), None) for name in DOMAINS))
    assert choose_key(nothing, DOMAINS, Volume(1, 100)).key == "event_time"


def test_of_values_that_fill_no_row_group_the_coarsest_are_taken() -> None:
    found = verdict(category_id=column("category_id", 20_000, 0.24))
    assert (found.key, "no column's values fill row groups" in found.reason) == ("category_id", True)
    assert candidate(found, "category_id").full.rows < ROW_GROUP_ROWS


def test_few_rows_are_taken_for_what_a_month_would_be() -> None:
    """Values of the traffic come with the rows; those of a catalogue as fast as new ones still turn up."""

    def values(name: str, unique: int) -> int:
        few = ColumnProfile(name, "bigint", 400, unique, 0, (2_000,), 1)
        found = choose_key(Profile(10_000, 0, (few,)), DOMAINS, Volume(10_000, 1_340_000))
        return found.candidates[0].full.values

    growth = FULL_MONTH.rows / 10_000
    assert values("category_id", unique=0) == 400
    assert values("category_id", unique=40) == round(400 * growth**0.1)
    assert values("user_id", unique=0) == round(400 * growth)


@pytest.fixture
def profiled(world: World) -> dict[str, Any]:
    """What the operator returns for two months of generated rows, on the real engine."""
    lines = list(generate(20_000, seed=1))
    for month in ("10", "11"):
        rows = "".join(line for line in lines if line.startswith(f"2019-{month}"))
        key = f"ecomm_user_activity_uncompressed/p_year=2019/p_month={month}/rows.csv"
        world.put(world.names.raw_bucket, key, HEADER + rows)
    return dict(ProfileOperator(task_id="profile", job=create_profile_job(world)).execute(context()))


def test_the_choice_goes_to_the_job_the_log_and_s3(
    world: World, profiled: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    found = choose_partition_key(profiled, PLAN, "auto")
    assert (found["key"], found["key_of_the_profile"]) == ("category_id", "category_id")
    assert found["arguments"]["--CLUSTER_BY"] == "category_id"
    assert found["arguments"]["--MONTHS"] == "2019-11"
    assert f"Partition key: {found['sentence']}" in caplog.text
    s3, bucket = world.aws.client("s3"), world.names.artifacts_bucket
    assert found["report"] == f"s3://{bucket}/reports/partition_key/v.json"
    content = json.loads(s3.get_object(Bucket=bucket, Key="reports/partition_key/v.json")["Body"].read())
    assert (content["key"], content["rows"], content["month"]["rows"]) == ("category_id", 20_000, 10_000)
    assert [each["column"] for each in content["candidates"]] == list(DOMAINS)
    size = sum(each["Size"] for each in world.aws.list_objects(world.names.raw_bucket, "ecomm_user_activity_unc"))
    assert content["month"]["bytes"] == size // 2
    page = s3.get_object(Bucket=bucket, Key="reports/partition_key/v.md")["Body"].read().decode()
    assert page.startswith(f"# Partition key: category_id\n\n{found['sentence']}\n")
    for each in content["candidates"]:
        assert f"\n| {each['column']} | {each['here']['values']:,} | " in page
        assert f"\n| {each['column']} | {each['full']['values']:,} | " in page


def test_the_form_overrides_the_profile(world: World, profiled: dict[str, Any]) -> None:
    found = choose_partition_key(profiled, PLAN, "brand")
    assert (found["key"], found["key_of_the_profile"]) == ("brand", "category_id")
    assert found["arguments"]["--CLUSTER_BY"] == "brand"
    assert found["sentence"].startswith("brand, as the form says; the profile of 20,000 rows speaks for category_id: ")
    with pytest.raises(DataError, match="cluster_by is 'colour'; choose auto or one of event_time, event_type"):
        choose_partition_key(profiled, PLAN, "colour")


def test_a_profile_that_is_gone_or_empty_is_named(world: World) -> None:
    uri = f"s3://{world.names.artifacts_bucket}/profiles/gone.json"
    with pytest.raises(DataError, match=f"There is no profile at {uri}; run the profile job again"):
        choose_partition_key({"profile": uri, "rows": 1}, PLAN, "auto")
    world.put(world.names.artifacts_bucket, "profiles/gone.json", '{"sampleSize": 0, "columns": []}')
    with pytest.raises(DataError, match="has no row; is there data in the raw bucket"):
        choose_partition_key({"profile": uri, "rows": 0}, PLAN, "auto")
