-- What people did to a run, beside what its steps report.
create table run_acts (                -- written by: planner (the ledger): one row per act
    run_id  uuid not null references runs (id) on delete cascade,
    act     bigint generated always as identity,
    at      timestamptz not null,
    verb    text not null,             -- resume, retry, cancel, resolve
    person  text not null,
    note    text not null,             -- empty: none was given
    primary key (run_id, act)
);
-- Why a row cannot be read (RUN-0003): it is left alone until a person has mended it and set this to null.
alter table runs add column quarantined text;
