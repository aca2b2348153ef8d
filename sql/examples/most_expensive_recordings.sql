-- Which three recordings cost the most in each currency, and which raw page does each come from?
select
    currency,
    recording_sid,
    account_name,
    usage_date,
    billed_minutes,
    cost,
    raw_page,
from marts.fct_recordings
where is_priced
qualify row_number() over (partition by currency order by cost desc, recording_sid) <= 3
order by currency, cost desc, recording_sid
