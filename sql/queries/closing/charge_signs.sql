-- The sign of charges of the accounts whose prices of the other sign are credits.
select
    account_sid,
    charge_sign,
from marts.charge_signs
where month is null
order by account_sid
