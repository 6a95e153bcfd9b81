-- What CAs say about the certificates that hosts serve (RFC 9773). Written by: planner (what is seen, and the answers).
create table renewal_info (
    host_id          uuid primary key references hosts (id),
    workspace        text not null references workspaces (id),
    fingerprint      text not null,     -- the certificate that was seen last; another one begins anew
    cert_id          text,              -- its name at its CA; null: it has none, and nobody is asked
    names            text[] not null,
    not_before       timestamptz not null,
    not_after        timestamptz not null,
    directory_url    text,              -- the CA that is asked; null: not asked yet
    issued_here      boolean not null default false,  -- a run of ours got it there
    window_start     timestamptz,
    window_end       timestamptz,
    explanation_url  text,
    next_ask_at      timestamptz,       -- null: not any more
    asked_at         timestamptz,       -- a question is out since then; null: answered
    answered_at      timestamptz,
    failures         integer not null default 0,
    last_error       text,
    replaced_at      timestamptz,       -- a run of ours has got the next one
    called_at        timestamptz        -- its window jumped into the past: the CA wants it renewed at once
);
create index renewal_info_to_ask on renewal_info (next_ask_at) where next_ask_at is not null and replaced_at is null;
create index renewal_info_being_asked on renewal_info (asked_at) where asked_at is not null;
create index renewal_info_called on renewal_info (workspace, directory_url, called_at) where called_at is not null;
create index policies_of_host on policies (host_id) where active;
