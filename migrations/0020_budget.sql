-- What a workspace may spend in a calendar month (UTC), and what it has spent.
alter table workspaces
    add column budget_micro_usd_per_month bigint check (budget_micro_usd_per_month >= 0);  -- null: no budget. Written by: console

create table spending (                -- written by: planner (the ledger): one row per certificate that was not free
    run_id          uuid primary key,  -- no reference: what was paid stays paid when the run is forgotten
    workspace       text not null references workspaces (id),
    paid_at         timestamptz not null,
    cost_micro_usd  bigint             -- null: nobody knows the price
);
create index spending_by_time on spending (workspace, paid_at);

-- What the CA that a run asks now charges: the choice, or after it has failed one of its fallbacks. Null: not known.
create function asked_cost(plan jsonb, course jsonb) returns bigint language sql immutable parallel safe as $$
    select (case jsonb_array_length(coalesce(course -> 'turned', '[]'))
            when 0 then plan -> 'choice'
            else plan -> 'fallbacks' -> (jsonb_array_length(course -> 'turned') - 1) end ->> 'cost_micro_usd')::bigint
$$;

-- The month in which this is applied begins with what it has cost so far.
insert into spending (run_id, workspace, paid_at, cost_micro_usd)
    select r.id, r.workspace, s.ended_at, asked_cost(r.plan, r.course)
    from runs r join run_steps s on s.run_id = r.id and s.step = 'issue' and s.outcome = 'done'
    where r.mode = 'live' and asked_cost(r.plan, r.course) is distinct from 0
      and s.ended_at >= date_trunc('month', now() at time zone 'utc') at time zone 'utc'
    on conflict do nothing;

-- Due, but not created for money. Written by: planner (the schedule). When the budget is changed, the console has these judged
-- again at once (`judge_at`).
alter table policies add column waits_for_budget boolean not null default false;
