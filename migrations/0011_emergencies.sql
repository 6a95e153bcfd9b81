-- A CA wants many certificates renewed at once. Written by: planner. The incident service opens an incident of the same id.
create table emergencies (
    id               uuid primary key,
    workspace        text not null references workspaces (id),
    directory_url    text not null,
    opened_at        timestamptz not null,
    explanation_url  text,
    certificates     bigint not null,   -- called for when it was opened
    of_all           bigint not null,   -- that this CA issued for the workspace's hosts
    host_id          uuid not null references hosts (id),  -- the most critical of them
    notify           text[] not null,   -- whom their policies name
    ended_at         timestamptz        -- none of them is served any more
);
create unique index emergencies_one_open on emergencies (workspace, directory_url) where ended_at is null;
-- Such an incident is of no run.
alter table incidents alter column run_id drop not null;
