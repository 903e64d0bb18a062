-- The latest row of each customer who has not left, with the change since the one before.
with ordered as (
    select
        *,
        lag(number) over (partition by company, customer_id order by as_of) as number_before,
        lag(band) over (partition by company, customer_id order by as_of) as band_before,
        row_number() over (partition by company, customer_id order by as_of desc) as newest_first
    from {{ ref('stg_churn_scores') }}
)

select
    company || ':' || customer_id as customer_key,
    customer_id,
    company,
    as_of,
    owner,
    status,
    band,
    band_before,
    number,
    number - number_before as change,
    is_calibrated,
    list,
    yearly_value,
    value_at_risk,
    renewal_on,
    ends_on,
    needs_care,
    reason_id,
    action_id,
    due_on
from ordered
where newest_first = 1 and not former
