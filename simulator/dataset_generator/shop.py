"""The shop: its categories and products, the same for every seed and size, so that months share their products."""

from __future__ import annotations

import math
from array import array
from functools import cache
from itertools import accumulate
from statistics import NormalDist
from typing import NamedTuple

from . import calibration
from .calibration import Code

OCTOBER, NOVEMBER = "2019-10", "2019-11"
# Multiples of these spread evenly over 0 to 1 and never repeat: each stretch of ranks has products of every kind.
GOLDEN, PLASTIC, SILVER = 0.6180339887498949, 0.7548776662466927, 0.41421356237309503
FIRST_CATEGORY_ID = 2053013552226107603
QUANTILES = 1024
# In units of the distance from the middle to nine tenths.
_NORMAL = [NormalDist(sigma=1 / NormalDist().inv_cdf(0.9)).inv_cdf((n + 0.5) / QUANTILES) for n in range(QUANTILES)]


class Category(NamedTuple):
    """One category id. thousands: its rows in both months, in thousands. products: how many it has.

    october: whether it is there in October. nan: whether its brand is the text "nan".
    """

    number: int
    id: int
    code: Code
    thousands: float
    products: int
    october: bool
    nan: bool


class Shelf(dict[int, str]):
    """What a category sells in a month: the columns product_id to price of each product, with a comma at the end.

    Keys are places in `limits`; a product is made when it is asked for. limits: for each product, the most seen first,
    the share of the category's rows that are of it or of those before it.
    """

    def __init__(self, category: Category, month: str) -> None:
        super().__init__()
        self._category = category
        self._ranks = ranks_of(category, month)
        ends = list(accumulate(map(_weights(category.products).__getitem__, self._ranks)))
        self.limits = array("d", [end / ends[-1] for end in ends])

    def __missing__(self, place: int) -> str:
        found = self[place] = product(self._category, self._ranks[place])
        return found


@cache
def categories() -> list[Category]:
    """All of them, the smartphones first."""
    shares = [part for code in calibration.CODES for part in _parts(code)]
    shares.sort(key=lambda part: (part[0].name != "electronics.smartphone", -part[1]))
    uncoded = [thousands for code, thousands, _ in shares if not code.name]
    nan = min(uncoded, key=lambda thousands: abs(thousands - calibration.NAN_ROWS_THOUSANDS))
    # Those that come with November have no code and are seldom seen: every third of the last ones.
    without_code = [number for number, (code, *_) in enumerate(shares) if not code.name]
    only_november = set(without_code[-(calibration.CATEGORY_IDS - calibration.OCTOBER_CATEGORY_IDS) * 3 :: 3])
    return [
        Category(
            number=number,
            id=calibration.SMARTPHONE_CATEGORY_ID if number == 0 else FIRST_CATEGORY_ID + number * 171_000_000_007,
            code=code,
            thousands=thousands,
            products=products,
            october=number not in only_november,
            nan=not code.name and thousands == nan,
        )
        for number, (code, thousands, products) in enumerate(shares)
    ]


def _parts(code: Code) -> list[tuple[Code, float, int]]:
    """The category ids of a code: rows in thousands, and products."""
    if code.name:
        weights = [calibration.NEXT_ID_OF_CODE**place for place in range(code.ids)]
    else:
        decay, shift = calibration.UNCODED_DECAY, calibration.UNCODED_SHIFT
        weights = [(place + 1 + shift) ** -decay for place in range(code.ids)]
    sizes = [weight**calibration.PRODUCTS_BY_ROWS for weight in weights]
    # The sums are rounded and not the parts, so that a code has as many products as it should.
    ends = [0, *(int(code.products * end / sum(sizes) + 0.5) for end in accumulate(sizes))]
    return [
        (code, code.thousands * weight / sum(weights), max(end - begin, 1))
        for weight, begin, end in zip(weights, ends, ends[1:], strict=False)
    ]


