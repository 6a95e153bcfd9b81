-- The record. Who writes a table stands at its head; everybody else only reads it.

-- Tenants, hosts and how they are renewed

create table workspaces (              -- written by: console
    id                          text primary key,  -- slug, a token of NATS subjects
    created_at                  timestamptz not null default now(),
    preferred_provider          text[] not null default '{}',  -- who is taken of equally cheap ones
    budget_micro_usd_per_month  bigint check (budget_micro_usd_per_month >= 0)  -- per calendar month (UTC); null: no budget
);
insert into workspaces (id) values ('default');

create table hosts (                   -- written by: console; what looks have found by: planner (the survey)
    id                 uuid primary key,
    workspace          text not null references workspaces (id),
    hostname           text not null,
    port               integer not null,
    criticality        text not null,
    environment        text not null,
    says               jsonb not null,       -- domain::host::NewHost
    created_at         timestamptz not null,
    -- looks
    next_probe_at      timestamptz not null default 'epoch',  -- asked for again at this time, also if no answer comes
    probe_asked_at     timestamptz,          -- a look is out since then; null: answered
    probe_answered_at  timestamptz,          -- when the newest look that was answered had been asked for
    last_seen_at       timestamptz,          -- the newest look, whatever it saw
    last_sight         text,                 -- domain::sight::essence of it
    mixed_at           timestamptz,          -- several leaves were last seen at one address; null: steady since
    steady_since       timestamptz,          -- the first of the looks in a row that saw the same
    steady_looks       integer not null default 0,      -- how many they are
    has_served         boolean not null default false,  -- a certificate was seen there once
    was_trusted        boolean not null default false,  -- everything that it served was trusted, at one look at least
    troubles           jsonb,                -- domain::sight::trouble::Troubles; null: none
    unique (workspace, hostname)
);
create index hosts_to_probe on hosts (next_probe_at);
create index hosts_being_probed on hosts (probe_asked_at) where probe_asked_at is not null;
create index hosts_mixed on hosts (id) where mixed_at is not null;
create index hosts_troubled on hosts (id) where troubles is not null;
create index hosts_never_seen on hosts (id) where not has_served;

create table policies (                -- written by: console; when it is judged by: planner (the schedule)
    id                uuid primary key,
    workspace         text not null references workspaces (id),
    host_id           uuid not null references hosts (id),
    hostname          text not null,
    says              jsonb not null,        -- domain::policy::NewPolicy
    active            boolean not null default true,
    created_at        timestamptz not null,
    judge_at          timestamptz not null default 'epoch',  -- not before
    due_at            timestamptz,           -- when it renews itself; null: not by the clock
    due_why           text,
    -- Due, but not created for money. When the budget is changed, the console has these judged again at once.
    waits_for_budget  boolean not null default false
);
create unique index policies_one_active on policies (workspace, hostname) where active;
create index policies_of_host on policies (host_id) where active;
create index policies_to_judge on policies (judge_at) where active;

-- Which files of the deployers' machine the active policies of all workspaces replace, each in one spelling (`domain::path`):
-- two policies with one file take each other's host down. Written with the policy, in its transaction. A row whose policy is
-- not active any more counts for nothing.
create table policy_files (            -- written by: console
    path       text primary key,
    policy_id  uuid not null references policies (id) on delete cascade
);
create index policy_files_of_policy on policy_files (policy_id);

-- When hosts of a tag may be touched, and how many targets of a group at once.
create table tag_windows (             -- written by: console
    workspace  text not null references workspaces (id),
    tag        text not null,
    windows    jsonb not null,               -- a list of domain::window::Window
    primary key (workspace, tag)
);
create table target_groups (           -- written by: console
    workspace  text not null references workspaces (id),
    name       text not null,
    at_once    integer not null check (at_once > 0),
    primary key (workspace, name)
);

-- CAs: what they offer, what they allow, what they have said

-- Who issues, at what price, and what can be had there. Everybody's rows come from deploy/catalogue; a workspace that changes
-- one gets a row of its own, which hides it.
create table providers (               -- written by: console; everybody's rows by whoever brings the schema up to date
    workspace          text references workspaces (id),  -- null: everybody's
    id                 text not null,        -- slug
    kind               text not null,        -- domain::policy::Provider
    title              text not null,
    directory_url      text,
    staging_url        text,
    price              jsonb not null,       -- domain::price::Price; what is not known is absent, never 0
    abilities          jsonb not null,       -- domain::provider::Abilities
    max_validity_days  smallint,
    source             text not null,        -- where price and abilities were read
    last_verified      date,                 -- null: nobody has verified them
    enabled            boolean not null default true,
    served             boolean not null,     -- whether this version can have certificates issued there
    rank               smallint not null default 100  -- smaller first where nothing else tells two apart
);
create unique index providers_of_all on providers (id) where workspace is null;
create unique index providers_of_workspace on providers (workspace, id) where workspace is not null;

