-- What is out is counted in every transaction of the ledger: the young by their age. Those that hang for long may be many,
-- and are counted once a second.
create index runs_out_by_age on runs (moved_at, lane, due_at) where phase = 'out';
drop index runs_out;
