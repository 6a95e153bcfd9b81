-- When each policy is judged by the clock, and what the last judgement said. Written by: planner (the schedule); the rest
-- of the row stays the console's.
alter table policies
   add column judge_at timestamptz not null default 'epoch',  -- not before
   add column due_at   timestamptz,                           -- when it renews itself; null: not by the clock
   add column due_why  text;
create index policies_to_judge on policies (judge_at) where active;
