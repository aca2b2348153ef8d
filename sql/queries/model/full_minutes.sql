-- Whether all accounts are billed by full minutes, now and in closed months.
select not exists (
    select billing_increment_seconds from landed.accounts
    where billing_increment_seconds % 60 <> 0
    union all
    select billing_increment_seconds from landed.closed_terms
    where billing_increment_seconds % 60 <> 0
) as is_full
