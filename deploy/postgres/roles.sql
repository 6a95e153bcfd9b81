-- One role per service that has the record, each with the tables that it writes and those that it reads, and no more: the
-- "written by" lines of /migrations once more, held by Postgres. It may be run again and again; run it as the owner of the
-- database after every upgrade, since a new table has no owner until it stands here:
--
--     psql -d vigilo -f deploy/postgres/roles.sql
--
-- Workers have no role: they have no database. How the roles are used is in README.md beside this file.

do $$
declare
    service text;
    line record;
    there text;
begin
    foreach service in array array['vigilo_planner', 'vigilo_console', 'vigilo_incident'] loop
        begin
            execute format('create role %I', service);
        exception when duplicate_object or unique_violation then
            null;  -- it is there from before, or another database of this server made it just now
        end;
        -- What an earlier version of this file allowed goes with it.
        execute format('revoke all on all tables in schema public from %I', service);
        execute format('grant usage on schema public to %I', service);
        execute format('grant select on all tables in schema public to %I', service);
    end loop;
    revoke create on schema public from public;

    -- Secrets, sealed as they are, are read only by services that order with them; mail addresses by those who write there.
    revoke select on acme_accounts, retired_acme_accounts from vigilo_console, vigilo_incident;
    -- They read run_products_shown, which has no keys.
    revoke select on run_products from vigilo_console, vigilo_incident;
    revoke select on run_acts, jobs, job_lines, job_acts, requests, buckets, reservations, flows from vigilo_incident;
    revoke select on notifications, incident_changes from vigilo_planner;

    for line in
        select * from (values
            -- who              , may                        , in                , in these columns only
            ('vigilo_planner' , 'insert, update, delete', 'runs'            , null),
            ('vigilo_planner' , 'insert, update, delete', 'run_products'    , null),
            ('vigilo_planner' , 'insert, update, delete', 'run_steps'       , null),
            ('vigilo_planner' , 'insert'                , 'run_acts'        , null),
            ('vigilo_planner' , 'insert, update, delete', 'acme_accounts'   , null),
            ('vigilo_planner' , 'insert'                , 'retired_acme_accounts', null),
            ('vigilo_planner' , 'insert, update, delete', 'ca_holds'        , null),
            ('vigilo_planner' , 'insert, update, delete', 'snapshots'       , null),
            ('vigilo_planner' , 'insert, update, delete', 'requests'        , null),
            ('vigilo_planner' , 'insert, update, delete', 'jobs'            , null),
            ('vigilo_planner' , 'insert, update, delete', 'job_lines'       , null),
            ('vigilo_planner' , 'insert'                , 'job_acts'        , null),
            ('vigilo_planner' , 'insert, update, delete', 'renewal_info'    , null),
            ('vigilo_planner' , 'insert, update'        , 'emergencies'     , null),
            ('vigilo_planner' , 'insert, update, delete', 'buckets'         , null),
            ('vigilo_planner' , 'insert, update, delete', 'reservations'    , null),
            ('vigilo_planner' , 'insert, update, delete', 'flows'           , null),
            ('vigilo_planner' , 'insert, update, delete', 'spending'        , null),
            ('vigilo_planner' , 'update'                , 'hosts'           ,
                array['next_probe_at', 'probe_asked_at', 'probe_answered_at', 'last_seen_at', 'last_sight',
                      'mixed_at', 'steady_since', 'steady_looks', 'has_served', 'was_trusted', 'troubles']),
            ('vigilo_planner' , 'update'                , 'policies'        ,
                array['judge_at', 'due_at', 'due_why', 'waits_for_budget', 'renews_itself']),
            ('vigilo_console' , 'insert, update'        , 'workspaces'      , null),
            ('vigilo_console' , 'insert, update'        , 'hosts'           , null),
            ('vigilo_console' , 'insert'                , 'policies'        , null),
            ('vigilo_console' , 'insert, update, delete', 'policy_files'    , null),
            ('vigilo_console' , 'update'                , 'policies'        , array['says', 'active', 'judge_at', 'renews_itself']),
            ('vigilo_console' , 'insert, update, delete', 'limits'          , null),
            ('vigilo_console' , 'insert, update, delete', 'tag_windows'     , null),
            ('vigilo_console' , 'insert, update, delete', 'target_groups'   , null),
            ('vigilo_console' , 'insert, update, delete', 'providers'       , null),
            ('vigilo_incident', 'insert, update'        , 'incidents'       , null),
            ('vigilo_incident', 'insert, update'        , 'incident_members', null),
            ('vigilo_incident', 'insert, update, delete', 'host_troubles'   , null),
            ('vigilo_incident', 'insert'                , 'incident_changes', null),
            ('vigilo_incident', 'insert, update, delete', 'notifications'   , null)
        ) as grants (service, rights, tbl, columns)
        where to_regclass(tbl) is not null
    loop
        if line.columns is null then
            execute format('grant %s on %I to %I', line.rights, line.tbl, line.service);
        else
            select string_agg(quote_ident(attname), ', ') into there
            from pg_attribute where attrelid = to_regclass(line.tbl) and attname = any(line.columns);
            execute format('grant %s (%s) on %I to %I', line.rights, there, line.tbl, line.service);
        end if;
    end loop;
end
$$;
