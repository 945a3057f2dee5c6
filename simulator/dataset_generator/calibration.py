"""What the generated data is held to, each figure with its source.

The real months are "eCommerce behavior data from multi category store" by REES46 Marketing Platform on Kaggle. The
source of a figure is one of

- M: counts over a whole month
- P: views, carts, purchases, brand and mean price by product, over both months
- H: events by weekday and UTC hour, over both months
- S: means over all sessions of both months
- C: weekly cohorts of users over both months
- E: an excerpt, the first 2 h 50 min of October (17,434 rows) and of November (999 rows)
- A: assumed, because no source says it; the word after it says for which reason

Counts that grow with the data set (users, sessions, repeated rows) are kept as shares, so they hold at any size. The
shop itself does not shrink: categories, products and brands are always all there, and a small data set sees fewer of
them, as a short excerpt of the real one does. What happened once, the machine of 17 November, is in every November that
is large enough; what happened a handful of times is there at least once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple


class Month(NamedTuple):
    """Counts of one real month."""

    rows: int
    carts: int
    purchases: int
    sessions: int


class Code(NamedTuple):
    """A category code over both months; the empty one is for categories without a code.

    ids: category ids that share it. products: sold under it. thousands: rows, in thousands. carts, purchases: of a
    thousand rows. cheap, price, dear: what a tenth, a half and nine tenths of the rows cost at most, in USD. unbranded:
    share of the rows whose brand is missing.
    """

    name: str
    ids: int
    products: int
    thousands: float
    carts: float
    purchases: float
    cheap: float
    price: float
    dear: float
    unbranded: float


# ---- time -----------------------------------------------------------------------------------------------------------

# M. October's sessions are those of both months (S, 23,110,585) less November's.
OCTOBER = Month(rows=42_448_764, carts=926_516, purchases=742_849, sessions=9_334_535)
NOVEMBER = Month(rows=67_501_979, carts=3_028_930, purchases=916_939, sessions=13_776_050)

# H: rows in thousands by UTC hour, a line a weekday from Monday.
EVENTS_BY_WEEKDAY_AND_HOUR = (
    (
        92, 178, 313, 466, 578, 651, 679, 657, 672, 705, 674, 636,
        637, 709, 838, 941, 947, 851, 641, 399, 210, 123, 80, 64,
    ),
    (
        87, 152, 323, 489, 604, 690, 743, 769, 795, 781, 734, 718,
        710, 798, 915, 1007, 1032, 911, 689, 433, 225, 134, 82, 69,
    ),
    (
        89, 164, 332, 482, 607, 688, 727, 742, 768, 759, 737, 698,
        695, 783, 888, 997, 1014, 909, 684, 426, 234, 135, 87, 68,
    ),
    (
        102, 155, 337, 493, 617, 655, 718, 742, 777, 749, 722, 695,
        689, 797, 970, 974, 1017, 1036, 843, 601, 394, 241, 145, 113,
    ),
    (
        171, 299, 570, 746, 858, 932, 939, 975, 1050, 1056, 998, 953,
        928, 1052, 1153, 1219, 1230, 1135, 940, 702, 441, 244, 147, 78,
    ),
    (
        112, 281, 512, 669, 881, 1006, 1053, 1061, 1053, 1011, 1041, 1021,
        1013, 1039, 1101, 1131, 1169, 1135, 978, 703, 418, 242, 126, 102,
    ),
    (
        102, 173, 359, 605, 838, 948, 965, 975, 964, 945, 1020, 1056,
        1054, 1085, 1149, 1163, 1156, 1173, 616, 454, 253, 145, 86, 68,
    ),
)  # fmt: skip
# H, Monday to Wednesday, which the surge did not touch: the share of carts, and of purchases, against the day's.
CARTS_BY_HOUR = (
    *(0.64, 0.67, 0.78, 1.03, 1.15, 1.21, 1.24, 1.27, 1.29, 1.28, 1.26, 1.20),
    *(1.13, 1.00, 0.89, 0.82, 0.74, 0.69, 0.68, 0.70, 0.73, 0.77, 0.77, 0.68),
)
PURCHASES_BY_HOUR = (
    *(0.57, 0.57, 0.76, 1.10, 1.23, 1.29, 1.30, 1.31, 1.32, 1.34, 1.30, 1.22),
    *(1.11, 0.94, 0.80, 0.73, 0.67, 0.64, 0.67, 0.74, 0.78, 0.84, 0.87, 0.72),
)

# M: three days of November, and what H has too much of on Thursdays: the surge began on the evening before.
SURGE_DAYS = (datetime(2019, 11, 15, tzinfo=UTC), datetime(2019, 11, 18, tzinfo=UTC))
SURGE_ROWS_A_DAY = 6_400_000
SURGE_EVENING = datetime(2019, 11, 14, 18, tzinfo=UTC)
SURGE_EVENING_THOUSANDS = (120, 156, 145, 97, 54, 42)
# M: from the first of these seconds to the second one nobody bought.
HOLE = (datetime(2019, 11, 14, 18, 9, 37, tzinfo=UTC), datetime(2019, 11, 16, 8, 32, 34, tzinfo=UTC))
# H: what Saturday and Sunday have above the purchases of their other days, and those.
PURCHASES_AFTER_HOLE = 255_000

# M: "about 4 %" of rows from this day on; before it carts are fewer than purchases, by as much as in E. Of October M
# gives both totals, and there the carts are more: the totals hold, evenly over the month.
CARTS_RECORDED_FROM = datetime(2019, 11, 8, tzinfo=UTC)
CARTS_OF_ROWS = 0.04
CARTS_OF_PURCHASES_BEFORE = 0.77

# ---- visits ---------------------------------------------------------------------------------------------------------

# E: 36 to 41 % of sessions have one event and 18 to 20 % two, as a rounded-up log-normal has; its mean is M's.
VIEWS_SPREAD = 1.45
MOST_VIEWS = 150
# E: the quantiles of the time from one event of a session to the next, 33 s in the middle. S: a session lasts 343.8 s,
# which needs some long pauses (A: from 15 minutes to 2 h 13 min). M: nobody makes more than 4 events in 10 s.
PAUSE_MEDIAN = 33
PAUSE_SPREAD = 0.97
SHORTEST_PAUSE = 4
LONG_PAUSES = 0.012
LONG_PAUSE = (900, 8000)
# E: 88 % of the events are of the category of the one before, 34 % of its product. S: 3.02 products a session.
SAME_PRODUCT = 0.38
SAME_CATEGORY = 0.88
# E: 1.40 carts a session that has one. P and S: 1.18 purchases a session that has one.
ANOTHER_CART = 0.286
ANOTHER_PURCHASE = 0.153
# E: a third of the buyers have put the product into the cart, where there are 0.77 carts a purchase; A: rising with it.
CART_BEFORE_PURCHASE = 1.6
# M: 100,519 of November's rows are repeated; 10 have no session.
REPEATED_ROWS = 100_519 / NOVEMBER.rows
ROWS_A_MISSING_SESSION = NOVEMBER.rows // 10

# ---- visitors -------------------------------------------------------------------------------------------------------

# M and C: a visit is a new visitor's or continues an earlier one: half the times one of `near` to `week` visits ago,
# half the times one of `week` to `far`, evenly by the logarithm; a week has about two million. These give M's 3,022,290
# and 3,696,117 users within 5 %, how many of C's users come again, and E's second visits of a morning.
NEW_VISITORS = 0.11
VISITS_BACK = (500, 2_000_000, 50_000_000)
# E: numbers are given in the order of registration: 555,466,000 at the begin of October, 566,281,000 at its end. A: the
# oldest are those below which E has nearly none.
FIRST_USER_ID = 555_466_000
USER_IDS_A_VISIT = 10_815_000 / OCTOBER.sessions
OLDEST_USER_ID = 512_000_000

# ---- machines -------------------------------------------------------------------------------------------------------

# M: the first one put one product into the cart over and over. A: the others are of the machines like it.
MACHINE_USERS = range(518_642_416, 518_642_516)
MACHINE_START = datetime(2019, 11, 17, 16, 58, 13, tzinfo=UTC)
MACHINE_CARTS, MACHINE_SECONDS = 131, 7
# A: too few to be seen in M's repeated rows; others like it, at any hour.
ROWS_A_MACHINE = 5_000_000
# A: below it a machine would be a hundredth of the month and more. Also holds for rows without a session.
FEWEST_ROWS_WITH_ODDITIES = 10_000

# ---- the shop -------------------------------------------------------------------------------------------------------

# M; E has the smartphones' id.
CATEGORY_IDS = 684
OCTOBER_CATEGORY_IDS = 624
SMARTPHONE_CATEGORY_ID = 2053013555631882655
SMARTPHONES_OF_NOVEMBER = 0.24
# P has 226,974 products and M 190,662 for November, so 36,312 were October's alone; A: November's own, in proportion to
# the rows. Only the less popular come and go.
OCTOBER_PRODUCTS, NOVEMBER_PRODUCTS = 36_312, 57_700
IN_BOTH_MONTHS = 0.3
# P: the 100, 1,000 and 10,000 most seen products have 19, 41 and 73 % of the rows. Within a category the product of
# rank k (from 0) of n has the weight (k + 1 + SHIFT * n) ** -DECAY.
PRODUCT_DECAY, PRODUCT_SHIFT = 1.2, 0.0035
# E: the rows of the categories of one code, each against the one before, and of those without code, by the same
# formula.
NEXT_ID_OF_CODE = 0.4
UNCODED_DECAY, UNCODED_SHIFT = 1.25, 2.0
# A: the larger a category, the more products, but less than in proportion.
PRODUCTS_BY_ROWS = 0.6
# P: 188,088 rows of November cost nothing, mostly of products that hardly anybody sees: the chance falls with the rows
# that a product has in both months.
ROWS_AT_PRICE_ZERO = 1.65
MOST_AT_PRICE_ZERO = 0.4
# P
HIGHEST_PRICE = 2574.07
# Prices and brands are spread evenly over the ranks, beginning here: a few products take most rows, and with these
# turns they have such prices and brands that P's quantiles and shares come out.
PRICE_TURN, BRAND_TURN = 16.5, 2.5
# M: 4,200 in November. P: 4,304 in both, 9,915 rows of which are of the brand "nan". A: beyond the leading ones each
# category has some of the others, in its own order.
BRANDS = 4200
NAN_ROWS_THOUSANDS = 9.9
BRANDS_OF_A_CATEGORY = 60
# P: shares of a code's rows with a brand; of the code itself, else of what it begins with.
LEADING_BRANDS: dict[str, dict[str, float]] = {
    "electronics.smartphone": {
        **{"samsung": 0.326, "apple": 0.285, "xiaomi": 0.199, "huawei": 0.08, "oppo": 0.046, "meizu": 0.013},
    },
    "electronics.clocks": {"apple": 0.226, "casio": 0.207, "samsung": 0.126, "xiaomi": 0.081, "garmin": 0.05},
    "electronics.video.tv": {"samsung": 0.352, "lg": 0.149, "artel": 0.14, "haier": 0.063, "sony": 0.055},
    "electronics.audio.headphone": {"apple": 0.418, "xiaomi": 0.185, "samsung": 0.076, "jbl": 0.073, "sony": 0.049},
    "electronics.tablet": {"samsung": 0.345, "apple": 0.244, "lenovo": 0.092, "huawei": 0.083},
    "electronics.telephone": {"nokia": 0.437, "texet": 0.154, "bq": 0.085, "panasonic": 0.083},
    "computers.notebook": {"lenovo": 0.266, "acer": 0.264, "asus": 0.169, "hp": 0.153, "apple": 0.078},
    "computers.desktop": {"pulser": 0.203, "acer": 0.139, "zeta": 0.123, "lenovo": 0.086, "hp": 0.074},
    "apparel.shoes": {"respect": 0.381, "baden": 0.157, "rieker": 0.099, "salamander": 0.047},
    "appliances.kitchen.refrigerators": {"indesit": 0.189, "lg": 0.142, "beko": 0.103, "samsung": 0.102},
    "appliances.environment.vacuum": {"samsung": 0.251, "bosch": 0.104, "xiaomi": 0.082, "karcher": 0.074},
    "appliances.kitchen.washer": {"samsung": 0.306, "lg": 0.214, "indesit": 0.154, "beko": 0.084},
    "auto.accessories.player": {"pioneer": 0.461, "kenwood": 0.149, "jvc": 0.113, "alpine": 0.08},
    "appliances": {"bosch": 0.1, "artel": 0.06, "elenberg": 0.05, "redmond": 0.05, "tefal": 0.04},
    "": {"lucente": 0.071, "cordiant": 0.04, "xiaomi": 0.034, "sony": 0.026, "bosch": 0.023, "stels": 0.018},
}

# P, but for the ids: 39 codes have several in E, and the 19 others with the most products get a second one, which makes
# M's 58; what is left of the 684 has no code.
CODES = (
    Code("", 460, 129701, 35413.8, 26.3, 11.5, 19, 84.7, 421, 0.27),
    Code("electronics.smartphone", 1, 1542, 27882.2, 61.3, 25.8, 129, 283, 1010, 0.00),
    Code("electronics.clocks", 2, 9270, 3398.0, 26.4, 12.1, 35.2, 181, 571, 0.13),
    Code("electronics.video.tv", 2, 782, 3321.8, 43.0, 15.6, 151, 383, 781, 0.00),
    Code("computers.notebook", 2, 1896, 3318.2, 22.5, 10.3, 269, 579, 1410, 0.01),
    Code("electronics.audio.headphone", 2, 2472, 2917.1, 62.5, 24.5, 23.8, 109, 212, 0.01),
    Code("apparel.shoes", 12, 10190, 2650.8, 15.1, 5.4, 54.1, 86.8, 126, 0.17),
    Code("appliances.environment.vacuum", 4, 946, 2329.7, 35.2, 13.1, 51.1, 119, 386, 0.02),
    Code("appliances.kitchen.refrigerators", 3, 1677, 2314.9, 28.2, 10.5, 186, 296, 816, 0.20),
    Code("appliances.kitchen.washer", 1, 658, 2273.3, 40.6, 15.8, 129, 313, 490, 0.01),
    Code("computers.desktop", 4, 1540, 1114.7, 14.4, 6.3, 53.5, 517, 1160, 0.06),
    Code("auto.accessories.player", 2, 1101, 943.3, 14.8, 8.9, 51.5, 128, 296, 0.33),
    Code("apparel.shoes.keds", 4, 3002, 896.1, 8.4, 5.6, 40.7, 70.1, 126, 0.13),
    Code("furniture.bedroom.bed", 3, 1738, 891.1, 12.6, 5.7, 89.2, 163, 386, 0.45),
    Code("furniture.living_room.cabinet", 2, 1894, 853.1, 10.6, 5.3, 105, 211, 453, 0.68),
    Code("electronics.tablet", 3, 429, 809.2, 38.8, 14.5, 75.3, 179, 782, 0.00),
    Code("construction.tools.drill", 2, 1804, 677.8, 25.0, 8.8, 29.4, 71.4, 252, 0.22),
    Code("furniture.living_room.sofa", 1, 591, 642.1, 10.2, 4.1, 312, 542, 965, 0.72),
    Code("electronics.audio.subwoofer", 2, 1000, 632.8, 16.4, 10.2, 27, 69.3, 167, 0.27),
    Code("electronics.telephone", 2, 543, 594.4, 33.9, 13.6, 9.39, 31.4, 79.2, 0.00),
    Code("appliances.kitchen.oven", 2, 1068, 574.4, 25.9, 10.6, 42.5, 123, 415, 0.01),
    Code("kids.carriage", 2, 2041, 567.7, 16.7, 8.7, 64.7, 116, 435, 0.15),
    Code("appliances.kitchen.blender", 1, 445, 536.2, 32.8, 13.2, 25.4, 52.9, 126, 0.00),
    Code("accessories.bag", 7, 2791, 505.4, 13.6, 6.0, 10.3, 45.2, 116, 0.16),
    Code("auto.accessories.videoregister", 1, 325, 503.4, 23.6, 9.3, 32, 109, 201, 0.14),
    Code("auto.accessories.alarm", 1, 145, 492.8, 32.7, 11.6, 83.6, 139, 268, 0.00),
    Code("appliances.kitchen.microwave", 1, 458, 479.6, 43.1, 18.5, 51.2, 88.1, 147, 0.05),
    Code("appliances.kitchen.kettle", 3, 857, 464.7, 33.3, 14.1, 12.3, 30.9, 74.3, 0.01),
    Code("appliances.iron", 1, 531, 462.9, 39.8, 17.9, 18, 49.6, 243, 0.00),
    Code("appliances.environment.air_heater", 2, 791, 444.8, 36.2, 13.6, 14.3, 37.6, 91.2, 0.22),
    Code("appliances.sewing_machine", 1, 475, 432.9, 32.0, 11.2, 91.9, 143, 474, 0.00),
    Code("appliances.kitchen.meat_grinder", 1, 286, 416.6, 31.3, 12.9, 37.7, 72, 177, 0.22),
    Code("apparel.costume", 3, 639, 380.3, 7.4, 3.6, 47.9, 77, 190, 0.71),
    Code("computers.peripherals.printer", 2, 324, 373.5, 36.4, 13.9, 98.7, 157, 367, 0.00),
    Code("appliances.environment.water_heater", 1, 483, 354.8, 44.6, 17.3, 53.9, 105, 138, 0.04),
    Code("construction.tools.saw", 4, 672, 338.7, 29.7, 10.7, 62.7, 115, 525, 0.21),
    Code("construction.tools.generator", 2, 384, 319.4, 24.4, 9.1, 52.3, 139, 516, 0.02),
    Code("computers.peripherals.monitor", 2, 669, 317.2, 22.1, 8.3, 98.8, 220, 502, 0.00),
    Code("kids.toys", 3, 2818, 316.7, 17.4, 7.7, 8.21, 25, 66.2, 0.25),
    Code("appliances.kitchen.hood", 2, 1555, 306.2, 22.7, 7.9, 47.2, 103, 231, 0.01),
    Code("furniture.kitchen.table", 4, 856, 304.0, 14.3, 6.7, 52.1, 122, 399, 0.52),
    Code("furniture.kitchen.chair", 2, 1113, 297.2, 24.0, 9.7, 17.4, 52.4, 173, 0.32),
    Code("appliances.kitchen.hob", 2, 1387, 293.2, 23.7, 8.0, 118, 219, 373, 0.01),
    Code("appliances.kitchen.dishwasher", 1, 342, 244.7, 19.9, 6.8, 293, 381, 601, 0.02),
    Code("construction.tools.welding", 1, 409, 242.7, 30.2, 9.1, 73.4, 122, 412, 0.46),
    Code("sport.bicycle", 5, 1501, 239.1, 12.2, 5.7, 91.1, 208, 972, 0.05),
    Code("appliances.kitchen.mixer", 1, 208, 238.2, 29.8, 12.5, 12.9, 46.5, 257, 0.01),
    Code("electronics.audio.acoustic", 3, 858, 237.6, 17.7, 8.6, 108, 206, 1200, 0.04),
    Code("computers.components.videocards", 1, 615, 235.3, 21.1, 8.4, 130, 270, 689, 0.01),
    Code("appliances.kitchen.coffee_machine", 1, 280, 214.5, 15.1, 5.9, 18.7, 170, 1160, 0.01),
    Code("appliances.kitchen.grill", 1, 142, 196.1, 24.1, 9.2, 56.9, 117, 386, 0.02),
    Code("computers.peripherals.mouse", 2, 1340, 187.9, 31.2, 12.6, 4.86, 19.8, 81, 0.16),
    Code("computers.components.hdd", 1, 654, 179.8, 36.4, 14.2, 25.5, 56.5, 167, 0.13),
    Code("furniture.living_room.chair", 2, 1135, 160.9, 15.0, 7.6, 48.9, 94.5, 305, 0.31),
    Code("appliances.personal.scales", 2, 342, 160.4, 39.1, 18.1, 8.25, 13.9, 44.3, 0.00),
    Code("kids.skates", 1, 550, 158.8, 13.9, 6.9, 45.7, 337, 569, 0.14),
    Code("appliances.personal.hair_cutter", 1, 312, 156.1, 30.4, 14.2, 11.4, 37.1, 83.7, 0.01),
    Code("auto.accessories.compressor", 3, 219, 148.8, 19.9, 8.7, 33.4, 91.3, 379, 0.50),
    Code("computers.peripherals.keyboard", 1, 532, 141.9, 22.1, 9.2, 8.62, 26.7, 126, 0.15),
    Code("appliances.environment.air_conditioner", 2, 669, 141.0, 24.1, 8.5, 186, 283, 718, 0.02),
    Code("kids.dolls", 2, 799, 134.6, 14.2, 5.8, 12.7, 39.3, 73.1, 0.30),
    Code("apparel.dress", 2, 491, 133.9, 3.6, 0.9, 25.7, 46.3, 98.3, 0.29),
    Code("computers.components.cpu", 1, 185, 132.8, 16.7, 5.4, 99.9, 213, 582, 0.00),
    Code("sport.trainer", 2, 239, 132.8, 22.8, 8.0, 105, 231, 663, 0.46),
    Code("computers.components.memory", 1, 614, 122.8, 25.5, 11.4, 22.1, 48.1, 126, 0.19),
    Code("appliances.kitchen.juicer", 1, 179, 122.6, 25.8, 10.5, 32.7, 106, 188, 0.02),
    Code("computers.components.motherboard", 1, 528, 119.6, 14.5, 5.9, 53, 102, 264, 0.00),
    Code("computers.components.cooler", 2, 525, 117.4, 20.6, 9.3, 6.69, 47.7, 107, 0.09),
    Code("accessories.wallet", 1, 659, 114.0, 9.8, 5.9, 29.6, 46.3, 91.6, 0.03),
    Code("apparel.jeans", 1, 337, 109.7, 5.9, 2.8, 29.6, 42.8, 56.6, 0.86),
    Code("electronics.camera.video", 1, 109, 105.9, 20.1, 7.0, 76.5, 307, 672, 0.01),
    Code("electronics.audio.music_tools.piano", 1, 146, 99.6, 27.0, 11.2, 74.9, 162, 390, 0.00),
    Code("appliances.ironing_board", 1, 85, 99.1, 31.3, 15.7, 15.1, 38.6, 99.6, 0.04),
    Code("auto.accessories.radar", 1, 73, 93.5, 31.3, 11.1, 43, 82.5, 130, 0.09),
    Code("apparel.underwear", 2, 2636, 92.2, 5.2, 2.0, 9.52, 20.3, 35.2, 0.00),
    Code("kids.swing", 1, 170, 91.5, 18.6, 8.9, 38.4, 81.6, 305, 0.20),
    Code("construction.tools.pump", 2, 1140, 78.4, 27.7, 8.3, 32, 95.2, 244, 0.53),
    Code("computers.ebooks", 1, 34, 77.9, 30.1, 9.3, 100, 152, 253, 0.00),
    Code("electronics.audio.microphone", 1, 313, 75.8, 23.9, 12.1, 8.05, 38.3, 255, 0.13),
    Code("construction.components.faucet", 2, 2407, 73.5, 18.6, 9.3, 18.8, 42.6, 184, 0.12),
    Code("appliances.kitchen.toster", 2, 156, 68.0, 30.8, 14.5, 18, 33.2, 66.5, 0.05),
    Code("apparel.shirt", 2, 786, 64.6, 7.9, 2.5, 23.7, 29.6, 112, 0.04),
    Code("appliances.personal.massager", 1, 122, 62.6, 25.7, 10.9, 14.9, 45.7, 149, 0.15),
    Code("kids.fmcg.diapers", 1, 275, 57.6, 44.4, 27.5, 4.02, 13.6, 19.7, 0.09),
    Code("computers.components.power_supply", 1, 358, 54.2, 23.5, 10.0, 26.1, 53.4, 120, 0.12),
    Code("construction.tools.light", 3, 337, 53.0, 10.8, 3.8, 4.87, 17.4, 90.1, 0.40),
    Code("furniture.bedroom.blanket", 1, 320, 51.8, 12.7, 7.3, 13.5, 30.9, 74.1, 0.53),
    Code("furniture.bedroom.pillow", 1, 480, 50.1, 17.5, 7.2, 7.71, 16.7, 76.4, 0.30),
    Code("furniture.bathroom.toilet", 1, 380, 45.9, 21.3, 8.6, 49.1, 67.9, 195, 0.13),
    Code("apparel.trousers", 2, 394, 41.4, 5.8, 1.7, 27, 45.1, 83.7, 0.45),
    Code("apparel.tshirt", 2, 588, 40.5, 7.5, 3.7, 8.73, 33.2, 48.9, 0.16),
    Code("medicine.tools.tonometer", 1, 34, 37.2, 48.3, 17.6, 26.9, 45.2, 72.1, 0.03),
    Code("furniture.bathroom.bath", 1, 288, 36.8, 15.3, 5.2, 70.3, 126, 322, 0.31),
    Code("electronics.video.projector", 1, 140, 36.1, 15.7, 5.0, 149, 483, 1640, 0.00),
    Code("construction.tools.painting", 1, 64, 35.2, 13.0, 6.9, 22.6, 50.8, 158, 0.29),
    Code("apparel.jumper", 1, 428, 34.3, 9.4, 2.4, 19.3, 25.5, 38.6, 0.03),
    Code("appliances.kitchen.steam_cooker", 1, 34, 33.1, 21.9, 9.2, 36.3, 90.1, 930, 0.06),
    Code("electronics.camera.photo", 1, 258, 31.3, 24.4, 12.3, 168, 609, 1760, 0.00),
    Code("appliances.kitchen.coffee_grinder", 1, 64, 30.8, 25.3, 8.9, 17.6, 26, 55.2, 0.01),
    Code("auto.accessories.parktronic", 1, 52, 27.0, 10.0, 4.4, 32.1, 36, 124, 0.00),
    Code("furniture.universal.light", 2, 705, 26.0, 7.1, 3.3, 18, 59.2, 705, 0.54),
    Code("apparel.shoes.moccasins", 2, 276, 26.0, 4.3, 3.9, 31.9, 66.1, 101, 0.00),
    Code("apparel.shoes.sandals", 2, 845, 24.7, 6.3, 3.0, 22.4, 34.5, 49.5, 0.02),
    Code("sport.snowboard", 2, 431, 21.7, 19.5, 6.6, 102, 252, 449, 0.19),
    Code("stationery.cartrige", 2, 999, 20.4, 36.8, 15.9, 4.39, 12.8, 64.3, 0.26),
    Code("sport.ski", 2, 754, 19.8, 13.5, 4.6, 87.3, 283, 618, 0.21),
    Code("country_yard.cultivator", 1, 24, 16.9, 10.2, 2.7, 206, 319, 525, 0.00),
    Code("auto.accessories.winch", 1, 19, 14.7, 3.8, 3.1, 275, 437, 647, 0.00),
    Code("computers.peripherals.camera", 1, 59, 12.3, 19.4, 6.4, 6.96, 26.5, 176, 0.06),
    Code("country_yard.lawn_mower", 1, 167, 11.9, 19.3, 6.9, 71.4, 124, 464, 0.10),
    Code("apparel.shoes.slipons", 2, 146, 11.3, 4.6, 1.5, 17, 41.2, 76.9, 0.14),
    Code("sport.tennis", 2, 242, 11.3, 14.4, 5.1, 11.7, 42.9, 164, 0.47),
    Code("apparel.skirt", 1, 204, 9.9, 6.2, 1.4, 20.6, 29.6, 97.8, 0.05),
    Code("accessories.umbrella", 1, 37, 8.9, 8.8, 5.6, 20.1, 21.4, 25.5, 0.00),
    Code("apparel.shoes.ballet_shoes", 1, 128, 7.3, 7.9, 4.5, 19.3, 28.9, 46.1, 0.04),
    Code("apparel.belt", 1, 90, 7.2, 18.1, 8.7, 23.2, 25.7, 242, 0.68),
    Code("apparel.sock", 1, 65, 6.2, 17.4, 6.4, 21.9, 33.7, 196, 0.35),
    Code("apparel.scarf", 1, 56, 6.1, 7.0, 2.9, 17.8, 25.5, 25.5, 0.00),
    Code("appliances.environment.fan", 1, 67, 5.6, 17.2, 10.5, 7.7, 20.8, 115, 0.20),
    Code("construction.tools.soldering", 1, 43, 4.2, 9.4, 1.7, 0.722, 12.1, 21.4, 0.53),
    Code("apparel.glove", 1, 203, 3.8, 18.3, 4.4, 33.2, 40.9, 127, 0.11),
    Code("auto.accessories.anti_freeze", 1, 18, 3.8, 25.1, 4.7, 5.92, 23, 25.7, 0.01),
    Code("apparel.shoes.step_ins", 1, 27, 3.1, 6.1, 2.3, 29.6, 30.6, 43.8, 0.00),
    Code("apparel.shoes.espadrilles", 1, 9, 2.8, 2.8, 0.0, 17, 22.6, 22.6, 0.00),
    Code("country_yard.furniture.hammok", 1, 12, 2.8, 6.4, 1.4, 25.1, 45.8, 228, 0.00),
    Code("apparel.shorts", 1, 87, 1.3, 8.6, 3.1, 3.86, 11.8, 19.3, 0.32),
    Code("apparel.jacket", 1, 11, 0.4, 0.0, 2.3, 47.5, 52.2, 57.1, 0.00),
    Code("country_yard.furniture.bench", 1, 6, 0.2, 0.0, 0.0, 231, 231, 231, 0.00),
    Code("construction.tools.screw", 1, 18, 0.2, 5.4, 5.4, 12.6, 46.7, 48.6, 0.15),
    Code("appliances.kitchen.fryer", 1, 2, 0.1, 74.1, 9.3, 46.3, 46.3, 46.3, 0.03),
)
