"""Where the villages are, and settling those that are not sure."""

from __future__ import annotations

from qianwan_gis.cli._app import Key, Out, Providers, Sets, app, open_plan, out_folder, say
from qianwan_gis.cli._printing import echo, print_frame, print_paths, print_problems


@app.command(help=say("村庄定位：汇总并写出村庄表、审核网页与可能范围", "locate the villages"))
def geocode(key: Key, out: Out = None, sets: Sets = None, provider: Providers = None) -> None:
    from qianwan_gis import outputs

    plan = open_plan(key, sets, provider)
    print_problems(p for p in plan.located.problems if p.level != "note")
    heads = [
        say("依据", "match"),
        say("说明", "meaning"),
        say("村数", "villages"),
        say("不确定度中位数(m)", "median uncertainty (m)"),
    ]
    print_frame(plan.match_summary(), heads)
    print_paths(outputs.write_geocoding(plan, out_folder(out, plan)))


@app.command(help=say("写出待核定村庄的审核网页", "write the review page of unsettled villages"))
def review(key: Key, out: Out = None) -> None:
    from qianwan_gis.review import write_review

    plan = open_plan(key)
    echo(str(write_review(plan, out_folder(out, plan) / "review.html")))