create table limits (                  -- written by: console; unedited rows by whoever brings the schema up to date
    id              text primary key,
    directory_url   text not null,           -- the CA, by the URL of its ACME directory
    scope           text not null,           -- domain::limit::Scope
    title           text not null,
    burst           integer not null check (burst > 0),
    period_seconds  integer not null check (period_seconds > 0),  -- from one token to the next
    source          text not null,
    last_verified   date not null,
    enabled         boolean not null default true,
    edited          boolean not null default false  -- by a person: the catalogue leaves it alone
);

-- Which catalogue everybody's providers and limits were taken from last.
create table catalogue (               -- written by: whoever brings the schema up to date
    name     text primary key,               -- the file in deploy/catalogue
    version  integer not null                -- what it calls itself
);

-- What has been drawn, under the advisory lock of the buckets. A bucket without a row is full.
create table buckets (                 -- written by: planner (the ledger)
    limit_id   text not null references limits (id) on delete cascade,
    key        text not null,
    tat        timestamptz not null,         -- theoretical arrival time (GCRA)
    issued_at  timestamptz,                  -- of an exact set: when the CA issued for it last
    primary key (limit_id, key)
) with (fillfactor = 70);

-- What a CA has said of a whole account or domain: while it stands, new orders there wait together, and one of them at a time
-- finds out whether it still does. Named like the buckets of limits, for runs wait in the same kind of queue.
create table ca_holds (                -- written by: planner (the ledger)
    limit_id     text not null,              -- hold:account, hold:domain
    key          text not null,
    until        timestamptz not null,
    climbs       integer not null,           -- tries in a row that were limited again
    refused      boolean not null,           -- otherwise limited
    asker        uuid,                       -- the run that asks a person about it
    trial        uuid,                       -- the run that finds out, until then
    trial_until  timestamptz,
    what         text not null,
    primary key (limit_id, key)
);

create table acme_accounts (           -- written by: planner (the ledger): the first key wins
    workspace      text not null references workspaces (id),
    directory_url  text not null,
    sealed_key     text not null,            -- cmek:v1:…
    created_at     timestamptz not null,
    primary key (workspace, directory_url)
);

-- Keys of accounts that a CA refuses and a person has replaced: what they got can still be revoked with them.
create table retired_acme_accounts (   -- written by: planner (the ledger)
    workspace      text not null references workspaces (id),
    directory_url  text not null,
    sealed_key     text not null,
    created_at     timestamptz not null,
    retired_at     timestamptz not null,
    retired_by     text not null,
    primary key (workspace, directory_url, created_at)
);

-- Runs

create table runs (                    -- written by: planner (the ledger)
    id             uuid primary key,
    workspace      text not null references workspaces (id),
    host_id        uuid not null references hosts (id),
    policy_id      uuid not null references policies (id),
    job_id         uuid,                     -- the bulk renewal that created it
    hostname       text not null,
    criticality    text not null,
    mode           text not null,
    trigger        text not null,
    operator       text not null,
    plan           jsonb not null,           -- domain::plan::Plan
    created_at     timestamptz not null,
    -- where it stands
    status         text not null,
    phase          text not null,            -- waiting, out, asking, ended
    step           text,
    lane           text,
    rank           smallint not null,
    turn           bigint not null default 0,  -- smaller is released first: fair between workspaces and bulks
    held           text,                     -- why its order must wait although it is due; null: nothing does
    due_at         timestamptz,              -- waiting: not before; out: the deadline; asking: tried again
    attempt        integer not null,
    failures       integer not null,
    because        jsonb,                    -- waiting: domain::run::Because
    question       jsonb,                    -- asking: domain::disposition::Question
    ending         jsonb,                    -- ended: domain::run::Ending
    checkpoint     jsonb,
    course         jsonb,                    -- domain::run::Course
    cancelled_by   text,
    moved_at       timestamptz not null,
    quarantined    text,                     -- why the row cannot be read (RUN-0003): left alone until a person sets this to null
    log_kept       boolean not null default true,  -- false: log and ACME exchange were removed by age
    -- the row is its own outbox
    sent           boolean not null default false,  -- out: the order is in the stream
    announced      text,                     -- the last status that was published
    told_again_at  timestamptz               -- its trouble was announced again because no incident had it
) with (fillfactor = 60);                    -- steps move a run some eight times: room on the page keeps the updates there
-- `due_at` is in the key so that what is not due yet is passed over without a look at its row; the lanes in which runs wait are
-- found by jumping through it.
create index runs_by_turn on runs (lane, turn, due_at, id) where phase = 'waiting' and held is null;
-- What is out is counted in every transaction of the ledger: the young by their age. Those that hang for long may be many,
-- and are counted once a second.
create index runs_out_by_age on runs (moved_at, lane, due_at) where phase = 'out';
create index runs_asking_again on runs (due_at) where phase = 'asking' and due_at is not null;
create index runs_of_workspace on runs (workspace, id desc);
create index runs_of_host on runs (host_id, id desc);
create index runs_of_job on runs (job_id, id) where job_id is not null;
-- Runs of a job that go on, and those that are held back: both are counted while the job runs.
create index runs_going_of_job on runs (job_id) where job_id is not null and held is null and phase in ('waiting', 'out');
create index runs_held_of_job on runs (job_id, id) where held is not null and phase = 'waiting';
create index runs_to_announce on runs (id) where announced is distinct from status;
create index runs_in_trouble on runs (moved_at) where status in ('failed', 'needs_manual') and mode = 'live';
create index runs_with_old_logs on runs (moved_at) where phase = 'ended' and log_kept;
-- Schedule and trigger may race: the second one is refused here.
create unique index runs_one_active on runs (policy_id) where phase <> 'ended' and mode = 'live';

