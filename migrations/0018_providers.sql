-- The catalogue of providers: who issues, at what price, and what can be had there. Everybody's rows come from here; a
-- workspace that changes one gets a row of its own, which hides it.
create table providers (               -- written by: console
    workspace          text references workspaces (id),  -- null: everybody's
    id                 text not null,        -- slug
    kind               text not null,        -- domain::policy::Provider
    title              text not null,
    directory_url      text,
    staging_url        text,
    price              jsonb not null,       -- domain::price::Price; what is not known is absent, never 0
    abilities          jsonb not null,       -- domain::provider::Abilities
    max_validity_days  smallint,
    source             text not null,        -- where price and abilities were read
    last_verified      date,                 -- null: nobody has verified them
    enabled            boolean not null default true,
    served             boolean not null,     -- whether this version can have certificates issued there
    rank               smallint not null default 100  -- smaller first where nothing else tells two apart
);
create unique index providers_of_all on providers (id) where workspace is null;
create unique index providers_of_workspace on providers (workspace, id) where workspace is not null;

-- Who is taken of equally cheap ones. Written by: console.
alter table workspaces add column preferred_provider text[] not null default '{}';

-- Only what was read somewhere; `last_verified` is null where it was a secondary source or none.
insert into providers
    (id, kind, title, directory_url, staging_url, price, abilities, max_validity_days, source, last_verified, served, rank)
values
    ('letsencrypt', 'letsencrypt', 'Let''s Encrypt',
     'https://acme-v02.api.letsencrypt.org/directory', 'https://acme-staging-v02.api.letsencrypt.org/directory',
     '{"micro_usd": 0, "note": "charges nothing"}',
     '{"max_names": 100, "profiles": ["classic", "tlsserver", "shortlived"], "ari": true}',
     90, 'letsencrypt.org/docs: rate limits, profiles, integration guide', '2026-08-05', true, 10),
    ('aws-acm', 'aws_acm', 'AWS Certificate Manager, key not exportable', null, null,
     '{"micro_usd": 0, "note": "free while the key stays in AWS services"}',
     '{"challenges": ["dns-01"], "key_backends": [], "targets": ["aws_acm"]}',
     198, 'a secondary source for price and validity', null, false, 40),
    ('aws-acm-exportable', 'aws_acm', 'AWS Certificate Manager, exportable key', null, null,
     '{"micro_usd": 7000000, "wildcard_micro_usd": 79000000, "per": "name", "note": "at issuance and at every renewal"}',
     '{"challenges": ["dns-01"], "key_backends": [], "exports_key_for_money": true}',
     198, 'a secondary source for price and validity', null, false, 90),
    ('aws-acm-acme', 'acme', 'AWS Certificate Manager by ACME', null, null,
     '{"note": "not known"}',
     '{"external_account": true}',
     45, 'AWS announcement of July 2026; its certificates cannot be attached to ELB, CloudFront or API Gateway', null, false, 50),
    ('google-trust', 'acme', 'Google Trust Services', null, null,
     '{"note": "not known"}',
     '{"external_account": true}',
     90, 'a secondary source', null, false, 50),
    ('zerossl', 'acme', 'ZeroSSL', null, null,
     '{"note": "not known"}', '{"external_account": true}', null, 'a secondary source', null, false, 60),
    ('ssl-com', 'acme', 'SSL.com', null, null,
     '{"note": "not known"}', '{"external_account": true}', null, 'a secondary source', null, false, 60),
    ('gcp-cm', 'gcp_cm', 'Google Certificate Manager', null, null,
     '{"note": "per certificate and month above a free tier; not verified"}',
     '{"challenges": ["dns-01"], "key_backends": []}', null, 'not verified', null, false, 70),
    ('vault-pki', 'vault_pki', 'Vault PKI', null, null,
     '{"note": "your own infrastructure; say what it is to you"}',
     '{"challenges": ["none"]}', null, 'not verified', null, false, 80),
    ('manual', 'manual', 'By hand', null, null,
     '{"note": "as your CA charges you"}',
     '{"challenges": ["none"]}', null, 'not verified', null, false, 95);
