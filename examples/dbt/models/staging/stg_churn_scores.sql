-- One row for each customer and day. If several runs are of one day, the latest one counts.
with ranked as (
    select
        *,
        row_number() over (partition by company, customer_id, as_of order by run_at desc, run_id) as newest_first
    from {{ source('churn_agent', 'churn_scores') }}
    where not on_withdrawn_data
)

select
    company || ':' || customer_id || ':' || cast(as_of as varchar) as score_key,
    run_id,
    customer_id,
    company,
    as_of,
    status,
    band,
    coalesce(probability, score) as number,
    probability is not null as is_calibrated,
    low,
    high,
    horizon_days,
    list,
    control,
    owner,
    yearly_value,
    value_at_risk,
    currency,
    renewal_on,
    announced_on,
    ends_on,
    former,
    needs_care,
    reason_id,
    action_id,
    due_on,
    written_at
from ranked
where newest_first = 1