create table run_products (            -- written by: planner (the ledger)
    run_id   uuid not null references runs (id) on delete cascade,
    step     text not null,
    product  jsonb compression lz4 not null,  -- domain::run::Product, secrets sealed
    primary key (run_id, step)
);
-- The same without the private keys that are sealed in it: for services that show and judge, and open nothing.
create view run_products_shown as
    select run_id, step, product - 'sealed_key' as product from run_products;

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
    log         jsonb compression lz4 not null,
    exchange    jsonb compression lz4 not null,  -- the raw ACME exchange, redacted
    primary key (run_id, attempt)
);

-- What people did to a run, beside what its steps report.
create table run_acts (                -- written by: planner (the ledger): one row per act
    run_id  uuid not null references runs (id) on delete cascade,
    act     bigint generated always as identity,
    at      timestamptz not null,
    verb    text not null,                   -- resume, retry, cancel, resolve
    person  text not null,
    note    text not null,                   -- empty: none was given
    primary key (run_id, act)
);

-- What a run has drawn of a limit and may get back: gone once the CA has counted it.
create table reservations (            -- written by: planner (the ledger)
    run_id       uuid not null references runs (id) on delete cascade,
    limit_id     text not null,
    key          text not null,
    reserved_at  timestamptz not null,
    primary key (run_id, limit_id, key)
);
create index reservations_by_age on reservations (reserved_at);

create table spending (                -- written by: planner (the ledger): one row per certificate that was not free
    run_id          uuid primary key,        -- no reference: what was paid stays paid when the run is forgotten
    workspace       text not null references workspaces (id),
    paid_at         timestamptz not null,
    cost_micro_usd  bigint                   -- null: nobody knows the price
);
create index spending_by_time on spending (workspace, paid_at);

-- What the CA that a run asks now charges: the choice, or after it has failed one of its fallbacks. Null: not known.
create function asked_cost(plan jsonb, course jsonb) returns bigint language sql immutable parallel safe as $$
    select (case jsonb_array_length(coalesce(course -> 'turned', '[]'))
            when 0 then plan -> 'choice'
            else plan -> 'fallbacks' -> (jsonb_array_length(course -> 'turned') - 1) end ->> 'cost_micro_usd')::bigint
$$;

-- Whose runs have been given turns up to where: every flow starts where the service stands, none before.
create table flows (                   -- written by: planner
    flow    text primary key,                -- a workspace's bulk, schedule or own requests, by criticality
    finish  bigint not null,                 -- the turn after its last
    at      timestamptz not null
);

create table requests (                -- written by: planner (intake): a repeated key gets the first answer
    workspace        text not null references workspaces (id),
    idempotency_key  text not null,
    answer           jsonb not null,
    answered_at      timestamptz not null,
    primary key (workspace, idempotency_key)
);

-- Bulk renewals: planned as a whole, looked at, committed as a whole

