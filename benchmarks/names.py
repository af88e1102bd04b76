"""How well printed names find their unit, on misprints made for the purpose.

All 641 units of the two carried counties are misprinted by one edit each (and by two): a confusion from
the table below, a changed suffix, or a dropped character where three or more remain. The table is
kept apart from the matcher: it was written by hand from common slips of input methods and optical
reading, the matcher knows only computed glyph likeness and dictionary readings.

Run: ``python benchmarks/names.py`` (rapidfuzz and cpca are compared where they are installed);
``--calibrate`` fits the certainties on made-up counties and prints the constants of
``qianwan_gis/names/_match.py``.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.names import CERTAIN, NameIndex

# First character: what is meant; the others: what gets printed. General knowledge of the script.
CONFUSIONS = re.findall(
    r"\S+",
    """
庄压桩装妆 东冬栋车乐 南楠男甫 西酉溪茜 村材忖存 河何诃合可 家加佳冢 北背比兆 头投斗买 社杜祉设 区驱匹巨
岭苓领令龄 山仙汕删 沟构钩狗购 大太犬夫 上尚土止 街衔阶接 掌常撑章 下夏吓卞 底低抵砥 石右名时 王玉汪主
峪裕浴俗欲 匠近将酱 泉皇权全 李季里杏 坪平评萍 坡波披陂 城诚成程 寨赛塞债 马码妈鸟 张章帐长涨 小少晓
后候厚侯 义议叉又 洼娃佳哇 阳杨羊扬 口囗日扣 刘浏流留 黄簧皇璜 公工供功 道到遒导 六陆穴 常长裳尝
新欣薪辛 寺侍诗四 川州串 和禾合利 水冰氷 长张常 井并开景 园圆元固 兴星杏兰 窑窖谣姚 柳抑卯榴 郭郝敦廓
安鞍宴按 庆床厌 桥娇乔侨 郝赫郭 宋宁松 杨扬阳场 司可思同 原源厂愿 圪吃疙 陈阵东 工公土 辛幸新 天夭无
元园无远 龙尤陇笼 巴已吧色 四泗匹 分兮份 晋普进 青清责 段缎断 中申种 贾价买 池地驰 谷俗古 坊访芳
赵超越 太大泰 三叁 焦蕉集 二贰 店居点 门问闩 土士吐 申甲伸 呈程早 塔搭塌 造选皂 金全今 万方力 里理重
树村对 岳丘兵 关天官 成城戎 矿旷况 壁璧避 都郁督 双又霜 行形竹 苗田描 铁轶帖 铺捕浦 坨驼陀 沙砂莎
堡保煲 背臂脊 桑嗓叒 属嘱鼠 横黄衡 党堂挡 郜部告 官宫关 靳勒近 尧晓饶 板扳版 仙山先 林材淋 尹伊君
董懂重 高膏亭 经径轻 坟纹圹 锦绵棉 光先广 明朋名 孔扎吼 牛午生 裴斐辈 秀季绣 冶治治 冯马缝 铸俦筹
车东军 伏代状 史吏使 贺驾货 黑墨里 周同州 岸崖庵 苇韦伟 町盯订 坂板扳 堰偃雁 犁梨黎 槽糟曹 汉汊叹
范犯苑 霍雷藿 崔雀催 府符俯 武式五 孟盂猛 吴吞昊 堆推碓 胡湖葫 则侧责 任仕仟 泊柏伯 漳障樟 丰半峰
来采耒 渠梁巨 凰鳳皇 箕萁其 秋秒愀 科料棵 岗冈刚 路跺陆 湾弯变 楼搂娄 景影晾 会云汇 红江虹 白日百
市布币 黎犁藜 韩朝寒 曹槽漕 梓锌辛 峰锋蜂 火灭伙 子孑于 苍仓沧 故姑古 县具悬 翟瞿霍 郎朗廊 尚向
余佘金 环坏还 杰木洁 滨宾浜 朱未珠 庵俺奄 祥详样 甲申田 淙宗综 庙苗庿 拦栏兰 草早苹 油由抽 花化芲
布市佈 施旎拖 盆盒盘 盐监岩 厂广 侯候猴 福副褔 源原沅 神袖伸 枣刺棗 湛堪甚 化代花 管菅官 院脘完
磨魔麿 旺汪王 鄢郾焉 畛珍轸 田由甲 保堡葆 顿吨钝 薛薜蔛 秦奏泰 善膳缮 获荻莸 麻痳嘛 柏拍泊 耳且洱
甘廿柑 润闰涧 连莲涟 制掣治 汤场烫 陡徒徙 向响尚 香杳乡 追迫椎 洞同铜 月用刖 湖胡瑚 碾辗捻 畜蓄亩
粮浪粱 宝保玉 龛盒堪 核该刻 桃挑逃 狄秋荻 竹行竺 杴锨欣 江红汪 忽匆葱 木本术 套奎泰 韦苇围 两俩丙
角用脚 围韦国 稍梢消 玛马妈 琅狼郎 樊攀焚 翁瓮嗡 蔡察菜 营宫莹 坛坟谈 轩奸干 鲁鱼普 黍季忝 米木来
户尸护 汇江会 望盟忘 乾朝幹 棠常堂 阎闫阁 罗萝岁 陟涉徙 椒淑叔 坚竖肾 葛蔼曷 闫阎闰 卫卩韦 窳窊
风凤枫 砂沙纱 漏露屚 乐东砾 移栘侈 苏办芳 看着堪 堂棠党 定锭宁 流硫留 杜社肚 荫阴荫 炭碳岩 荆刑前
琚据居 良艮粮 春舂椿 陕峡狭 唐塘庸 农衣浓 地池他 梁粱染 蛮峦恋 平乎苹 羊芊洋 狗拘苟 蒋将奖 师帅狮
绿录碌 彩采菜 童重章 永水咏 彭澎鼓 朔溯塑 须顼烦 屈届居 辉挥浑 团困因 仝同全 皇星凰 倒到例 振震报
""",
)
SUFFIXES = ("村", "村委会", "村民委员会", "行政村", "社区", "居委会", "社区居委会")
TABLE = {group[0]: group[1:] for group in CONFUSIONS}


class Misprint(NamedTuple):
    """A printed name made from a unit's own."""

    printed: str
    edits: tuple[str, ...]


