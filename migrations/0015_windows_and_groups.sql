-- When hosts of a tag may be touched, and how many targets of a group at once. Written by: console (people).
create table tag_windows (
    workspace  text not null references workspaces (id),
    tag        text not null,
    windows    jsonb not null,               -- a list of domain::window::Window
    primary key (workspace, tag)
);
create table target_groups (
    workspace  text not null references workspaces (id),
    name       text not null,
    at_once    integer not null check (at_once > 0),
    primary key (workspace, name)
);