create table jobs (                    -- written by: planner (jobs)
    id            uuid primary key,
    workspace     text not null references workspaces (id),
    spec          jsonb not null,            -- domain::job::JobSpec
    requested_by  text not null,
    created_at    timestamptz not null,
    state         text not null,             -- domain::job::JobState
    note          text,                      -- why it failed
    look_at       timestamptz not null,      -- worked on not before this: in the hands of a planner, or nothing to do
    -- the plan
    hosts         integer,                   -- how many the filter chose; null: not chosen yet
    lines         integer not null default 0,  -- of those decided so far
    totals        jsonb not null,            -- domain::job::Totals of these
    planned_at    timestamptz,
    -- the runs
    committed_at  timestamptz,
    committed_by  text,
    created_to    integer not null default 0,  -- runs were created of the lines up to this one
    refused       integer not null default 0,  -- of these, lines that could not become runs any more
    -- Turns of its runs are taken for all of it at its first page, and its lines fall evenly over them: hosts that stand together
    -- in a plan often hang together. Per criticality: the first turn, how many, how many are given.
    turns         jsonb not null default '[]',
    holds         jsonb not null,            -- domain::job::Holds
    held_to       uuid,                      -- `holds` is applied to the runs up to this one; null: to all
    judged_from   timestamptz not null default 'epoch',  -- what ended before was forgiven by a person
    cancelled_by  text,
    ended_at      timestamptz
);
create index jobs_of_workspace on jobs (workspace, id desc);
create index jobs_to_look_at on jobs (look_at) where state in ('planning', 'committing', 'running', 'cancelling');

create table job_lines (               -- written by: planner (jobs): one row per host of a plan
    job_id       uuid not null references jobs (id) on delete cascade,
    nr           integer not null,           -- the order of the plan: who comes first at budget and limits
    hostname     text not null,
    reason       text,                       -- the word for why it is left out; null: it is included
    left_out     jsonb,                      -- domain::job::LeftOut; null: it is included
    waits_for    text,                       -- what makes it begin later than the job
    -- what its run will be; null when it is left out
    host_id      uuid,
    policy_id    uuid,
    criticality  text,
    rank         smallint,
    plan         jsonb compression lz4,      -- domain::plan::Plan; gone once its run has it
    step         text,
    lane         text,
    because      jsonb,                      -- domain::run::Because
    course       jsonb,                      -- domain::run::Course
    start_at     timestamptz,
    ca           text,                       -- what failures may share
    zone         text,
    target       text,
    cohort       boolean not null default false,  -- one of the first few
    despite      text,                       -- the cooldown that it passes over because the CA wants it renewed at once
    -- what became of it
    run_id       uuid,
    refused      text,                       -- domain::job::Refusal: why no run could be created any more
    primary key (job_id, nr)
);
create index job_lines_by_reason on job_lines (job_id, reason, nr);
create index job_lines_of_cohort on job_lines (job_id) where cohort;
create index job_lines_of_run on job_lines (run_id) where run_id is not null;

create table job_acts (                -- written by: planner (jobs): what people did to a job
    job_id  uuid not null references jobs (id) on delete cascade,
    act     bigint generated always as identity,
    at      timestamptz not null,
    verb    text not null,                   -- commit, pause, resume, cancel
    person  text not null,
    note    text not null,                   -- empty: none was given
    primary key (job_id, act)
);

-- What hosts serve, and what CAs say of it

create table snapshots (               -- written by: planner (the ledger and the survey)
    id           uuid primary key,
    workspace    text not null references workspaces (id),
    host_id      uuid not null references hosts (id),
    run_id       uuid references runs (id) on delete set null,
    dialled      text not null,
    taken_at     timestamptz not null,
    fingerprint  text,
    not_after    timestamptz,
    seen         jsonb compression lz4 not null  -- domain::certificate::Snapshot
);
create index snapshots_of_host on snapshots (host_id, taken_at desc);
create index snapshots_by_age on snapshots (taken_at);

-- Renewal information of the certificates that hosts serve (RFC 9773).
create table renewal_info (            -- written by: planner (what is seen, and the answers)
    host_id          uuid primary key references hosts (id),
    workspace        text not null references workspaces (id),
    fingerprint      text not null,          -- the certificate that was seen last; another one begins anew
    cert_id          text,                   -- its name at its CA; null: it has none, and nobody is asked
    names            text[] not null,
    not_before       timestamptz not null,
    not_after        timestamptz not null,
    directory_url    text,                   -- the CA that is asked; null: not asked yet
    issued_here      boolean not null default false,  -- a run of ours got it there
    window_start     timestamptz,
    window_end       timestamptz,
    explanation_url  text,
    next_ask_at      timestamptz,            -- null: not any more
    asked_at         timestamptz,            -- a question is out since then; null: answered
    answered_at      timestamptz,
    failures         integer not null default 0,
    last_error       text,
    replaced_at      timestamptz,            -- a run of ours has got the next one
    called_at        timestamptz             -- its window jumped into the past: the CA wants it renewed at once
);
create index renewal_info_to_ask on renewal_info (next_ask_at) where next_ask_at is not null and replaced_at is null;
create index renewal_info_being_asked on renewal_info (asked_at) where asked_at is not null;
create index renewal_info_called on renewal_info (workspace, directory_url, called_at) where called_at is not null;

