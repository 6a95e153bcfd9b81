-- What the domain says of a run and of a policy, and statements filter, group and add up by. Before, they read it out of
-- the JSON a second time.

-- Written by the planner (the ledger) with every save of a run. An earlier version saves a run without them: its row then
-- has `facts_at` other than `moved_at`, and whoever reads them takes such a row's JSON instead, in Rust, until the
-- planner has written them again (`store::runs::facts`).
alter table runs add column current_ca text;                  -- the directory of the CA that it asks now
alter table runs add column current_cost_micro_usd bigint;    -- what that one charges; null: not known
alter table runs add column trouble_code text;                -- what it failed of or asks about; null: nothing
alter table runs add column facts_at timestamptz;             -- `moved_at` of the save that wrote these three

update runs r
set current_ca = asked.choice ->> 'directory_url',
    current_cost_micro_usd = (asked.choice ->> 'cost_micro_usd')::bigint,
    trouble_code = coalesce(r.ending -> 'failure' ->> 'code', r.question ->> 'code'),
    facts_at = r.moved_at
from (select id, coalesce(case jsonb_array_length(coalesce(course -> 'turned', '[]')) when 0 then null
                          else plan -> 'fallbacks' -> (jsonb_array_length(course -> 'turned') - 1) end,
                          plan -> 'choice') as choice
      from runs where quarantined is null) asked
where r.id = asked.id;

create index runs_without_facts on runs (id) where facts_at is distinct from moved_at and quarantined is null;

-- Lines of plans carry the same for the runs that are made of them; the CA is in `ca` already.
alter table job_lines add column current_cost_micro_usd bigint;
alter table job_lines add column has_facts boolean not null default false;  -- false: written by an earlier version

-- Whether a policy has live runs made by the clock. Written by the console when it saves the policy, and by the planner for
-- rows of an earlier version of the console. Null: not known yet; then nothing is told or taken back because of it.
alter table policies add column renews_itself boolean;
update policies
set renews_itself = coalesce((says ->> 'auto_renew')::boolean, true)
                    and not coalesce((says ->> 'dry_run_default')::boolean, false);
create index policies_without_facts on policies (id) where renews_itself is null and active;

-- An earlier version of the console changes `says` alone. This one writes `renews_itself` in a statement of its own, after it.
create function forget_facts_of_policy() returns trigger language plpgsql as $$
begin
    new.renews_itself := null;
    return new;
end
$$;
create trigger policies_forget_facts before update of says on policies
    for each row when (new.says is distinct from old.says) execute function forget_facts_of_policy();
