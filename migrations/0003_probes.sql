-- When each host is looked at, and what the last look came to. Written by: planner (the survey); the rest of the row
-- stays the console's.
alter table hosts
    add column next_probe_at     timestamptz not null default 'epoch',  -- asked for again at this time, also if no answer comes
    add column probe_asked_at    timestamptz,   -- a look is out since then; null: answered
    add column probe_answered_at timestamptz,   -- when the newest look that was answered had been asked for
    add column last_seen_at      timestamptz,   -- the newest look, whatever it saw
    add column last_sight        text;          -- domain::sight::essence of it
create index hosts_to_probe on hosts (next_probe_at);
create index hosts_being_probed on hosts (probe_asked_at) where probe_asked_at is not null;
-- Retention reads by age.
create index snapshots_by_age on snapshots (taken_at);
alter table runs add column log_kept boolean not null default true;  -- false: log and ACME exchange were removed by age
create index runs_with_old_logs on runs (moved_at) where phase = 'ended' and log_kept;
