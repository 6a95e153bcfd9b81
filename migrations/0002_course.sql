-- A run's targets have states of their own, and a question may try again by itself.
alter table runs add column course jsonb;   -- domain::run::Course; null: a run of before
create index runs_asking_again on runs (due_at) where phase = 'asking' and due_at is not null;
