-- Runs of the night: whose bulk they are of, in which order they are served, and what holds them back.
-- Written by: planner (the ledger).
alter table runs
    add column job_id  uuid,                     -- the bulk renewal that created it
    add column turn    bigint not null default 0,  -- smaller is released first: fair between workspaces and bulks
    add column held    text;                     -- why its order must wait although it is due; null: nothing does
create index runs_of_job on runs (job_id, id) where job_id is not null;
-- `due_at` is in the key so that what is not due yet is passed over without a look at its row.
create index runs_by_turn on runs (lane, turn, due_at, id) where phase = 'waiting' and held is null;
drop index runs_waiting;
-- The lanes in which runs wait are found by jumping through it.
create index runs_waiting on runs (lane) where phase = 'waiting' and held is null;
