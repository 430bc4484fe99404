"""Names by the grammar of contract customer.md 3, written by a generator that knows nothing of our parser.

`FERRERO_TEST_SPOILED_NAMES=10000 pytest …/test_name_grammar.py -s` spoils as many and shows the figures.
"""

import os
import random
import re
import string
from collections import Counter
from collections.abc import Callable

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.filenames import AgencyName, parse_name
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.domain.triage import KnownMaster, KnownMasters, ListedFile, judge

RULES = load_site().naming.rules
SPOILED = int(os.environ.get("FERRERO_TEST_SPOILED_NAMES", "600"))
LETTERS = string.ascii_letters + string.digits

BRANDS = re.findall(r"\w+", "MC PK ROC FPR KMAX KSB KCH RAF DUN TRO KCY BUE KSUR KMS KPI NUT NUGO FFIE KBRI TT ET DEL")
MARKETS = re.findall(
    r"\S+",
    "DE_de IT_it FR_fr CA_fr-CA CA_en CH_de CH_gsw GB_en ES_es BR_pt-BR US_es-419 PL_pol SE_sv GL_Global PH_fil NO_no",
)
KNOWN_TYPES = re.findall(r"\w+", "OLV TVC EHI EOL LTD EAN ESI NTB PIR PKC PKT SCP SNC UPI FBD YTB TIK PIN")
WORDS = re.findall(r"\S+", "SUMMER Spring ME-MOMENT TEST E2E2 Xmas-2026 KINDER-DAY a B2S Big-Game Mother-s-Day XXL")
RATIOS = re.findall(r"\S+", "16x9 9x16 1x1 4x5 5x4 4x3 3x2 2x3 21x9 300x250 1080x1920")
MARKS = re.findall(
    r"[^,]+", " copy, copy 2, - Copy, - Copy (2), (1),(1),-1, Kopie, - Kopie, – kopia, - Copie (3), copia, 2,_copy"
)


