"""The standards and choices of a plan: carried norms, then the county's own."""

from __future__ import annotations

from qianwan_gis._errors import UsageError
from qianwan_gis.county import County
from qianwan_gis.plan._reading import bad_setting
from qianwan_gis.services.choices import Choices
from qianwan_gis.standards import Standards


def standards_of(county: County) -> Standards:
    """Return the carried standards with what the county sets over them."""
    try:
        return Standards.load(county.standards)
    except UsageError as error:
        raise bad_setting(county, "standards", error.text) from error


def choices_of(county: County) -> Choices:
    """Return mode, limit, second facility and capacities as the county's file chooses them."""
    try:
        return Choices.of(county.services)
    except UsageError as error:
        raise bad_setting(county, "services", error.text) from error


def with_prices(standards: Standards, county: County) -> Standards:
    """Put the county's prices, with their year and source, over the carried ones."""
    prices = county.sewage.prices
    try:
        return standards.replace({p.key: p.value for p in prices}).documented(
            {
                p.key: {"clause": f"{p.year}年", "source": p.source, "low": p.low,
                        "high": p.high, "region": p.region or county.name}
                for p in prices
            }
        )  # fmt: skip
    except UsageError as error:
        raise bad_setting(county, "sewage.prices", error.text) from error