-- A CA wants many certificates renewed at once. The incident service opens an incident of the same id.
create table emergencies (             -- written by: planner
    id               uuid primary key,
    workspace        text not null references workspaces (id),
    directory_url    text not null,
    opened_at        timestamptz not null,
    explanation_url  text,
    certificates     bigint not null,        -- called for when it was opened
    of_all           bigint not null,        -- that this CA issued for the workspace's hosts
    host_id          uuid not null references hosts (id),  -- the most critical of them
    notify           text[] not null,        -- whom their policies name
    ended_at         timestamptz             -- none of them is served any more
);
create unique index emergencies_one_open on emergencies (workspace, directory_url) where ended_at is null;

-- What people must hear of

-- An incident may hold many runs and hosts; people acknowledge and close it.
create table incidents (               -- written by: incident; console (what people say of it)
    id            uuid primary key,
    workspace     text not null references workspaces (id),
    host_id       uuid not null references hosts (id),
    run_id        uuid references runs (id),  -- null: of no run
    hostname      text not null,
    severity      text not null,
    title         text not null,
    detail        text not null,
    opened_at     timestamptz not null,
    state         text not null default 'open',
    common        boolean not null default false,  -- many hosts, one cause
    cause_code    text,                      -- what it was opened for; null: the run did not say
    cause_step    text,
    latest_at     timestamptz,               -- when its last run failed
    acknowledged  jsonb,                     -- domain::incident::Word
    closed        jsonb,                     -- domain::incident::Word
    folded_into   uuid references incidents (id),
    unique (run_id)
);
create index incidents_of_workspace on incidents (workspace, id desc);
create index incidents_of_cause on incidents (workspace, cause_code, cause_step, latest_at)
    where state in ('open', 'acknowledged');
create index incidents_of_troubles on incidents (workspace, cause_code, opened_at)
    where run_id is null and cause_code is not null and state in ('open', 'acknowledged');

create table incident_members (        -- written by: incident; console (closing)
    run_id          uuid primary key references runs (id),  -- a run is in one incident
    incident_id     uuid not null references incidents (id),
    workspace       text not null references workspaces (id),
    host_id         uuid not null references hosts (id),
    hostname        text not null,
    criticality     text not null,
    cause_code      text,
    cause_step      text,
    said            text not null,
    opened_at       timestamptz not null,
    told_at         timestamptz not null,    -- an earlier message is no news
    closed_at       timestamptz,
    closed_because  text
);
create index incident_members_of_incident on incident_members (incident_id, run_id);
create index incident_members_open on incident_members (host_id) where closed_at is null;

create table incident_changes (        -- written by: incident, console
    id           uuid primary key,
    incident_id  uuid not null references incidents (id),
    change       text not null,
    word         jsonb not null              -- domain::incident::Word
);
create index incident_changes_of_incident on incident_changes (incident_id, id);

-- The troubles of hosts that were told, until they are over.
create table host_troubles (           -- written by: incident; console (closing)
    host_id      uuid not null references hosts (id),
    trouble      text not null,              -- domain::sight::trouble::Trouble
    workspace    text not null references workspaces (id),
    incident_id  uuid references incidents (id),  -- null: a person has closed it, and it is not over
    since        timestamptz not null,
    primary key (host_id, trouble)
);
create index host_troubles_of_incident on host_troubles (incident_id);

-- What is told is an outbox.
create table notifications (           -- written by: incident; console (closing)
    id            uuid primary key,
    workspace     text not null references workspaces (id),
    incident_id   uuid not null references incidents (id),
    change        text not null,
    channel       text not null,
    recipient     text not null,             -- an address, or the name of the channel; never a secret
    created_at    timestamptz not null,
    due_at        timestamptz not null,
    attempts      integer not null default 0,
    leased_until  timestamptz,               -- in the hands of a process until then
    last_error    text,
    delivered_at  timestamptz,
    given_up_at   timestamptz
);
create index notifications_due on notifications (due_at) where delivered_at is null and given_up_at is null;
create index notifications_of_incident on notifications (incident_id, id);
create index notifications_to_recipient on notifications (channel, recipient, created_at);