class Grammar:
    """Writes right names, and spoils them in one place."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def text(self, letters: str, length: int) -> str:
        return "".join(self.rng.choice(letters) for _ in range(length))

    def parts(self) -> list[str]:
        """The components of a name in one of the two orders."""
        r = self.rng
        job = self.text(string.digits, r.randint(1, 10))
        brand = r.choice([*BRANDS, self.text(string.ascii_uppercase, r.randint(2, 5))])
        subject = " ".join(r.choice(WORDS) for _ in range(r.choice([1, 1, 2])))[:25].strip()
        kind = r.choice([*KNOWN_TYPES, self.text(string.ascii_uppercase, 2) + "X"])
        version = r.choice([[], [f"{r.randint(0, 999):03}"], [f"{r.randint(0, 99):03}MST"], ["MST"]])
        duration, ratio = f"{r.randint(0, 120)}S", r.choice(RATIOS)
        market, tracking_id = r.choice(MARKETS).split("_"), self.text(LETTERS, 6)
        if r.random() < 0.5:
            return [job, brand, *market, subject, kind, *version, r.choice([duration, "00S", "NA"]), ratio, tracking_id]
        lasts = r.choice([[], [duration]])
        return [job, brand, subject, kind, *version, *lasts, ratio, *market, tracking_id]

    def ending(self) -> str:
        return self.rng.choice(["mp4", "mov", "MP4", "png", "jpg", "psd", "pdf", "zip", "wav"])

    def name(self) -> str:
        return f"{'_'.join(self.parts())}.{self.ending()}"


def spoil_letter(g: Grammar, name: str) -> str:
    place, letter = g.rng.randrange(len(name)), g.rng.choice(LETTERS + " -.!")
    before, after = name[:place], name[place:]
    return before + g.rng.choice([after[1:], letter + after[1:], letter + after])


def spoil_case(g: Grammar, name: str) -> str:
    stem, _, ending = name.rpartition(".")
    parts = stem.split("_")
    place = g.rng.randrange(len(parts))
    parts[place] = parts[place].swapcase()
    return f"{'_'.join(parts)}.{ending}"


def spoil_order(g: Grammar, name: str) -> str:
    stem, _, ending = name.rpartition(".")
    parts = stem.split("_")
    one, other = g.rng.sample(range(len(parts)), 2)
    parts[one], parts[other] = parts[other], parts[one]
    return f"{'_'.join(parts)}.{ending}"


def spoil_moved(g: Grammar, name: str) -> str:
    stem, _, ending = name.rpartition(".")
    parts = stem.split("_")
    moved = parts.pop(g.rng.randrange(len(parts)))
    parts.insert(g.rng.randrange(len(parts) + 1), moved)
    return f"{'_'.join(parts)}.{ending}"


def spoil_script(g: Grammar, name: str) -> str:
    """A letter of another alphabet that looks the same."""
    alike = dict(zip("ABCEHKMOPTXaceopxIS", "АВСЕНКМОРТХасеорхІЅ", strict=True))
    stem = name.rpartition(".")[0]
    places = [place for place, sign in enumerate(stem) if sign in alike]
    place = g.rng.choice(places) if places else 0
    return name[:place] + alike.get(name[place], name[place]) + name[place + 1 :]


def spoil_missing(g: Grammar, name: str) -> str:
    stem, _, ending = name.rpartition(".")
    parts = stem.split("_")
    del parts[g.rng.randrange(len(parts))]
    return f"{'_'.join(parts)}.{ending}"


def spoil_copy(g: Grammar, name: str) -> str:
    stem, _, ending = name.rpartition(".")
    marked = stem + g.rng.choice(MARKS)
    return g.rng.choice([f"{marked}.{ending}", f"Copy of {name}", f"{name}.{ending}", f"{marked}.{ending}.{ending}"])


def spoil_signs(g: Grammar, name: str) -> str:
    odd = {"-": "–—‐‑−－", " ": "\u00a0\u2003\u3000"}
    places = [place for place, sign in enumerate(name) if sign in odd]
    if not places:
        return name.replace("_", "_\u200b", 1)
    place = g.rng.choice(places)
    return name[:place] + g.rng.choice(odd[name[place]]) + name[place + 1 :]


SPOILS: list[Callable[[Grammar, str], str]] = [
    spoil_letter, spoil_letter, spoil_case, spoil_order, spoil_moved, spoil_missing, spoil_copy, spoil_signs,
    spoil_script,
]  # fmt: skip


def suggested(name: str, tracking_id: str) -> str | None:
    """What is suggested where the master of the right name is known."""
    master = KnownMaster(tracking_id=TrackingId(tracking_id), campaign_id=DamId("c"), status="active")
    file = ListedFile(id=BoxId("1"), etag="0", name=name, size_bytes=5, sha1_hex="")
    masters = KnownMasters({master.tracking_id: master})
    return judge(file, parse_name(name, RULES), masters, looks=2, settle_looks=2).corrected_name


def test_of_ten_thousand_names_by_the_grammar_none_is_refused():
    g = Grammar(1)
    refused = []
    for _ in range(10_000):
        parts, ending = g.parts(), g.ending()
        name = f"{'_'.join(parts)}.{ending}"
        parsed = parse_name(name, RULES)
        is_right = isinstance(parsed, AgencyName) and parsed.clean_name == f"{'_'.join(parts[1:-1])}.{ending}"
        refused += [] if is_right and parsed.tracking_id == parts[-1] else [name]
    assert refused == []


@pytest.mark.fault(66)
def test_what_is_suggested_for_a_name_spoiled_in_one_place_is_right_or_nothing():
    g = Grammar(2)
    figures = {spoil.__name__.removeprefix("spoil_"): Counter[str]() for spoil in SPOILS}
    wrong = []
    for number in range(SPOILED):
        right = g.name()
        spoil = SPOILS[number % len(SPOILS)]
        spoiled = spoil(g, right)
        tracking_id = right.rpartition(".")[0].rpartition("_")[2]
        found = suggested(spoiled, tracking_id)
        verdict = "nothing" if found is None else "right" if found == right else "wrong"
        kind = "still legal" if RULES.read(spoiled) else verdict
        figures[spoil.__name__.removeprefix("spoil_")][kind] += 1
        wrong += [(right, spoiled, found)] if kind == "wrong" else []
    print({name: dict(counter) for name, counter in figures.items()})  # noqa: T201  # shown with -s
    assert wrong == []
    assert figures["case"]["right"] > figures["case"]["nothing"]
    assert all(figures[name]["right"] > 0.95 * figures[name].total() for name in ("copy", "signs"))


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("spoiled", "never_told"),
    [
        # Brand, country and language are all there, in another order.
        ("6666_DE_de_NUT_SUMMER_OLV_30S_16x9_pOiJ9s.mp4", ["“nut”", "“DE”"]),
        ("635515_KPI_XXL_CA_fr-CA_PKT_079MST_65S_9x16_6Yo4gf.mp4", ["“XX”", "“ca”"]),
        # A Cyrillic letter stands in the place of one that is missed then.
        ("7777_ROC_TEST_EНI_1x1_DE_de_a7K9mP.png", ["“EI”"]),
        ("3_MC_Big-Gamе_PKT_1x1_DE_de_a7K9mP.png", ["“Big-Gam”"]),
        ("ABC123_6666_NUT_SUMMER_OLV_30S_16x9_DE_de_pOiJ9s.mp4", ["“123”"]),
        # Seconds without their S are no version.
        ("6666_NUT_SUMMER_OLV_30_16x9_DE_de_pOiJ9s.mp4", ["“030”"]),
        # A blank is legal in a subject.
        ("6666_NUT_ME MOMÉNT_OLV_30S_16x9_DE_de_pOiJ9s.mp4", ["ME-MOMENT"]),
    ],
)
def test_what_is_told_of_a_single_part_is_no_guess(spoiled, never_told):
    told = parse_name(spoiled, RULES)
    assert not isinstance(told, AgencyName)
    assert [guess for guess in never_told if f"→ {guess}" in str(told) or guess in str(told.meant)] == []
    assert suggested(spoiled, spoiled.rpartition(".")[0].rpartition("_")[2]) is None or "MOM" in spoiled


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("spoiled", "tracking_id"),
    [
        ("75996_KBRI_XXL XXL_it_655_300x250_IT_BVX_4ZsBCd.jpg", "4ZsBCd"),
        ("5_ROC_BCX_es_SUMMER_ES_NA_300x250_B7eMOx.jpg", "B7eMOx"),
        ("3518858_DUN_B2S_PIN_003ST_1x1_CA_en_xh8nLu.zip", "xh8nLu"),
        ("499_MC_PL_pol_Xmas-2026  XL_SCP_955_NA_300x250_7qUvIv.mov", "7qUvIv"),
        ("85862_KSUR_US_es-419_Xmas-2026 Mother-s-Day_102_NTB_NA_5x4_h99UBu.zip", "h99UBu"),
    ],
)
def test_of_a_name_that_may_have_been_two_none_is_suggested(spoiled, tracking_id):
    assert suggested(spoiled, tracking_id) is None
