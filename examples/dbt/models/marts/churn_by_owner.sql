-- Customers and value at risk by account manager. Customers without an owner are under '(none)'.
select
    company,
    coalesce(owner, '(none)') as owner,
    max(as_of) as as_of,
    count(*) as customers,
    count(*) filter (where band = 'high') as high,
    count(*) filter (where band = 'medium') as medium,
    count(*) filter (where list = 'notice given') as notice_given,
    sum(yearly_value) as yearly_value,
    sum(value_at_risk) as value_at_risk
from {{ ref('churn_current') }}
group by 1, 2