def misprint(
    name: str, rng: np.random.Generator, edits: int = 1, table: dict[str, str] | None = None
) -> Misprint | None:
    """Edit a name as the issue lays down; None where no edit is possible."""
    table = TABLE if table is None else table
    made: list[str] = []
    suffix = ""
    for _ in range(edits):
        places = [i for i, c in enumerate(name) if c in table and f"confusion{i}" not in made]
        choices = ["confusion"] * (3 * bool(places)) + ["suffix"] * (not suffix)
        choices += ["dropped"] * (len(name) >= 4)
        if not choices:
            return None
        kind = choices[int(rng.integers(len(choices)))]
        if kind == "confusion":
            at = places[int(rng.integers(len(places)))]
            others = table[name[at]]
            name = name[:at] + others[int(rng.integers(len(others)))] + name[at + 1 :]
            made.append(f"confusion{at}")
        elif kind == "suffix":
            suffix = SUFFIXES[int(rng.integers(len(SUFFIXES)))]
            made.append("suffix")
        else:
            at = int(rng.integers(len(name)))
            name = name[:at] + name[at + 1 :]
            made.append("dropped")
    return Misprint(name + suffix, tuple(m.rstrip("0123456789") for m in made))


def units() -> pd.DataFrame:
    """The units of both counties with their county."""
    tables = [Gazetteer.carried(a).units.assign(county=a) for a in ("140525", "140404")]
    return pd.concat(tables, ignore_index=True)


def misprints(
    table: pd.DataFrame, *, edits: int = 1, seed: int = 0, township: str = "right"
) -> pd.DataFrame:
    """One misprint of every unit.

    ``township``: ``right``, ``wrong`` (another one of the county), ``none`` or ``mixed`` (90 : 5 : 5).
    Misprints that give the very name of another unit of the township are drawn anew: no one could
    tell them.
    """
    rng = np.random.default_rng(seed)
    taken = set(zip(table["county"], table["township"], table["name"], strict=True))
    by_county = {c: sorted(set(g["township"])) for c, g in table.groupby("county")}
    rows = []
    for unit in table.itertuples():
        for _ in range(20):
            made = misprint(unit.name, rng, edits)
            if made is None or (unit.county, unit.township, made.printed) not in taken:
                break
        if made is None:
            continue
        how = township
        if how == "mixed":
            how = str(rng.choice(["right", "wrong", "none"], p=[0.9, 0.05, 0.05]))
        others = [t for t in by_county[unit.county] if t != unit.township]
        printed = {
            "right": unit.township,
            "wrong": others[int(rng.integers(len(others)))],
            "none": "",
        }[how]
        rows.append(
            (
                made.printed,
                printed,
                unit.county,
                unit.name,
                unit.code,
                unit.township,
                how,
                made.edits,
            )
        )
    columns = [
        "name",
        "township",
        "county",
        "true_name",
        "true_code",
        "true_township",
        "how",
        "edits",
    ]
    return pd.DataFrame(rows, columns=columns)


