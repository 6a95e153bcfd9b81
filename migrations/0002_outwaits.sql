-- A run that waits for a limit of its CA is looked at again once the certificate in service can wait no longer.
alter table runs add column outwaits_at timestamptz;  -- waiting for a limit: when that has been too long; else null
create index runs_outwaiting on runs (outwaits_at) where outwaits_at is not null;
