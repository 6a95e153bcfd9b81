-- Bulk renewals: planned as a whole, looked at, committed as a whole.
create table jobs (                    -- written by: planner (jobs)
    id            uuid primary key,
    workspace     text not null references workspaces (id),
    spec          jsonb not null,      -- domain::job::JobSpec
    requested_by  text not null,
    created_at    timestamptz not null,
    state         text not null,       -- domain::job::JobState
    note          text,                -- why it failed
    look_at       timestamptz not null,  -- worked on not before this: in the hands of a planner, or nothing to do
    -- the plan
    hosts         integer,             -- how many the filter chose; null: not chosen yet
    lines         integer not null default 0,  -- of those decided so far
    totals        jsonb not null,      -- domain::job::Totals of these
    planned_at    timestamptz,
    -- the runs
    committed_at  timestamptz,
    committed_by  text,
    created_to    integer not null default 0,  -- runs were created of the lines up to this one
    refused       integer not null default 0,  -- of these, lines that could not become runs any more
    holds         jsonb not null,      -- domain::job::Holds
    held_to       uuid,                -- `holds` is applied to the runs up to this one; null: to all
    judged_from   timestamptz not null default 'epoch',  -- what ended before was forgiven by a person
    cancelled_by  text,
    ended_at      timestamptz
);
create index jobs_of_workspace on jobs (workspace, id desc);
create index jobs_to_look_at on jobs (look_at) where state in ('planning', 'committing', 'running', 'cancelling');

create table job_lines (               -- written by: planner (jobs): one row per host of a plan
    job_id          uuid not null references jobs (id) on delete cascade,
    nr              integer not null,  -- the order of the plan: who comes first at budget and limits
    hostname        text not null,
    reason          text,              -- the word for why it is left out; null: it is included
    left_out        jsonb,             -- domain::job::LeftOut; null: it is included
    waits_for       text,              -- what makes it begin later than the job
    -- what its run will be; null when it is left out
    host_id         uuid,
    policy_id       uuid,
    criticality     text,
    rank            smallint,
    plan            jsonb,             -- domain::plan::Plan; gone once its run has it
    step            text,
    lane            text,
    because         jsonb,             -- domain::run::Because
    course          jsonb,             -- domain::run::Course
    start_at        timestamptz,
    turn            bigint,
    ca              text,              -- what failures may share
    zone            text,
    target          text,
    cohort          boolean not null default false,  -- one of the first few
    -- what became of it
    run_id          uuid,
    refused         text,              -- domain::job::Refusal: why no run could be created any more
    primary key (job_id, nr)
);
alter table job_lines alter column plan set compression lz4;
create index job_lines_by_reason on job_lines (job_id, reason, nr);
create index job_lines_of_cohort on job_lines (job_id) where cohort;
create index job_lines_of_run on job_lines (run_id) where run_id is not null;

-- Runs of a job that go on, and those that are held back: both are counted while the job runs.
create index runs_going_of_job on runs (job_id) where job_id is not null and held is null and phase in ('waiting', 'out');
create index runs_held_of_job on runs (job_id, id) where held is not null and phase = 'waiting';

create table job_acts (                -- written by: planner (jobs): what people did to a job
    job_id  uuid not null references jobs (id) on delete cascade,
    act     bigint generated always as identity,
    at      timestamptz not null,
    verb    text not null,             -- commit, pause, resume, cancel
    person  text not null,
    note    text not null,             -- empty: none was given
    primary key (job_id, act)
);
