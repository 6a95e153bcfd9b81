-- Turns of a job's runs are taken for all of it at its first page, and its lines fall evenly over them: hosts that stand
-- together in a plan often hang together. Per criticality: the first turn, how many, how many are given.
alter table jobs add column turns jsonb not null default '[]';
