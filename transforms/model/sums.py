"""Which columns of a mart add up, and the SQL that computes each from the rows it is made of."""

from collections.abc import Mapping

from transforms.model.models import DETAIL, FACT

FACT_SUMS: Mapping[str, str] = {
    "recordings": "count(*)",
    "unpriced_recordings": "count(*) filter (where is_awaiting_price)",
    "priced_recordings": "count(*) filter (where is_priced)",
    "duration_seconds": "cast(coalesce(sum(duration_seconds), 0) as bigint)",
    "billed_minutes": "coalesce(sum(billed_minutes), 0)",
    "priced_minutes": "coalesce(sum(billed_minutes) filter (where is_priced), 0)",
    "unpriced_minutes": "coalesce(sum(billed_minutes) filter (where is_awaiting_price), 0)",
    "cost": "sum(cost)",
    "cost_without_minutes": "coalesce(sum(cost) filter (where coalesce(billed_minutes, 0) = 0), 0)",
    "credits": "coalesce(-sum(cost) filter (where cost < 0), 0)",
    "unmeasured_recordings": "count(*) filter (where is_awaiting_price and billed_minutes is null)",
}
"""Columns of a mart that add up, and the SQL over recordings that computes each of them."""

SUMS: Mapping[str, Mapping[str, str]] = {
    FACT: FACT_SUMS,
    DETAIL: {name: f"sum({name})" for name in FACT_SUMS},
}
"""Table → columns that add up, and the SQL over its rows that computes each of them."""
