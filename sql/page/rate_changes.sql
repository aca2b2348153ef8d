-- Since when another rate is paid.
select * from marts.rate_changes
