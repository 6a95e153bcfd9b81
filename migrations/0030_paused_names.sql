-- A name whose authorizations fail again and again is paused. 1,152 in a row: a day gives one back, a success all of them.
insert into limits (id, directory_url, scope, title, burst, period_seconds, source, last_verified) values
    ('letsencrypt.consecutive-failures', 'https://acme-v02.api.letsencrypt.org/directory', 'consecutive_failure',
     'Let''s Encrypt: consecutive failed authorizations per name and account', 1152, 86400,
     'letsencrypt.org/docs/rate-limits', '2026-08-05');
