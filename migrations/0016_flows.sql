-- Whose runs have been given turns up to where: every flow starts where the service stands, none before. Written by: planner.
create table flows (
    flow    text primary key,                -- a workspace's bulk, schedule or own requests, by criticality
    finish  bigint not null,                 -- the turn after its last
    at      timestamptz not null
);
