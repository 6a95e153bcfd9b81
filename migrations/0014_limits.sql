-- What CAs allow, and what has been drawn from it. Limits are written by: console (people). Buckets and reservations by:
-- planner (the ledger), under the advisory lock of the buckets.
create table limits (
    id              text primary key,
    directory_url   text not null,           -- the CA, by the URL of its ACME directory
    scope           text not null,           -- domain::limit::Scope
    title           text not null,
    burst           integer not null check (burst > 0),
    period_seconds  integer not null check (period_seconds > 0),  -- from one token to the next
    source          text not null,
    last_verified   date not null,
    enabled         boolean not null default true
);
-- A bucket without a row is full.
create table buckets (
    limit_id   text not null references limits (id) on delete cascade,
    key        text not null,
    tat        timestamptz not null,         -- theoretical arrival time (GCRA)
    issued_at  timestamptz,                  -- of an exact set: when the CA issued for it last
    primary key (limit_id, key)
) with (fillfactor = 70);
-- What a run has drawn and may get back: gone once the CA has counted it.
create table reservations (
    run_id       uuid not null references runs (id) on delete cascade,
    limit_id     text not null,
    key          text not null,
    reserved_at  timestamptz not null,
    primary key (run_id, limit_id, key)
);
create index reservations_by_age on reservations (reserved_at);

insert into limits (id, directory_url, scope, title, burst, period_seconds, source, last_verified) values
    ('letsencrypt.new-orders', 'https://acme-v02.api.letsencrypt.org/directory', 'account',
     'Let''s Encrypt: new orders per account', 300, 36, 'letsencrypt.org/docs/rate-limits', '2026-08-05'),
    ('letsencrypt.registered-domain', 'https://acme-v02.api.letsencrypt.org/directory', 'registered_domain',
     'Let''s Encrypt: certificates per registered domain', 50, 12120, 'letsencrypt.org/docs/rate-limits', '2026-08-05'),
    ('letsencrypt.exact-set', 'https://acme-v02.api.letsencrypt.org/directory', 'exact_set',
     'Let''s Encrypt: certificates per exact set of names', 5, 122400, 'letsencrypt.org/docs/rate-limits', '2026-08-05'),
    ('letsencrypt.failed-authorizations', 'https://acme-v02.api.letsencrypt.org/directory', 'failed_authorization',
     'Let''s Encrypt: failed authorizations per name and account', 5, 720, 'letsencrypt.org/docs/rate-limits', '2026-08-05');