def outcome(found: pd.DataFrame, made: pd.DataFrame) -> dict[str, float]:
    """Precision and recall of certain matches, and of others.

    ``said`` counts matches as sure that lie in another township and are marked so; ``half`` those of
    0.5 or more; ``best`` the best candidate whatever its certainty.
    """
    right = (found["match_code"] == made["true_code"]).to_numpy()
    certain = ((found["certainty"] >= CERTAIN) & ~found["across"]).to_numpy()
    said = (found["certainty"] >= CERTAIN).to_numpy()
    silent = (found["match_code"] != "") & (made["township"] != "")
    crossed = silent & (found["match_township"] != made["township"])
    return {
        "names": len(made),
        "certain": int(certain.sum()),
        "precision_certain": float(right[certain].mean()) if certain.any() else float("nan"),
        "recall_certain": float((right & certain).mean()),
        "precision_said": float(right[said].mean()) if said.any() else float("nan"),
        "recall_said": float((right & said).mean()),
        "recall_half": float((right & (found["certainty"] >= 0.5).to_numpy()).mean()),
        "recall_best": float(right.mean()),
        "across_unsaid": int((crossed & ~found["across"]).sum()),
    }


def reliability(certainty: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Printed certainty against the share that proves right, by class."""
    edges = np.array([0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0000001])
    group = np.digitize(certainty, edges) - 1
    rows = []
    for k in range(len(edges) - 1):
        mask = group == k
        if mask.any():
            rows.append((edges[k], int(mask.sum()), certainty[mask].mean(), right[mask].mean()))
    return pd.DataFrame(rows, columns=["from", "names", "certainty", "right"])


def by_rapidfuzz(made: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Plain names of the county, highest ratio, as a script with rapidfuzz would do it."""
    from rapidfuzz import fuzz, process

    out = []
    names = dict(iter(table.groupby("county")))
    for row in made.itertuples():
        group = names[row.county]
        _, score, key = process.extractOne(row.name, group["name"], scorer=fuzz.ratio)
        unit = group.loc[key]
        out.append((unit["code"], unit["township"], score / 100, unit["township"] != row.township))
    columns = ["match_code", "match_township", "certainty", "across"]
    return pd.DataFrame(out, columns=columns, index=made.index)


def by_rapidfuzz_in_township(made: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The same among the units of the printed township, the whole county without one."""
    from rapidfuzz import fuzz, process

    out = []
    for row in made.itertuples():
        group = table[table["county"] == row.county]
        if row.township:
            group = group[group["township"] == row.township]
        _, score, key = process.extractOne(row.name, group["name"], scorer=fuzz.ratio)
        unit = group.loc[key]
        out.append((unit["code"], unit["township"], score / 100, False))
    columns = ["match_code", "match_township", "certainty", "across"]
    return pd.DataFrame(out, columns=columns, index=made.index)


def by_cpca(made: pd.DataFrame) -> str:
    """What cpca makes of the same names: it ends at the county."""
    import cpca

    names = {"140525": "山西省晋城市泽州县", "140404": "山西省长治市上党区"}
    texts = [
        names[c] + t + n
        for c, t, n in zip(made["county"], made["township"], made["name"], strict=True)
    ]
    found = cpca.transform(texts)
    county = (found["adcode"].astype(str) == made["county"].to_numpy()).mean()
    return f"县级正确 {county:.1%}，村级 0（没有村级数据）"


def country(rows: int = 700_000, seed: int = 0) -> pd.DataFrame:
    """A made-up gazetteer of a whole country: 35,000 townships of 20 units each."""
    rng = np.random.default_rng(seed)
    first = np.array(list("张李王赵刘陈杨黄周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董"))
    middle = np.array(
        ["", "", "", "家", "家", "大", "小", "东", "西", "南", "北", "上", "下", "新"]
    )
    last = np.array(list("庄沟河村岭山坡坪湾桥店铺寨堡屯营坝塘湖泉井坊窑洼峪崖垴背底头口"))
    n = rows // 20
    names = (
        pd.Series(first[rng.integers(len(first), size=n * 20)])
        + middle[rng.integers(len(middle), size=n * 20)]
        + last[rng.integers(len(last), size=n * 20)]
    )
    township = np.repeat(np.arange(n), 20)
    county = township // 12
    towns = pd.Series(first[(township * 7) % len(first)]) + last[(township * 3) % len(last)] + "镇"
    code = 110000 + county
    return pd.DataFrame(
        {
            "name": names,
            "township": towns + pd.Series(township % 12).astype(str),
            "county": code.astype(str),
            "code": [
                f"{c}{t % 1000:03d}{i % 1000:03d}"
                for c, t, i in zip(code, township, range(n * 20), strict=True)
            ],
        }
    )


# ---- calibration -----------------------------------------------------------------------------

SURNAMES = "张李王赵刘陈杨黄周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
NATURE = "石柳黄红白青水清泉桃杏槐松杨榆枣梨花龙凤虎牛马羊鸡金银铁铜盐土沙泥窑井塔庙寺桥店铺关营寨堡楼阁门坊碾磨古新永长安太平福兴和义仁德康宁昌盛丰乐吉祥"
DIRECTIONS = "东西南北上下中前后大小"
ENDINGS = "庄沟河岭山坡坪湾桥店铺寨堡屯营坝塘湖泉井坊窑洼峪崖垴背底头口掌坂道社街"
GROUPS = {
    **dict.fromkeys(("exact", "variant", "suffix", "prefix", "former_name"), "form"),
    **dict.fromkeys(("sound_shape", "sound", "shape", "generic"), "near"),
    "other": "other",
}
ANY = sorted(set(SURNAMES + NATURE + ENDINGS) | set("".join(TABLE.values())))
# The confusions are halved: one half calibrates, the other checks the calibration.
HALVES = [dict(list(TABLE.items())[k::2]) for k in (0, 1)]


def made_up_county(rng: np.random.Generator, townships: int = 18) -> pd.DataFrame:
    """Village names put together as Chinese ones usually are, sets of siblings included."""

    def one(text: str) -> str:
        return text[int(rng.integers(len(text)))]

    rows = []
    for town in range(townships):
        names: dict[str, None] = {}
        size = int(rng.integers(14, 40))
        while len(names) < size:
            kind = rng.random()
            if kind < 0.28:
                name = (
                    one(SURNAMES)
                    + ("", "家", "家")[int(rng.integers(3))]
                    + one("庄沟河岭山坡湾营寨洼")
                )
            elif kind < 0.55:
                name = one(NATURE) + one(ENDINGS)
            elif kind < 0.75:
                stem = one(NATURE + SURNAMES) + (one(ENDINGS) if rng.random() < 0.6 else "")
                names[one(DIRECTIONS) + stem] = None
                name = one(DIRECTIONS) + stem
            elif kind < 0.85:
                name = one(DIRECTIONS) + one(ENDINGS)
            else:
                name = one(NATURE) + one(NATURE) + one(ENDINGS)
            names[name] = None
        rows += [(name, f"{SURNAMES[town]}{ENDINGS[town]}镇") for name in names]
    table = pd.DataFrame(rows, columns=["name", "township"])
    return table.assign(code=[f"990001{i:06d}" for i in range(len(table))])


def printed_sample(seed: int, table: dict[str, str]) -> pd.DataFrame:
    """A made-up county's villages as a list might print them, and what was found for each.

    60 % are printed right, 30 % with one edit, 2 % with an arbitrary character, 8 % with two edits;
    4 % are not in the code table and 2 % stand under a wrong township.
    """
    rng = np.random.default_rng(seed)
    full = made_up_county(rng)
    absent = rng.random(len(full)) < 0.04
    index = NameIndex(full[~absent].reset_index(drop=True))
    towns = full["township"].unique()
    rows = []
    for unit, gone in zip(full.itertuples(), absent, strict=True):
        kind, name = rng.random(), unit.name
        if kind < 0.60:
            name += ("", "村", "村", "村委会")[int(rng.integers(4))]
        elif kind < 0.90:
            made = misprint(name, rng, 1, table)
            name = (made.printed if made else name) + ("村" if rng.random() < 0.3 else "")
        elif kind < 0.92:
            at = int(rng.integers(len(name)))
            name = name[:at] + ANY[int(rng.integers(len(ANY)))] + name[at + 1 :]
        else:
            made = misprint(name, rng, 2, table)
            name = made.printed if made else name
        township = unit.township
        if rng.random() < 0.02:
            township = towns[int(rng.integers(len(towns)))]
        found = index.match(name, township)
        if found.best is None:
            continue
        group = "across" if found.across else GROUPS.get(found.kind, "far")
        right = not gone and found.code == unit.code
        rows.append(
            (name, unit.name, group, found.kind, found.listed, found.share, found.certainty, right)
        )
    columns = ["printed", "meant", "group", "kind", "listed", "share", "certainty", "right"]
    return pd.DataFrame(rows, columns=columns)


def calibrate(counties: int) -> None:
    """Fit slope and intercept on the log-odds of the posterior for each group, and print them."""
    from scipy.optimize import minimize

    sample = pd.concat([printed_sample(seed, HALVES[0]) for seed in range(counties)])
    for group, rows in sample.groupby("group"):
        p = rows["listed"].clip(1e-9, 1 - 1e-9).to_numpy()
        odds, share, right = np.log(p / (1 - p)), rows["share"].to_numpy(), rows["right"].to_numpy()

        def loss(
            ab: np.ndarray,
            odds: np.ndarray = odds,
            share: np.ndarray = share,
            right: np.ndarray = right,
        ) -> float:
            certainty = np.clip(share / (1 + np.exp(-(ab[0] * odds + ab[1]))), 1e-9, 1 - 1e-9)
            # a light pull towards "as computed" keeps rare groups sane
            pull = (ab[0] - 1) ** 2 + ab[1] ** 2
            return float(-np.log(np.where(right, certainty, 1 - certainty)).sum() + pull)

        slope, intercept = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
        print(f'    "{group}": ({slope:.3f}, {intercept:.3f}),  # {len(rows)} names')
    check = pd.concat([printed_sample(1000 + seed, HALVES[1]) for seed in range(counties)])
    print(reliability(check["certainty"].to_numpy(), check["right"].to_numpy()).round(4))
    for group, rows in check.groupby("group"):
        print(group)
        print(
            reliability(rows["certainty"].to_numpy(), rows["right"].to_numpy())
            .round(4)
            .to_string(index=False)
        )


def speed() -> str:
    import resource

    table = country()
    rng = np.random.default_rng(1)
    picked = table.iloc[rng.choice(len(table), 10_000, replace=False)]
    asked = pd.DataFrame(
        {
            "name": [(misprint(n, rng) or Misprint(n, ())).printed for n in picked["name"]],
            "township": picked["township"].to_numpy(),
            "county": picked["county"].to_numpy(),
        }
    )
    began = time.perf_counter()
    index = NameIndex(table)
    ready = time.perf_counter()
    found = index.match_table(asked)
    done = time.perf_counter()
    right = (found["match_code"].to_numpy() == picked["code"].to_numpy()).mean()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return (
        f"{len(asked)} names, {len(table)} rows: index {ready - began:.1f} s, matching "
        f"{done - ready:.1f} s, peak {memory:.2f} GB, right {right:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--calibrate", type=int, metavar="COUNTIES")
    options = parser.parse_args()
    if options.calibrate:
        calibrate(options.calibrate)
        return
    table = units()
    index = NameIndex(table)
    report = []
    everything = []
    for edits in (1, 2):
        for how in ("right", "mixed", "wrong", "none"):
            for seed in range(options.seeds):
                made = misprints(table, edits=edits, seed=seed, township=how)
                found = index.match_table(made)
                report.append(
                    {"method": "qianwan_gis", "edits": edits, "township": how}
                    | outcome(found, made)
                )
                if how == "mixed":
                    right = (found["match_code"] == made["true_code"]).to_numpy()
                    everything.append((edits, found["certainty"].to_numpy(), right))
                if edits == 1 and how == "mixed" and seed == 0:
                    for method in (by_rapidfuzz, by_rapidfuzz_in_township):
                        try:
                            other = method(made, table)
                        except ModuleNotFoundError:
                            print("rapidfuzz is not installed")
                            break
                        report.append(
                            {"method": method.__name__, "edits": 1, "township": how}
                            | outcome(other, made)
                        )
                    try:
                        print("cpca:", by_cpca(made))
                    except ModuleNotFoundError:
                        print("cpca is not installed")
    frame = pd.DataFrame(report)
    print(frame.groupby(["method", "edits", "township"], sort=False).mean().round(4).to_string())
    for edits in (1, 2):
        certainty = np.concatenate([c for e, c, _ in everything if e == edits])
        right = np.concatenate([r for e, _, r in everything if e == edits])
        print(f"reliability, {edits} edit(s), mixed townships")
        print(reliability(certainty, right).round(4).to_string(index=False))
    wrong = Counter()
    made = misprints(table, seed=0)
    found = index.match_table(made)
    for a, b in zip(made.itertuples(), found.itertuples(), strict=True):
        if a.true_code != b.match_code:
            wrong[(a.name, a.true_name, b.match_name, round(b.certainty, 3), b.kind)] += 1
    print("not found, first run:", *wrong, sep="\n  ")
    if not options.no_speed:
        print(speed())


if __name__ == "__main__":
    main()
