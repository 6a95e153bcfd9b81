-- The record. Who writes a table stands at its head; everyone else only reads it.

create table workspaces (              -- written by: console
    id          text primary key,      -- slug, a token of NATS subjects
    created_at  timestamptz not null default now()
);
insert into workspaces (id) values ('default');

create table hosts (                   -- written by: console
    id           uuid primary key,
    workspace    text not null references workspaces (id),
    hostname     text not null,
    port         integer not null,
    criticality  text not null,
    environment  text not null,
    says         jsonb not null,       -- domain::host::NewHost
    created_at   timestamptz not null,
    unique (workspace, hostname)
);

create table policies (                -- written by: console
    id           uuid primary key,
    workspace    text not null references workspaces (id),
    host_id      uuid not null references hosts (id),
    hostname     text not null,
    says         jsonb not null,       -- domain::policy::NewPolicy
    active       boolean not null default true,
    created_at   timestamptz not null
);
create unique index policies_one_active on policies (workspace, hostname) where active;

create table runs (                    -- written by: planner (the ledger)
    id            uuid primary key,
    workspace     text not null references workspaces (id),
    host_id       uuid not null references hosts (id),
    policy_id     uuid not null references policies (id),
    hostname      text not null,
    criticality   text not null,
    mode          text not null,
    trigger       text not null,
    operator      text not null,
    plan          jsonb not null,      -- domain::plan::Plan, never changes
    created_at    timestamptz not null,
    -- where it stands
    status        text not null,
    phase         text not null,       -- waiting, out, asking, ended
    step          text,
    lane          text,
    rank          smallint not null,   -- larger is released first
    due_at        timestamptz,         -- waiting: not before; out: the deadline
    attempt       integer not null,
    failures      integer not null,
    because       jsonb,               -- waiting: domain::run::Because
    question      jsonb,               -- asking: domain::disposition::Question
    ending        jsonb,               -- ended: domain::run::Ending
    checkpoint    jsonb,
    cancelled_by  text,
    moved_at      timestamptz not null,
    -- the row is its own outbox
    sent          boolean not null default false,  -- out: the order is in the stream
    announced     text                             -- the last status that was published
);
-- Steps move a run some eight times: room on the page keeps the updates there.
alter table runs set (fillfactor = 60);
create index runs_waiting on runs (lane, rank desc, due_at, id) where phase = 'waiting';
create index runs_out on runs (lane, due_at) where phase = 'out';
create index runs_of_workspace on runs (workspace, id desc);
create index runs_of_host on runs (host_id, id desc);
create index runs_to_announce on runs (id) where announced is distinct from status;
-- Schedule and trigger may race: the second one is refused here.
create unique index runs_one_active on runs (policy_id) where phase <> 'ended' and mode = 'live';

create table run_products (            -- written by: planner (the ledger)
    run_id   uuid not null references runs (id) on delete cascade,
    step     text not null,
    product  jsonb not null,           -- domain::run::Product, secrets sealed
    primary key (run_id, step)
);
alter table run_products alter column product set compression lz4;

create table run_steps (               -- written by: planner (the ledger): one row per report
    run_id      uuid not null references runs (id) on delete cascade,
    attempt     integer not null,
    step        text not null,
    outcome     text not null,
    summary     text not null,
    worker      text not null,
    started_at  timestamptz not null,
    ended_at    timestamptz not null,
    checks      jsonb not null,
    log         jsonb not null,
    exchange    jsonb not null,        -- the raw ACME exchange, redacted
    primary key (run_id, attempt)
);
alter table run_steps alter column exchange set compression lz4, alter column log set compression lz4;

create table acme_accounts (           -- written by: planner (the ledger): the first key wins
    workspace      text not null references workspaces (id),
    directory_url  text not null,
    sealed_key     text not null,      -- cmek:v1:…
    created_at     timestamptz not null,
    primary key (workspace, directory_url)
);

create table snapshots (               -- written by: planner (the ledger), from the verifier's products
    id           uuid primary key,
    workspace    text not null references workspaces (id),
    host_id      uuid not null references hosts (id),
    run_id       uuid references runs (id) on delete set null,
    dialled      text not null,
    taken_at     timestamptz not null,
    fingerprint  text,
    not_after    timestamptz,
    seen         jsonb not null        -- domain::certificate::Snapshot
);
alter table snapshots alter column seen set compression lz4;
create index snapshots_of_host on snapshots (host_id, taken_at desc);

create table requests (                -- written by: planner (intake): a repeated key gets the first answer
    workspace        text not null references workspaces (id),
    idempotency_key  text not null,
    answer           jsonb not null,
    answered_at      timestamptz not null,
    primary key (workspace, idempotency_key)
);

create table incidents (               -- written by: incident
    id         uuid primary key,
    workspace  text not null references workspaces (id),
    host_id    uuid not null references hosts (id),
    run_id     uuid not null references runs (id),
    hostname   text not null,
    severity   text not null,
    title      text not null,
    detail     text not null,
    opened_at  timestamptz not null,
    unique (run_id)
);
create index incidents_of_workspace on incidents (workspace, id desc);
