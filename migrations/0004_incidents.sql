-- An incident may hold many runs and hosts, people acknowledge and close it, and what is told is an outbox.
alter table incidents                  -- written by: incident; console (what people say of it)
    add column state        text not null default 'open',
    add column common       boolean not null default false,  -- many hosts, one cause
    add column cause_code   text,      -- what it was opened for; null: the run did not say
    add column cause_step   text,
    add column latest_at    timestamptz,  -- when its last run failed
    add column acknowledged jsonb,     -- domain::incident::Word
    add column closed       jsonb,     -- domain::incident::Word
    add column folded_into  uuid references incidents (id);
update incidents set latest_at = opened_at;
create index incidents_of_cause on incidents (workspace, cause_code, cause_step, latest_at)
    where state in ('open', 'acknowledged');

create table incident_members (        -- written by: incident; console (closing)
    run_id          uuid primary key references runs (id),   -- a run is in one incident
    incident_id     uuid not null references incidents (id),
    workspace       text not null references workspaces (id),
    host_id         uuid not null references hosts (id),
    hostname        text not null,
    criticality     text not null,
    cause_code      text,
    cause_step      text,
    said            text not null,
    opened_at       timestamptz not null,
    told_at         timestamptz not null,  -- a message of before is no news
    closed_at       timestamptz,
    closed_because  text
);
create index incident_members_of_incident on incident_members (incident_id, run_id);
create index incident_members_open on incident_members (host_id) where closed_at is null;
insert into incident_members (run_id, incident_id, workspace, host_id, hostname, criticality, said, opened_at, told_at)
    select i.run_id, i.id, i.workspace, i.host_id, i.hostname, h.criticality, i.detail, i.opened_at, i.opened_at
    from incidents i join hosts h on h.id = i.host_id;

create table incident_changes (        -- written by: incident, console
    id           uuid primary key,
    incident_id  uuid not null references incidents (id),
    change       text not null,
    word         jsonb not null        -- domain::incident::Word
);
create index incident_changes_of_incident on incident_changes (incident_id, id);

create table notifications (           -- written by: incident; console (closing)
    id            uuid primary key,
    workspace     text not null references workspaces (id),
    incident_id   uuid not null references incidents (id),
    change        text not null,
    channel       text not null,
    recipient     text not null,       -- an address, or the name of the channel; never a secret
    created_at    timestamptz not null,
    due_at        timestamptz not null,
    attempts      integer not null default 0,
    leased_until  timestamptz,         -- in the hands of a process until then
    last_error    text,
    delivered_at  timestamptz,
    given_up_at   timestamptz
);
create index notifications_due on notifications (due_at) where delivered_at is null and given_up_at is null;
create index notifications_of_incident on notifications (incident_id, id);
create index notifications_to_recipient on notifications (channel, recipient, created_at);
