"""The plan of one county: inputs, standards and choices, and the steps that follow from them.

`Plan` is the only object that knows the order of the steps. Each step is computed once, when it
is first asked for; a scenario is another plan. What a step does stands in the module of its topic,
as a function that takes the plan; the class says which steps there are.
"""

from qianwan_gis.plan._plan import Plan

__all__ = ["Plan"]
