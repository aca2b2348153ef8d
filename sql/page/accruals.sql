-- What is still to come.
select * from marts.accruals