def of_month(month: str) -> list[Category]:
    """The categories that are there in a month, given as "2019-10", with their rows in proportion to the month's.

    Smartphones had a smaller share in November, and so a larger one in October.
    """
    found = [category for category in categories() if category.october or month != OCTOBER]
    smartphones, *others = found
    november = calibration.NOVEMBER.rows / 1000 * calibration.SMARTPHONES_OF_NOVEMBER
    shares = {
        OCTOBER: (smartphones.thousands - november) / (calibration.OCTOBER.rows / 1000),
        NOVEMBER: calibration.SMARTPHONES_OF_NOVEMBER,
    }
    if month in shares:
        share = shares[month]
        rest = sum(category.thousands for category in others)
        smartphones = smartphones._replace(thousands=rest * share / (1 - share))
    return [smartphones, *others]


@cache
def shelf(number: int, month: str) -> Shelf:
    """What the category of that number sells in the month; at least one product."""
    return Shelf(categories()[number], month)


def ranks_of(category: Category, month: str) -> list[int]:
    """The products that a category sells in a month, by rank.

    The best sold are there in every month; of the others some leave with October, and some come with November.
    """
    everything = range(category.products)
    if month not in (OCTOBER, NOVEMBER) or not category.october:
        return list(everything)
    always = category.products * calibration.IN_BOTH_MONTHS
    gone, new = _limits_of_months()
    if month == OCTOBER:
        return [rank for rank in everything if rank <= always or not gone <= rank * GOLDEN % 1 < new]
    return [rank for rank in everything if rank <= always or rank * GOLDEN % 1 >= gone]


@cache
def _limits_of_months() -> tuple[float, float]:
    """The share of the less seen products that October alone has, and of those that one of the two months alone has."""
    others = sum(category.products for category in categories() if category.october) * (1 - calibration.IN_BOTH_MONTHS)
    gone = calibration.OCTOBER_PRODUCTS / others
    return gone, gone + calibration.NOVEMBER_PRODUCTS / others


def product(category: Category, rank: int) -> str:
    """The columns product_id to price of a category's product, with a comma at the end; rank 0 is the most seen."""
    code, weights = category.code, _weights(category.products)
    product_id = 1_000_000 + category.number * 90_000 + rank * 7
    rows = category.thousands * 1000 * weights[rank]
    free = min(calibration.ROWS_AT_PRICE_ZERO / rows, calibration.MOST_AT_PRICE_ZERO)
    if (rank + category.number + 0.5) * SILVER % 1 < free:
        price = 0.0
    else:
        deviation = _NORMAL[int((rank + calibration.PRICE_TURN) * GOLDEN % 1 * QUANTILES)]
        spread = code.dear / code.price if deviation > 0 else code.price / code.cheap
        price = min(code.price * spread**deviation, calibration.HIGHEST_PRICE)
    return f"{product_id},{category.id},{code.name},{_brand(category, rank)},{price:.2f},"


@cache
def _weights(products: int) -> list[float]:
    """The share of each product in the rows of a category with so many, the most seen first."""
    shift = 1 + calibration.PRODUCT_SHIFT * products
    weights = [(rank + shift) ** -calibration.PRODUCT_DECAY for rank in range(products)]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _brand(category: Category, rank: int) -> str:
    """Empty where it is missing."""
    if category.nan:
        return "nan"
    missing = category.code.unbranded
    place = ((rank + category.number + calibration.BRAND_TURN) * PLASTIC % 1 - missing) / (1 - missing)
    if place < 0:
        return ""
    leading = _leading_brands(category.code.name)
    for brand, end in leading:
        if place < end:
            return brand
    place = (place - leading[-1][1]) / (1 - leading[-1][1])
    other = int(place**2 * calibration.BRANDS_OF_A_CATEGORY)
    return _made_up_brand((category.number * 37 + other) % calibration.BRANDS)


@cache
def _leading_brands(code: str) -> list[tuple[str, float]]:
    """The brands known by name with the sum of the shares up to each."""
    start = max((start for start in calibration.LEADING_BRANDS if code.startswith(start)), key=len)
    brands = calibration.LEADING_BRANDS[start]
    return list(zip(brands, accumulate(brands.values()), strict=True))


def _made_up_brand(number: int) -> str:
    """Three syllables; other ones for each number below a million."""
    digits = number * 7919 % 1_000_000
    return "".join(
        "bcdfghjklmnprstvwxyz"[part // 5] + "aeiou"[part % 5]
        for part in (digits // 10_000, digits // 100 % 100, digits % 100)
    )
