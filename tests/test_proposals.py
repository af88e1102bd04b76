"""Proposals: brute force on a line of villages, refusal on thin data, draws, rules of a scenario."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
from serv_tables import facilities, network, villages
from shapely import Point

from qianwan_gis import indicators, proposals
from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.schemas import Inventory
from qianwan_gis.services.choices import Choices
from qianwan_gis.standards import Standards
from qianwan_gis.uncertainty import Draws

REACH = 1000.0  # 15 minutes on foot at 4 km/h


def case(
    x, *, people=None, clinics=(), uncertainty=0.0, inventory=Inventory.COMPLETE, capacity=np.nan
):
    """Return villages along one road, at x metres, and clinics at the villages named by number."""
    order = np.argsort(x)
    road = network([(x[i], 0.0) for i in order], list(itertools.pairwise(range(len(x)))))
    known = {} if people is None else {
        "population": people, "population_kind": "resident", "population_year": 2020.0,
    }  # fmt: skip
    homes = villages([(v, 0.0) for v in x], uncertainty=uncertainty, **known)
    stock = facilities([(x[i], 0.0) for i in clinics], capacity=capacity)
    registers = {("clinic", "village"): inventory}
    return SimpleNamespace(
        villages=homes, regions=gpd.GeoDataFrame({"code": [], "weight": []}, geometry=[], crs=homes.crs),
        network=road, facilities=stock, inventories=registers, townships=None,
        standards=Standards.load(), draws=Draws(n=40, seed=3),
        disclosure=indicators.Disclosure.of(homes, registers, network=road),
        choices=Choices(), ground=None,
    )  # fmt: skip


def places(seed, n=9):
    rng = np.random.default_rng(seed)
    # odd gaps keep every distance away from the limit
    return np.cumsum(rng.integers(2, 14, n) * 100.0 + 37.0), rng.integers(1, 500, n).astype(float)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("weigh", ["people", "villages"])
def test_the_choice_is_the_best_of_all(seed, weigh):
    x, people = places(seed)
    plan = case(x, people=people, clinics=[seed % len(x)])
    near = np.abs(x[:, None] - x[None, :]) <= REACH
    weight = people if weigh == "people" else np.ones(len(x))
    base = near[:, seed % len(x)]

    def gain(sites):
        return weight[near[:, sites].any(axis=1) & ~base].sum()

    for add in (1, 2, 3):
        made = proposals.propose(plan, "clinic", "village", add=add, weigh=weigh)
        best = max(gain(list(s)) for s in itertools.combinations(range(len(x)), add))
        assert made.objective == pytest.approx(best)
        assert made.status == "optimal"
        assert made.curve["covered"].iloc[-1] == pytest.approx(weight[base].sum() + best, abs=0.1)
        # exact positions: every draw agrees
        assert (made.sites["p_chosen"] == 1.0).all()
        assert (made.gains["verdict"] == "gained").all()
        assert made.regret == (0.0, 0.0) or np.isnan(made.regret[0])


def test_gains_add_up_and_curve_never_falls():
    x, people = places(4, 14)
    plan = case(x, people=people, clinics=[0], uncertainty=400.0)
    made = proposals.propose(plan, "clinic", "village", add=5)
    gained = made.gains["p_after"] - made.gains["p_before"]
    assert made.sites["villages"].sum() == pytest.approx(gained.sum(), abs=0.05 * len(made.sites))
    assert made.curve["people"].iloc[-1] == pytest.approx(
        (gained * made.gains["people"]).sum(), rel=2e-3
    )
    assert made.sites["people"].sum() == pytest.approx(made.curve["people"].iloc[-1], abs=3)
    for column in ("villages", "people", "covered", "best", "bound"):
        assert made.curve[column].is_monotonic_increasing
    assert (made.curve["covered"] <= made.curve["best"] + 0.1).all()
    assert (made.curve["best"] <= made.curve["bound"] + 0.1).all()
    low, mid, high = (made.curve[f"people{k}"] for k in ("_low", "", "_high"))
    assert ((low <= mid + 1) & (mid <= high + 1)).all()
    assert made.gains["p_after"].between(0, 1).all()
    assert {"gained", "likely", "possible"} >= set(made.gains["verdict"])
    assert 0 <= made.regret[0] <= made.regret[1] <= 1


def test_nothing_depends_on_row_order():
    x, people = places(6, 12)
    plan = case(x, people=people, clinics=[2, 7], uncertainty=300.0)
    other = case(x, people=people, clinics=[2, 7], uncertainty=300.0)
    other.villages = other.villages.sample(frac=1, random_state=1).reset_index(drop=True)
    other.facilities = other.facilities.iloc[::-1].reset_index(drop=True)
    one, two = (proposals.propose(p, "clinic", add=3) for p in (plan, other))
    for name, table in one.tables().items():
        assert table.equals(two.tables()[name]), name
    assert {k: v.to_json() for k, v in one.layers.items()} == {k: v.to_json() for k, v in two.layers.items()}  # fmt: skip


def test_uncertain_positions_move_the_choice_to_what_holds():
    # 950 m apart: the middle one covers both ends when points are exact, rarely both when they
    # are 800 m uncertain; expected cover then decides, and the village is told as not sure.
    x = np.array([0.0, 950.0, 1900.0])
    exact = proposals.propose(case(x), "clinic", "village", add=1)
    assert exact.weigh == "villages"
    assert exact.sites["villages_sure"].tolist() == [3]
    loose = proposals.propose(case(x, uncertainty=800.0), "clinic", "village", add=1)
    assert loose.sites["villages"].iloc[0] < 3
    assert loose.sites["villages_sure"].iloc[0] == 1  # its own village, wherever that is
    assert loose.sites["villages_low"].iloc[0] < loose.sites["villages_high"].iloc[0]


def test_thin_data_give_a_reason_and_no_sites(tmp_path):
    x, people = places(1)
    plan = case(x, people=people, inventory=Inventory.PARTIAL)
    made = proposals.propose(plan, "clinic", "village")
    assert made.status == "refused"
    assert made.refused == plan.disclosure.reasons["siting"]
    assert made.sites.empty
    assert [p.code for p in made.problems] == ["siting_withheld"]
    assert proposals.write(made, tmp_path / "out") == []
    assert not (tmp_path / "out").exists()


def test_every_column_has_a_heading_in_both_languages():
    x, people = places(7)
    plan = case(x, people=people, uncertainty=100.0)
    some = proposals.propose(plan, "clinic", add=2, budget=9.0)
    full = proposals.propose(plan, "clinic", add=1, capacity=400.0)
    twice = proposals.propose(plan, "clinic", add=1, backup=0.2)
    for table in [t for made in (some, full, twice) for t in made.tables().values()]:
        for column, text in zip(table.columns, proposals.headings(table), strict=True):
            assert text.zh != column
            assert text.en


def test_rules_are_kept():
    x, people = places(2)
    plan = case(x, people=people)
    codes = plan.villages["code"].tolist()
    free = proposals.propose(plan, "clinic", add=2)
    barred = proposals.propose(plan, "clinic", add=2, forbidden=free.sites["site_id"])
    assert not set(barred.sites["site_id"]) & set(free.sites["site_id"])
    assert barred.objective <= free.objective
    must = proposals.propose(plan, "clinic", add=2, mandatory=[codes[0]])
    assert must.sites["site_id"].iloc[0] == codes[0]
    cheap = proposals.propose(
        plan, "clinic", add=2, budget=3.0, cost=1.0, costs={free.sites["site_id"].iloc[0]: 9.0}
    )
    assert free.sites["site_id"].iloc[0] not in set(cheap.sites["site_id"])
    assert cheap.sites["cost"].sum() <= 3.0
    poor = proposals.propose(plan, "clinic", add=2, budget=1.0)
    assert poor.status == "infeasible"
    assert poor.problems[0].code == "infeasible"


def test_capacity_and_backup():
    x = np.array([0.0, 300.0, 600.0, 5000.0])
    people = np.array([100.0, 100.0, 100.0, 100.0])
    plan = case(x, people=people, clinics=[0], capacity=100.0)
    # All three near ones are "covered", but the clinic is full with one of them.
    made = proposals.propose(plan, "clinic", add=1, capacity=200.0)
    assert made.sites["load"].tolist() == [200.0]
    assert made.objective == 300.0
    assert made.sites["p_chosen"].tolist() == [1.0]  # exact positions: every draw agrees
    assert made.status == "optimal"
    # What counts is who finds room: one of the three had it before, two more have it now.
    assert made.sites["villages"].tolist() == [2.0]
    assert made.shares().set_index("unit").loc["people", "after"] == 300.0
    twice = proposals.propose(plan, "clinic", add=1, backup=0.9)
    assert twice.sites["second"].iloc[0] == 300.0  # beats covering the far 100 once
    with pytest.raises(UsageError, match="容量"):
        proposals.propose(plan, "clinic", capacity=1.0, backup=0.5)
    assert proposals.propose(plan, "clinic", add=1).sites["site_id"].tolist() == [plan.villages["code"][3]]  # fmt: skip


def test_given_candidates_and_wrong_calls():
    x, people = places(3)
    plan = case(x, people=people)
    origin = plan.villages.geometry.iloc[0]
    spots = gpd.GeoDataFrame(
        {"id": ["b", "a"], "name": ["乙", "甲"]},
        geometry=[Point(origin.x + 60, origin.y), Point(origin.x + 9e6, origin.y)], crs=plan.villages.crs,
    )  # fmt: skip
    made = proposals.propose(plan, "clinic", add=1, candidates=spots)
    assert made.sites["site_id"].tolist() == ["b"]
    with pytest.raises(UsageError, match="可选址的有"):
        proposals.propose(plan, "sewage")
    with pytest.raises(UsageError, match="至少为1"):
        proposals.propose(plan, "clinic", add=0)
    with pytest.raises(UsageError, match="不在候选点之列：zz"):
        proposals.propose(plan, "clinic", forbidden=["zz"])
    with pytest.raises(UsageError, match="只有2个"):
        proposals.propose(plan, "clinic", add=3, candidates=spots)
    with pytest.raises(UsageError, match="缺少字段"):
        proposals.propose(plan, "clinic", candidates=spots[["id", "geometry"]])
    with pytest.raises(UsageError, match="不能按人口选址"):
        proposals.propose(case(x), "clinic", weigh="people")


def test_covered_county_has_nothing_to_gain():
    made = proposals.propose(case(np.array([0.0, 300.0, 600.0]), clinics=[0]), "clinic")
    assert made.refused is None
    assert [p.code for p in made.problems] == ["nothing_to_gain"]
    assert made.sites.empty


def test_nobody_known_to_gain_and_more_mandatory_sites_than_asked_for():
    x = np.array([0.0, 500.0, 5000.0, 10000.0])
    plan = case(x, people=[100.0, 100.0, 100.0, 0.0], clinics=[0, 2])
    made = proposals.propose(plan, "clinic", add=1, weigh="people")
    assert [p.code for p in made.problems] == ["no_population", "nothing_to_gain"]
    assert made.sites.empty
    far = plan.villages["code"][3]
    kept = proposals.propose(plan, "clinic", add=1, weigh="people", mandatory=[far])
    assert kept.sites["site_id"].tolist() == [far]
    codes = plan.villages["code"].tolist()
    two = proposals.propose(plan, "clinic", add=1, weigh="villages", mandatory=codes[2:])
    assert two.status == "infeasible"
    assert "固定点已有2个" in str(two.problems[0])


def test_no_more_sites_than_help():
    made = proposals.propose(case(np.array([0.0, 300.0, 600.0])), "clinic", add=3)
    assert len(made.sites) == 1
    assert "fewer_do" in [p.code for p in made.problems]


def test_scenario_file(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text(
        'title = "甲"\ntier = "village"\nadd = 2\nforbidden = ["140525000001"]\nbudget = 9\n'
        'candidates = "c.geojson"\n[standards]\n"health.village.walk_minutes" = 20\n'
        '[costs]\n"140525000002" = 4.5\n',
        encoding="utf-8",
    )
    scenario = proposals.read_scenario(file)
    assert scenario.candidates == tmp_path / "c.geojson"
    assert scenario.standards == {"health.village.walk_minutes": 20}
    options = scenario.options()
    assert options["costs"] == {"140525000002": 4.5}
    file.write_text("add = 0\nwrong = 1\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        proposals.read_scenario(file)
    assert {p.field for p in caught.value.problems} == {"add", "wrong"}
    file.write_text("add = ", encoding="utf-8")
    with pytest.raises(DataError):
        proposals.read_scenario(file)
    with pytest.raises(DataError):
        proposals.read_scenario(tmp_path / "none.toml")


def test_files_are_the_same_bytes_twice(tmp_path):
    x, people = places(5)
    plan = case(x, people=people, uncertainty=200.0)
    made = proposals.propose(plan, "clinic", add=2)
    a, b = (proposals.write(made, tmp_path / n) for n in ("a", "b"))
    assert [f.name for f in a] == ["curve.csv", "gains.csv", "proposed_gains.geojson",
                                   "proposed_links.geojson", "proposed_sites.geojson", "sites.csv"]  # fmt: skip
    assert [f.read_bytes() for f in a] == [f.read_bytes() for f in b]
    spots = gpd.read_file(tmp_path / "a" / "proposed_sites.geojson").to_crs(plan.villages.crs)
    assert set(spots["site_id"]) == set(made.sites["site_id"])
    where = spots.geometry.distance(made.layers["proposed_sites"].geometry)
    assert (where < 0.1).all()


# ---- capacities and backup over joint draws --------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_capacity_choice_is_the_best_of_all_where_positions_are_exact(seed):
    x, people = places(seed, 7)
    people = np.ceil(people / 10)
    plan = case(x, people=people, clinics=[seed], capacity=40.0)
    near = np.abs(x[:, None] - x[None, :]) <= REACH

    def served(sites):
        columns = [(seed, 40.0), *((s, 60.0) for s in sites)]
        best = 0.0
        for choice in itertools.product(range(-1, len(columns)), repeat=len(x)):
            load = np.zeros(len(columns))
            for village, column in enumerate(choice):
                if column >= 0:
                    if not near[village, columns[column][0]]:
                        break
                    load[column] += people[village]
            else:
                if all(load[k] <= limit for k, (_, limit) in enumerate(columns)):
                    best = max(best, load.sum())
        return best

    made = proposals.propose(plan, "clinic", add=1, capacity=60.0)
    assert made.objective == pytest.approx(max(served([s]) for s in range(len(x))))
    assert made.bound == pytest.approx(made.objective)
    assert made.sites["load"].iloc[0] <= 60.0
    assert made.shares().set_index("unit").loc["people", "after"] == pytest.approx(made.objective)
    assert made.shares().set_index("unit").loc["people", "before"] == pytest.approx(served([]))


@pytest.mark.parametrize("rules", [{"capacity": 400.0}, {"backup": 0.4}])
def test_rules_follow_the_same_draws(rules):
    x, people = places(8, 10)
    loose = case(x, people=people, clinics=[1], uncertainty=500.0, capacity=300.0)
    made = proposals.propose(loose, "clinic", add=2, **rules)
    assert made.objective <= made.bound * (1 + 1e-9)
    assert made.gap >= 0
    assert made.sites["p_chosen"].between(0, 1).all()
    assert 0 <= made.regret[0] <= made.regret[1] <= 1
    shares = made.shares().set_index("unit")
    assert (shares["before"] <= shares["after"] + 1e-9).all()
    assert (shares["after"] <= shares["total"] + 1e-9).all()
    # The order of rows does not matter.
    turned = case(x, people=people, clinics=[1], uncertainty=500.0, capacity=300.0)
    turned.villages = turned.villages.iloc[::-1].reset_index(drop=True)
    again = proposals.propose(turned, "clinic", add=2, **rules)
    assert again.sites.equals(made.sites)


def test_more_room_and_one_more_site_never_serve_fewer():
    x, people = places(3, 9)
    plan = case(x, people=people, clinics=[4], capacity=200.0)
    by_room = [
        proposals.propose(plan, "clinic", add=2, capacity=c).objective for c in (100, 300, 900)
    ]
    assert by_room == sorted(by_room)
    by_count = [
        proposals.propose(plan, "clinic", add=k, capacity=250.0).objective for k in (1, 2, 3)
    ]
    assert by_count == sorted(by_count)
    plain = [proposals.propose(plan, "clinic", add=k).objective for k in (1, 2, 3)]
    assert plain == sorted(plain)


@pytest.mark.parametrize(
    "options",
    [{"add": 1.5}, {"add": "2"}, {"add": True}, {"weigh": "cows"}, {"budget": -1.0}, {"capacity": 0.0},
     {"capacity": float("nan")}, {"per_capacity": -1.0}, {"backup": 1.5}, {"cost": -1.0},
     {"costs": {"140525000000": float("nan")}}],
)  # fmt: skip
def test_amounts_that_make_no_sense_are_told(options):
    with pytest.raises(UsageError) as caught:
        proposals.propose(case(np.array([0.0, 3000.0])), "clinic", **options)
    assert caught.value.text.zh
    assert caught.value.text.en


def test_writing_again_replaces_ours_and_keeps_the_rest(tmp_path, monkeypatch):
    x, people = places(5)
    plan = case(x, people=people)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "map.html").write_text("mine", encoding="utf-8")
    (folder / "deep").mkdir()
    (folder / "deep" / "a.txt").write_text("a", encoding="utf-8")
    first = proposals.propose(plan, "clinic", add=2)
    proposals.write(first, folder)
    before = {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}
    second = proposals.propose(plan, "clinic", add=1)
    # A write that fails half way leaves everything as it was.
    from qianwan_gis import _io

    whole = _io.write_bytes

    def broken(path, data):
        if path.name == "proposed_links.geojson":
            raise OSError("disk full")
        return whole(path, data)

    monkeypatch.setattr(_io, "write_bytes", broken)
    with pytest.raises(OSError, match="disk full"):
        proposals.write(second, folder)
    assert {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()} == before
    monkeypatch.undo()
    proposals.write(second, folder)
    assert (folder / "sites.csv").read_bytes() != before["sites.csv"]
    assert (folder / "map.html").read_text(encoding="utf-8") == "mine"
    assert (folder / "deep" / "a.txt").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
