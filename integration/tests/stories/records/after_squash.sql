-- A record as the first version with numbered migrations left it (`pg_dump --inserts`), with open runs, jobs and an incident; made on
-- real servers. Migrations 2 and 3 were undone in it: they add columns only. The story `migrated` says what stands for @...@.
--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: asked_cost(jsonb, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.asked_cost(plan jsonb, course jsonb) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select (case jsonb_array_length(coalesce(course -> 'turned', '[]'))
            when 0 then plan -> 'choice'
            else plan -> 'fallbacks' -> (jsonb_array_length(course -> 'turned') - 1) end ->> 'cost_micro_usd')::bigint
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: _sqlx_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);


--
-- Name: acme_accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acme_accounts (
    workspace text NOT NULL,
    directory_url text NOT NULL,
    sealed_key text NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: buckets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.buckets (
    limit_id text NOT NULL,
    key text NOT NULL,
    tat timestamp with time zone NOT NULL,
    issued_at timestamp with time zone
)
WITH (fillfactor='70');


--
-- Name: ca_holds; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ca_holds (
    limit_id text NOT NULL,
    key text NOT NULL,
    until timestamp with time zone NOT NULL,
    climbs integer NOT NULL,
    refused boolean NOT NULL,
    asker uuid,
    trial uuid,
    trial_until timestamp with time zone,
    what text NOT NULL
);


--
-- Name: catalogue; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.catalogue (
    name text NOT NULL,
    version integer NOT NULL
);


--
-- Name: emergencies; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.emergencies (
    id uuid NOT NULL,
    workspace text NOT NULL,
    directory_url text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    explanation_url text,
    certificates bigint NOT NULL,
    of_all bigint NOT NULL,
    host_id uuid NOT NULL,
    notify text[] NOT NULL,
    ended_at timestamp with time zone
);


--
-- Name: flows; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flows (
    flow text NOT NULL,
    finish bigint NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: host_troubles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.host_troubles (
    host_id uuid NOT NULL,
    trouble text NOT NULL,
    workspace text NOT NULL,
    incident_id uuid,
    since timestamp with time zone NOT NULL
);


--
-- Name: hosts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hosts (
    id uuid NOT NULL,
    workspace text NOT NULL,
    hostname text NOT NULL,
    port integer NOT NULL,
    criticality text NOT NULL,
    environment text NOT NULL,
    says jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    next_probe_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    probe_asked_at timestamp with time zone,
    probe_answered_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    last_sight text,
    mixed_at timestamp with time zone,
    steady_since timestamp with time zone,
    steady_looks integer DEFAULT 0 NOT NULL,
    has_served boolean DEFAULT false NOT NULL,
    was_trusted boolean DEFAULT false NOT NULL,
    troubles jsonb
);


--
-- Name: incident_changes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.incident_changes (
    id uuid NOT NULL,
    incident_id uuid NOT NULL,
    change text NOT NULL,
    word jsonb NOT NULL
);


--
-- Name: incident_members; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.incident_members (
    run_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    workspace text NOT NULL,
    host_id uuid NOT NULL,
    hostname text NOT NULL,
    criticality text NOT NULL,
    cause_code text,
    cause_step text,
    said text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    closed_because text
);


--
-- Name: incidents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.incidents (
    id uuid NOT NULL,
    workspace text NOT NULL,
    host_id uuid NOT NULL,
    run_id uuid,
    hostname text NOT NULL,
    severity text NOT NULL,
    title text NOT NULL,
    detail text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    common boolean DEFAULT false NOT NULL,
    cause_code text,
    cause_step text,
    latest_at timestamp with time zone,
    acknowledged jsonb,
    closed jsonb,
    folded_into uuid
);


--
-- Name: job_acts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_acts (
    job_id uuid NOT NULL,
    act bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    verb text NOT NULL,
    person text NOT NULL,
    note text NOT NULL
);


--
-- Name: job_acts_act_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.job_acts ALTER COLUMN act ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.job_acts_act_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: job_lines; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_lines (
    job_id uuid NOT NULL,
    nr integer NOT NULL,
    hostname text NOT NULL,
    reason text,
    left_out jsonb,
    waits_for text,
    host_id uuid,
    policy_id uuid,
    criticality text,
    rank smallint,
    plan jsonb,
    step text,
    lane text,
    because jsonb,
    course jsonb,
    start_at timestamp with time zone,
    ca text,
    zone text,
    target text,
    cohort boolean DEFAULT false NOT NULL,
    despite text,
    run_id uuid,
    refused text
);
ALTER TABLE ONLY public.job_lines ALTER COLUMN plan SET COMPRESSION lz4;


--
-- Name: jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.jobs (
    id uuid NOT NULL,
    workspace text NOT NULL,
    spec jsonb NOT NULL,
    requested_by text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    note text,
    look_at timestamp with time zone NOT NULL,
    hosts integer,
    lines integer DEFAULT 0 NOT NULL,
    totals jsonb NOT NULL,
    planned_at timestamp with time zone,
    committed_at timestamp with time zone,
    committed_by text,
    created_to integer DEFAULT 0 NOT NULL,
    refused integer DEFAULT 0 NOT NULL,
    turns jsonb DEFAULT '[]'::jsonb NOT NULL,
    holds jsonb NOT NULL,
    held_to uuid,
    judged_from timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    cancelled_by text,
    ended_at timestamp with time zone
);


--
-- Name: limits; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.limits (
    id text NOT NULL,
    directory_url text NOT NULL,
    scope text NOT NULL,
    title text NOT NULL,
    burst integer NOT NULL,
    period_seconds integer NOT NULL,
    source text NOT NULL,
    last_verified date NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    edited boolean DEFAULT false NOT NULL,
    CONSTRAINT limits_burst_check CHECK ((burst > 0)),
    CONSTRAINT limits_period_seconds_check CHECK ((period_seconds > 0))
);


--
-- Name: notifications; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notifications (
    id uuid NOT NULL,
    workspace text NOT NULL,
    incident_id uuid NOT NULL,
    change text NOT NULL,
    channel text NOT NULL,
    recipient text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    leased_until timestamp with time zone,
    last_error text,
    delivered_at timestamp with time zone,
    given_up_at timestamp with time zone
);


--
-- Name: policies; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policies (
    id uuid NOT NULL,
    workspace text NOT NULL,
    host_id uuid NOT NULL,
    hostname text NOT NULL,
    says jsonb NOT NULL,
    active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone NOT NULL,
    judge_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    due_why text,
    waits_for_budget boolean DEFAULT false NOT NULL
);


--
-- Name: policy_files; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policy_files (
    path text NOT NULL,
    policy_id uuid NOT NULL
);


--
-- Name: providers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.providers (
    workspace text,
    id text NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    directory_url text,
    staging_url text,
    price jsonb NOT NULL,
    abilities jsonb NOT NULL,
    max_validity_days smallint,
    source text NOT NULL,
    last_verified date,
    enabled boolean DEFAULT true NOT NULL,
    served boolean NOT NULL,
    rank smallint DEFAULT 100 NOT NULL
);


--
-- Name: renewal_info; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.renewal_info (
    host_id uuid NOT NULL,
    workspace text NOT NULL,
    fingerprint text NOT NULL,
    cert_id text,
    names text[] NOT NULL,
    not_before timestamp with time zone NOT NULL,
    not_after timestamp with time zone NOT NULL,
    directory_url text,
    issued_here boolean DEFAULT false NOT NULL,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    explanation_url text,
    next_ask_at timestamp with time zone,
    asked_at timestamp with time zone,
    answered_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    last_error text,
    replaced_at timestamp with time zone,
    called_at timestamp with time zone
);


--
-- Name: requests; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.requests (
    workspace text NOT NULL,
    idempotency_key text NOT NULL,
    answer jsonb NOT NULL,
    answered_at timestamp with time zone NOT NULL
);


--
-- Name: reservations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reservations (
    run_id uuid NOT NULL,
    limit_id text NOT NULL,
    key text NOT NULL,
    reserved_at timestamp with time zone NOT NULL
);


--
-- Name: retired_acme_accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.retired_acme_accounts (
    workspace text NOT NULL,
    directory_url text NOT NULL,
    sealed_key text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    retired_at timestamp with time zone NOT NULL,
    retired_by text NOT NULL
);


--
-- Name: run_acts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.run_acts (
    run_id uuid NOT NULL,
    act bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    verb text NOT NULL,
    person text NOT NULL,
    note text NOT NULL
);


--
-- Name: run_acts_act_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.run_acts ALTER COLUMN act ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.run_acts_act_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: run_products; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.run_products (
    run_id uuid NOT NULL,
    step text NOT NULL,
    product jsonb NOT NULL
);
ALTER TABLE ONLY public.run_products ALTER COLUMN product SET COMPRESSION lz4;


--
-- Name: run_products_shown; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.run_products_shown AS
 SELECT run_products.run_id,
    run_products.step,
    (run_products.product - 'sealed_key'::text) AS product
   FROM public.run_products;


--
-- Name: run_steps; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.run_steps (
    run_id uuid NOT NULL,
    attempt integer NOT NULL,
    step text NOT NULL,
    outcome text NOT NULL,
    summary text NOT NULL,
    worker text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    checks jsonb NOT NULL,
    log jsonb NOT NULL,
    exchange jsonb NOT NULL
);
ALTER TABLE ONLY public.run_steps ALTER COLUMN log SET COMPRESSION lz4;
ALTER TABLE ONLY public.run_steps ALTER COLUMN exchange SET COMPRESSION lz4;


--
-- Name: runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.runs (
    id uuid NOT NULL,
    workspace text NOT NULL,
    host_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    job_id uuid,
    hostname text NOT NULL,
    criticality text NOT NULL,
    mode text NOT NULL,
    trigger text NOT NULL,
    operator text NOT NULL,
    plan jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    phase text NOT NULL,
    step text,
    lane text,
    rank smallint NOT NULL,
    turn bigint DEFAULT 0 NOT NULL,
    held text,
    due_at timestamp with time zone,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    because jsonb,
    question jsonb,
    ending jsonb,
    checkpoint jsonb,
    course jsonb,
    cancelled_by text,
    moved_at timestamp with time zone NOT NULL,
    quarantined text,
    log_kept boolean DEFAULT true NOT NULL,
    sent boolean DEFAULT false NOT NULL,
    announced text,
    told_again_at timestamp with time zone
)
WITH (fillfactor='60');


--
-- Name: snapshots; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.snapshots (
    id uuid NOT NULL,
    workspace text NOT NULL,
    host_id uuid NOT NULL,
    run_id uuid,
    dialled text NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    fingerprint text,
    not_after timestamp with time zone,
    seen jsonb NOT NULL
);
ALTER TABLE ONLY public.snapshots ALTER COLUMN seen SET COMPRESSION lz4;


--
-- Name: spending; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.spending (
    run_id uuid NOT NULL,
    workspace text NOT NULL,
    paid_at timestamp with time zone NOT NULL,
    cost_micro_usd bigint
);


--
-- Name: tag_windows; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tag_windows (
    workspace text NOT NULL,
    tag text NOT NULL,
    windows jsonb NOT NULL
);


--
-- Name: target_groups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.target_groups (
    workspace text NOT NULL,
    name text NOT NULL,
    at_once integer NOT NULL,
    CONSTRAINT target_groups_at_once_check CHECK ((at_once > 0))
);


--
-- Name: workspaces; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workspaces (
    id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    preferred_provider text[] DEFAULT '{}'::text[] NOT NULL,
    budget_micro_usd_per_month bigint,
    CONSTRAINT workspaces_budget_micro_usd_per_month_check CHECK ((budget_micro_usd_per_month >= 0))
);


--
-- Data for Name: _sqlx_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._sqlx_migrations VALUES (1, 'schema', '2026-11-30 20:34:24.024012+00', true, '\xd10c59daa1c2eba8beaf8c0957d2abe30b576733ee9e04bfd54494474266be5a9ae20ee6df6a5512b04e36281ca5f3dc', 568474834);


--
-- Data for Name: acme_accounts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.acme_accounts VALUES ('default', '@CA_0@', 'cmek:v1:root1-c116534d0962:a2sirs3ce38tXMqgpxox1kUj_kLX9VNDyCOovR3FGuuLLN1Kacp4T4LZziwwNRY3u1udTy8qM3xuizcP:8Zea4dzqzIOHDleT3WgjwxENuN7ImZ6xcFerUpBFTTigeU7xucRyjHHyI4qSIu0njdJwRG_JtMNTL6sdHbhvcdpZ3EdzEh_MsqIuYqyDcGKVAwElHXNwInwG7Te6_ysbd-H-nDAc0D7gEkw5_yZ5NZEJ_JrmPlF66H1f6rs3eyLfgI9Kebhdaym6jy1qBFS9BYU7KWIBvmuOtHXkyr2ZHsnRr2ceHg', '2026-11-30 20:34:25.448595+00');
INSERT INTO public.acme_accounts VALUES ('default', '@CA_1@', 'cmek:v1:root1-c116534d0962:09VB1i-yVO2EGkYj33B_ezu96QNhmsCed_tVQQgP4aQy58534t7yluxC0UBxWS84kwWmFWT3tGD9m5Cn:jSc_xN1frxz5jpL8oKC3TEbcGDKGd-oFYHqYbyGW8KpDtxrWvK3s-R_BLM-PnhUn0cNp_noH-6XrNjNyE5dz3O1CFxvbwtG3_hv4AmHma0Bry4hOUeHOmkTkgfK3_9_zWveiusuRsT5OvpD2zyGuzPp611neNjYBtqo68Tpv1fMSC2whVpKplsMrjru835x-d_qSQQlX6jGJIhY9bNzyxlhv1etNjg', '2026-11-30 20:34:30.274258+00');


--
-- Data for Name: buckets; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: ca_holds; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: catalogue; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.catalogue VALUES ('providers.json', 1);
INSERT INTO public.catalogue VALUES ('limits.json', 1);


--
-- Data for Name: emergencies; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: flows; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.flows VALUES ('default job 01a22e2a-8bff-7556-82c3-7a847ff8b635 2', 1796070872116567, '2026-11-30 20:34:30.116567+00');
INSERT INTO public.flows VALUES ('default requests 2', 1796070873116567, '2026-11-30 20:34:30.117175+00');


--
-- Data for Name: host_troubles; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: hosts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.hosts VALUES ('01a22e2a-78d6-7332-b07b-52bf608b0841', 'default', 'host-0003.demo.test', @PORT@, 'high', 'demo', '{"port": @PORT@, "tags": [], "hostname": "host-0003.demo.test", "addresses": ["127.0.0.1"], "criticality": "high", "environment": "demo", "probe_interval_seconds": 3600}', '2026-11-30 20:34:25.110946+00', '2026-11-30 20:36:19.758145+00', NULL, '2026-11-30 20:34:25.228074+00', '2026-11-30 20:34:25.4196+00', '98c0239cbf90a9b746288c3e9f88e0f3e8e1ca17cfe85bad311a96ef0a33b6bb', NULL, '2026-11-30 20:34:25.4196+00', 1, true, false, NULL);
INSERT INTO public.hosts VALUES ('01a22e2a-78d6-7332-b07b-52bdad052325', 'default', 'host-0001.demo.test', @PORT@, 'high', 'demo', '{"port": @PORT@, "tags": [], "hostname": "host-0001.demo.test", "addresses": ["127.0.0.1"], "criticality": "high", "environment": "demo", "probe_interval_seconds": 3600}', '2026-11-30 20:34:25.110946+00', '2026-11-30 20:34:32.894245+00', NULL, '2026-11-30 20:34:25.228074+00', '2026-11-30 20:34:25.427187+00', 'c371b56291e52c526dcade8d18d031d49d96853c8a07569f4d2f27579409f562', NULL, '2026-11-30 20:34:25.427187+00', 1, true, false, NULL);
INSERT INTO public.hosts VALUES ('01a22e2a-78d6-7332-b07b-52be286625fd', 'default', 'host-0002.demo.test', @PORT@, 'high', 'demo', '{"port": @PORT@, "tags": [], "hostname": "host-0002.demo.test", "addresses": ["127.0.0.1"], "criticality": "high", "environment": "demo", "probe_interval_seconds": 3600}', '2026-11-30 20:34:25.110946+00', '2026-11-30 21:09:02.849533+00', NULL, '2026-11-30 20:34:25.228074+00', '2026-11-30 20:34:25.423653+00', '3f40bff8c64db2c621a3d7f4fea52aafa7714216078a25805fe014c12bd559e2', NULL, '2026-11-30 20:34:25.423653+00', 1, true, false, NULL);
INSERT INTO public.hosts VALUES ('01a22e2a-78d6-7332-b07b-52c08cafc0f5', 'default', 'host-0004.demo.test', @PORT@, 'high', 'demo', '{"port": @PORT@, "tags": [], "hostname": "host-0004.demo.test", "addresses": ["127.0.0.1"], "criticality": "high", "environment": "demo", "probe_interval_seconds": 3600}', '2026-11-30 20:34:25.110946+00', '2026-11-30 21:00:15.329525+00', NULL, '2026-11-30 20:34:25.228074+00', '2026-11-30 20:34:25.427816+00', '8330a185cfcbebda0e3063ada9add75b1cf16a18016f91c31da2c9e67c9de67a', NULL, '2026-11-30 20:34:25.427816+00', 1, true, false, NULL);
INSERT INTO public.hosts VALUES ('01a22e2a-78d6-7332-b07b-52c1fb1bb537', 'default', 'host-0005.demo.test', @PORT@, 'high', 'demo', '{"port": @PORT@, "tags": [], "hostname": "host-0005.demo.test", "addresses": ["127.0.0.1"], "criticality": "high", "environment": "demo", "probe_interval_seconds": 3600}', '2026-11-30 20:34:25.110946+00', '2026-11-30 20:42:42.865463+00', NULL, '2026-11-30 20:34:25.228074+00', '2026-11-30 20:34:25.427533+00', '3ca3ddcd13d8a24de62dc5661b2bd1206bcedfc612806fc2da9b66e882b26ecf', NULL, '2026-11-30 20:34:25.427533+00', 1, true, false, NULL);
INSERT INTO public.hosts VALUES ('01a22e2a-78d6-7332-b07b-52c22437d140', 'default', 'host-0006.demo.test', @PORT@, 'high', 'demo', '{"port": @PORT@, "tags": [], "hostname": "host-0006.demo.test", "addresses": ["127.0.0.1"], "criticality": "high", "environment": "demo", "probe_interval_seconds": 3600}', '2026-11-30 20:34:25.110946+00', '2026-11-30 20:54:12.573504+00', NULL, '2026-11-30 20:34:25.228074+00', '2026-11-30 20:34:25.422958+00', 'f4f63497de4f0b2adaf26c6e0d808daad57b4071d073dc67f5480666e4727e1f', NULL, '2026-11-30 20:34:25.422958+00', 1, true, false, NULL);
INSERT INTO public.hosts VALUES ('01a22e2a-78d6-7332-b07b-52c3ad0f6550', 'default', 'host-0007.demo.test', @PORT@, 'high', 'demo', '{"port": @PORT@, "tags": [], "hostname": "host-0007.demo.test", "addresses": ["127.0.0.1"], "criticality": "high", "environment": "demo", "probe_interval_seconds": 3600}', '2026-11-30 20:34:25.110946+00', '2026-11-30 20:44:03.37032+00', NULL, '2026-11-30 20:34:25.228074+00', '2026-11-30 20:34:25.422289+00', '4b61a4340cdc64db9cdb33763c2a4a925ffb8221c34c9223cdbb63b6c7f56266', NULL, '2026-11-30 20:34:25.422289+00', 1, true, false, NULL);
INSERT INTO public.hosts VALUES ('01a22e2a-78d6-7332-b07b-52c496153bfd', 'default', 'host-0008.demo.test', @PORT@, 'high', 'demo', '{"port": @PORT@, "tags": [], "hostname": "host-0008.demo.test", "addresses": ["127.0.0.1"], "criticality": "high", "environment": "demo", "probe_interval_seconds": 3600}', '2026-11-30 20:34:25.110946+00', '2026-11-30 20:49:12.844285+00', NULL, '2026-11-30 20:34:25.228074+00', '2026-11-30 20:34:25.42263+00', '3c2c64f904e0b2ba56c60aba7f469c710eb4eddab00665a009e46d97ca5a679d', NULL, '2026-11-30 20:34:25.42263+00', 1, true, false, NULL);


--
-- Data for Name: incident_changes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.incident_changes VALUES ('01a22e2a-8b97-7207-8dd6-7e3cabfbde02', '01a22e2a-8b89-7575-8f54-75a51a43c0c0', 'opened', '{"at": "2026-11-30T20:34:29.904218Z", "by": "vigilo", "note": "run 01a22e2a-7bec-7572-9053-31b1bcc57cef"}');
INSERT INTO public.incident_changes VALUES ('01a22e2a-8ba8-77f8-9413-f456393d4eec', '01a22e2a-8b89-7575-8f54-75a51a43c0c0', 'acknowledged', '{"at": "2026-11-30T20:34:29.926349Z", "by": "owner", "note": "looked at"}');


--
-- Data for Name: incident_members; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.incident_members VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', '01a22e2a-8b89-7575-8f54-75a51a43c0c0', 'default', '01a22e2a-78d6-7332-b07b-52be286625fd', 'host-0002.demo.test', 'high', 'DEP-0014', 'deploy', 'DEP-0014: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing); what was there before was put back, and the server refuses that too: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing). It was broken before this run, and the new pair is not to blame.
What to do: mend the server''s configuration until it can be activated, then resume.
The run waits. When it is mended: vigilo resume 01a22e2a-7bec-7572-9053-31b1bcc57cef; or: vigilo resolve | cancel 01a22e2a-7bec-7572-9053-31b1bcc57cef
More on it: vigilo explain DEP-0014', '2026-11-30 20:34:29.878612+00', '2026-11-30 20:34:29.878612+00', NULL, NULL);


--
-- Data for Name: incidents; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.incidents VALUES ('01a22e2a-8b89-7575-8f54-75a51a43c0c0', 'default', '01a22e2a-78d6-7332-b07b-52be286625fd', '01a22e2a-7bec-7572-9053-31b1bcc57cef', 'host-0002.demo.test', 'sev2', 'host-0002.demo.test: the renewal needs a person at deploy-0 (DEP-0014)', 'DEP-0014: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing); what was there before was put back, and the server refuses that too: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing). It was broken before this run, and the new pair is not to blame.
What to do: mend the server''s configuration until it can be activated, then resume.
The run waits. When it is mended: vigilo resume 01a22e2a-7bec-7572-9053-31b1bcc57cef; or: vigilo resolve | cancel 01a22e2a-7bec-7572-9053-31b1bcc57cef
More on it: vigilo explain DEP-0014', '2026-11-30 20:34:29.878612+00', 'acknowledged', false, 'DEP-0014', 'deploy', '2026-11-30 20:34:29.878612+00', '{"at": "2026-11-30T20:34:29.926349Z", "by": "owner", "note": "looked at"}', NULL, NULL);


--
-- Data for Name: job_acts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.job_acts OVERRIDING SYSTEM VALUE VALUES ('01a22e2a-8bff-7556-82c3-7a847ff8b635', 1, '2026-11-30 20:34:30.101009+00', 'commit', 'owner', '');
INSERT INTO public.job_acts OVERRIDING SYSTEM VALUE VALUES ('01a22e2a-8bff-7556-82c3-7a847ff8b635', 2, '2026-11-30 20:34:32.851411+00', 'pause', 'owner', 'the CA is away');


--
-- Data for Name: job_lines; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.job_lines VALUES ('01a22e2a-8bb1-7710-8bed-e08aaba69729', 1, 'host-0003.demo.test', NULL, NULL, NULL, '01a22e2a-78d6-7332-b07b-52bf608b0841', '01a22e2a-78e7-73bc-962b-d96b33f4132b', 'high', 2, '{"port": @PORT@, "names": ["host-0003.demo.test"], "choice": {"why": "@CA_1@ (price not known): the policy names it; it is not in the catalogue", "provider": "acme", "directory_url": "@CA_1@", "cost_micro_usd": null}, "ladder": {"then_seconds": 86400, "rungs_seconds": [1, 1, 1]}, "notify": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0003.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0003.demo.test.crt"}], "hostname": "host-0003.demo.test", "addresses": ["127.0.0.1"], "challenge": "http-01", "expires_at": "2026-12-10T20:34:22Z", "criticality": "high", "key_backend": "local", "key_rotation": "always", "key_algorithm": "p256"}', 'prepare-key', 'key-signer', '{"because": "turn"}', '{"targets": [{"target": "pending"}], "verified": false}', '2026-11-30 20:34:29.967718+00', '@CA_1@', 'demo.test', 'file', false, NULL, NULL, NULL);
INSERT INTO public.job_lines VALUES ('01a22e2a-8bb1-7710-8bed-e08aaba69729', 2, 'host-0004.demo.test', NULL, NULL, NULL, '01a22e2a-78d6-7332-b07b-52c08cafc0f5', '01a22e2a-78e7-73bc-962b-d96c61d9b17a', 'high', 2, '{"port": @PORT@, "names": ["host-0004.demo.test"], "choice": {"why": "@CA_1@ (price not known): the policy names it; it is not in the catalogue", "provider": "acme", "directory_url": "@CA_1@", "cost_micro_usd": null}, "ladder": {"then_seconds": 86400, "rungs_seconds": [1, 1, 1]}, "notify": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0004.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0004.demo.test.crt"}], "hostname": "host-0004.demo.test", "addresses": ["127.0.0.1"], "challenge": "http-01", "expires_at": "2026-12-10T20:34:22Z", "criticality": "high", "key_backend": "local", "key_rotation": "always", "key_algorithm": "p256"}', 'prepare-key', 'key-signer', '{"because": "turn"}', '{"targets": [{"target": "pending"}], "verified": false}', '2026-11-30 20:34:29.967718+00', '@CA_1@', 'demo.test', 'file', false, NULL, NULL, NULL);
INSERT INTO public.job_lines VALUES ('01a22e2a-8bff-7556-82c3-7a847ff8b635', 1, 'host-0005.demo.test', NULL, NULL, NULL, '01a22e2a-78d6-7332-b07b-52c1fb1bb537', '01a22e2a-78e7-73bc-962b-d96d0930131d', 'high', 2, NULL, 'prepare-key', 'key-signer', NULL, NULL, '2026-11-30 20:34:30.048542+00', '@CA_1@', 'demo.test', 'file', false, NULL, '01a22e2a-8c78-75b0-a47d-005855dd29f1', NULL);
INSERT INTO public.job_lines VALUES ('01a22e2a-8bff-7556-82c3-7a847ff8b635', 2, 'host-0006.demo.test', NULL, NULL, NULL, '01a22e2a-78d6-7332-b07b-52c22437d140', '01a22e2a-78e7-73bc-962b-d96e3669599c', 'high', 2, NULL, 'prepare-key', 'key-signer', NULL, NULL, '2026-11-30 20:34:30.048542+00', '@CA_1@', 'demo.test', 'file', false, NULL, '01a22e2a-8c78-75b0-a47d-00592058ffe2', NULL);


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.jobs VALUES ('01a22e2a-8bb1-7710-8bed-e08aaba69729', 'default', '{"halt": {"percent": 20, "at_least": 3}, "mode": "live", "filter": {"hostnames": ["host-0003.demo.test", "host-0004.demo.test"]}, "cooldown": "leave_out", "strategy": "policy-default"}', 'owner', '2026-11-30 20:34:29.936313+00', 'planned', NULL, '2026-11-30 20:34:29.976385+00', 2, 2, '{"binds": ["the fleet: 4 orders at once at the CAs of this plan"], "hosts": 2, "despite": {}, "included": 2, "left_out": {}, "providers": {"@CA_1@": {"hosts": 2, "price_unknown": 2, "cost_micro_usd": 0}}, "waits_for": {}, "last_start": "2026-11-30T20:34:29.967718Z", "first_start": "2026-11-30T20:34:29.967718Z", "beyond_month": 0, "expected_end": "2026-11-30T20:34:30.217992Z", "price_unknown": 2, "cost_micro_usd": 0, "last_waits_for": null}', '2026-11-30 20:34:29.976385+00', NULL, NULL, 0, 0, '[]', '{"halts": [], "cohort": false}', NULL, '1970-01-01 00:00:00+00', NULL, NULL);
INSERT INTO public.jobs VALUES ('01a22e2a-8bff-7556-82c3-7a847ff8b635', 'default', '{"halt": {"percent": 20, "at_least": 3}, "mode": "live", "filter": {"hostnames": ["host-0005.demo.test", "host-0006.demo.test"]}, "cooldown": "leave_out", "strategy": "policy-default"}', 'owner', '2026-11-30 20:34:30.015079+00', 'running', NULL, '2026-11-30 20:34:32.851411+00', 2, 2, '{"binds": ["the fleet: 4 orders at once at the CAs of this plan"], "hosts": 2, "despite": {}, "included": 2, "left_out": {}, "providers": {"@CA_1@": {"hosts": 2, "price_unknown": 2, "cost_micro_usd": 0}}, "waits_for": {}, "last_start": "2026-11-30T20:34:30.048542Z", "first_start": "2026-11-30T20:34:30.048542Z", "beyond_month": 0, "expected_end": "2026-11-30T20:34:30.298816Z", "price_unknown": 2, "cost_micro_usd": 0, "last_waits_for": null}', '2026-11-30 20:34:30.075026+00', '2026-11-30 20:34:30.101009+00', 'owner', 2, 0, '[{"rank": 2, "runs": 2, "first": 1796070270116567, "given": 2}]', '{"halts": [], "cohort": false, "paused_by": "owner"}', '00000000-0000-0000-0000-000000000000', '2026-11-30 20:34:30.101009+00', NULL, NULL);


--
-- Data for Name: limits; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.limits VALUES ('letsencrypt.consecutive-failures', 'https://acme-v02.api.letsencrypt.org/directory', 'consecutive_failure', 'Let''s Encrypt: consecutive failed authorizations per name and account', 1152, 86400, 'letsencrypt.org/docs/rate-limits', '2026-08-05', true, false);
INSERT INTO public.limits VALUES ('letsencrypt.exact-set', 'https://acme-v02.api.letsencrypt.org/directory', 'exact_set', 'Let''s Encrypt: certificates per exact set of names', 5, 122400, 'letsencrypt.org/docs/rate-limits', '2026-08-05', true, false);
INSERT INTO public.limits VALUES ('letsencrypt.failed-authorizations', 'https://acme-v02.api.letsencrypt.org/directory', 'failed_authorization', 'Let''s Encrypt: failed authorizations per name and account', 5, 720, 'letsencrypt.org/docs/rate-limits', '2026-08-05', true, false);
INSERT INTO public.limits VALUES ('letsencrypt.new-orders', 'https://acme-v02.api.letsencrypt.org/directory', 'account', 'Let''s Encrypt: new orders per account', 300, 36, 'letsencrypt.org/docs/rate-limits', '2026-08-05', true, false);
INSERT INTO public.limits VALUES ('letsencrypt.registered-domain', 'https://acme-v02.api.letsencrypt.org/directory', 'registered_domain', 'Let''s Encrypt: certificates per registered domain', 50, 12120, 'letsencrypt.org/docs/rate-limits', '2026-08-05', true, false);


--
-- Data for Name: notifications; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: policies; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.policies VALUES ('01a22e2a-78e7-73bc-962b-d96ae8f42753', 'default', '01a22e2a-78d6-7332-b07b-52be286625fd', 'host-0002.demo.test', '{"sans": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "picky", "key_path": "@FILES@/host-0002.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0002.demo.test.crt"}], "hostname": "host-0002.demo.test", "provider": "acme", "challenge": "http-01", "auto_renew": true, "key_backend": "local", "key_rotation": "always", "directory_url": "@CA_0@", "key_algorithm": "p256", "dry_run_default": false, "provider_pinned": false, "cooldown_seconds": 0, "notify_on_failure": [], "renew_before_days": null, "key_backend_config": {}, "allow_exportable_acm": false}', true, '2026-11-30 20:34:25.124996+00', '1970-01-01 00:00:00+00', NULL, NULL, false);
INSERT INTO public.policies VALUES ('01a22e2a-78e7-73bc-962b-d96b33f4132b', 'default', '01a22e2a-78d6-7332-b07b-52bf608b0841', 'host-0003.demo.test', '{"sans": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0003.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0003.demo.test.crt"}], "hostname": "host-0003.demo.test", "provider": "acme", "challenge": "http-01", "auto_renew": true, "key_backend": "local", "key_rotation": "always", "directory_url": "@CA_1@", "key_algorithm": "p256", "dry_run_default": false, "provider_pinned": false, "cooldown_seconds": 0, "notify_on_failure": [], "renew_before_days": null, "key_backend_config": {}, "allow_exportable_acm": false}', true, '2026-11-30 20:34:25.124996+00', '1970-01-01 00:00:00+00', NULL, NULL, false);
INSERT INTO public.policies VALUES ('01a22e2a-78e7-73bc-962b-d96c61d9b17a', 'default', '01a22e2a-78d6-7332-b07b-52c08cafc0f5', 'host-0004.demo.test', '{"sans": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0004.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0004.demo.test.crt"}], "hostname": "host-0004.demo.test", "provider": "acme", "challenge": "http-01", "auto_renew": true, "key_backend": "local", "key_rotation": "always", "directory_url": "@CA_1@", "key_algorithm": "p256", "dry_run_default": false, "provider_pinned": false, "cooldown_seconds": 0, "notify_on_failure": [], "renew_before_days": null, "key_backend_config": {}, "allow_exportable_acm": false}', true, '2026-11-30 20:34:25.124996+00', '1970-01-01 00:00:00+00', NULL, NULL, false);
INSERT INTO public.policies VALUES ('01a22e2a-78e7-73bc-962b-d96d0930131d', 'default', '01a22e2a-78d6-7332-b07b-52c1fb1bb537', 'host-0005.demo.test', '{"sans": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0005.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0005.demo.test.crt"}], "hostname": "host-0005.demo.test", "provider": "acme", "challenge": "http-01", "auto_renew": true, "key_backend": "local", "key_rotation": "always", "directory_url": "@CA_1@", "key_algorithm": "p256", "dry_run_default": false, "provider_pinned": false, "cooldown_seconds": 0, "notify_on_failure": [], "renew_before_days": null, "key_backend_config": {}, "allow_exportable_acm": false}', true, '2026-11-30 20:34:25.124996+00', '1970-01-01 00:00:00+00', NULL, NULL, false);
INSERT INTO public.policies VALUES ('01a22e2a-78e7-73bc-962b-d96e3669599c', 'default', '01a22e2a-78d6-7332-b07b-52c22437d140', 'host-0006.demo.test', '{"sans": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0006.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0006.demo.test.crt"}], "hostname": "host-0006.demo.test", "provider": "acme", "challenge": "http-01", "auto_renew": true, "key_backend": "local", "key_rotation": "always", "directory_url": "@CA_1@", "key_algorithm": "p256", "dry_run_default": false, "provider_pinned": false, "cooldown_seconds": 0, "notify_on_failure": [], "renew_before_days": null, "key_backend_config": {}, "allow_exportable_acm": false}', true, '2026-11-30 20:34:25.124996+00', '1970-01-01 00:00:00+00', NULL, NULL, false);
INSERT INTO public.policies VALUES ('01a22e2a-78e7-73bc-962b-d96f09406912', 'default', '01a22e2a-78d6-7332-b07b-52c3ad0f6550', 'host-0007.demo.test', '{"sans": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0007.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0007.demo.test.crt"}], "hostname": "host-0007.demo.test", "provider": "acme", "challenge": "http-01", "auto_renew": true, "key_backend": "local", "key_rotation": "always", "directory_url": "@CA_1@", "key_algorithm": "p256", "dry_run_default": false, "provider_pinned": false, "cooldown_seconds": 0, "notify_on_failure": [], "renew_before_days": null, "key_backend_config": {}, "allow_exportable_acm": false}', true, '2026-11-30 20:34:25.124996+00', '1970-01-01 00:00:00+00', NULL, NULL, false);
INSERT INTO public.policies VALUES ('01a22e2a-78e7-73bc-962b-d970be958789', 'default', '01a22e2a-78d6-7332-b07b-52c496153bfd', 'host-0008.demo.test', '{"sans": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0008.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0008.demo.test.crt"}], "hostname": "host-0008.demo.test", "provider": "acme", "challenge": "http-01", "auto_renew": true, "key_backend": "local", "key_rotation": "always", "directory_url": "@CA_1@", "key_algorithm": "p256", "dry_run_default": false, "provider_pinned": false, "cooldown_seconds": 0, "notify_on_failure": [], "renew_before_days": null, "key_backend_config": {}, "allow_exportable_acm": false}', true, '2026-11-30 20:34:25.124996+00', '1970-01-01 00:00:00+00', NULL, NULL, false);
INSERT INTO public.policies VALUES ('01a22e2a-78e7-73bc-962b-d969c0533030', 'default', '01a22e2a-78d6-7332-b07b-52bdad052325', 'host-0001.demo.test', '{"sans": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0001.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0001.demo.test.crt"}], "hostname": "host-0001.demo.test", "provider": "acme", "challenge": "http-01", "auto_renew": true, "key_backend": "local", "key_rotation": "always", "directory_url": "@CA_0@", "key_algorithm": "p256", "dry_run_default": false, "provider_pinned": false, "cooldown_seconds": 0, "notify_on_failure": [], "renew_before_days": null, "key_backend_config": {}, "allow_exportable_acm": false}', true, '2026-11-30 20:34:25.124996+00', '1970-01-01 00:00:00+00', NULL, NULL, false);


--
-- Data for Name: policy_files; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.policy_files VALUES ('@FILES@/host-0001.demo.test.crt', '01a22e2a-78e7-73bc-962b-d969c0533030');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0001.demo.test.key', '01a22e2a-78e7-73bc-962b-d969c0533030');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0002.demo.test.crt', '01a22e2a-78e7-73bc-962b-d96ae8f42753');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0002.demo.test.key', '01a22e2a-78e7-73bc-962b-d96ae8f42753');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0003.demo.test.crt', '01a22e2a-78e7-73bc-962b-d96b33f4132b');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0003.demo.test.key', '01a22e2a-78e7-73bc-962b-d96b33f4132b');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0004.demo.test.crt', '01a22e2a-78e7-73bc-962b-d96c61d9b17a');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0004.demo.test.key', '01a22e2a-78e7-73bc-962b-d96c61d9b17a');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0005.demo.test.crt', '01a22e2a-78e7-73bc-962b-d96d0930131d');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0005.demo.test.key', '01a22e2a-78e7-73bc-962b-d96d0930131d');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0006.demo.test.crt', '01a22e2a-78e7-73bc-962b-d96e3669599c');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0006.demo.test.key', '01a22e2a-78e7-73bc-962b-d96e3669599c');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0007.demo.test.crt', '01a22e2a-78e7-73bc-962b-d96f09406912');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0007.demo.test.key', '01a22e2a-78e7-73bc-962b-d96f09406912');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0008.demo.test.crt', '01a22e2a-78e7-73bc-962b-d970be958789');
INSERT INTO public.policy_files VALUES ('@FILES@/host-0008.demo.test.key', '01a22e2a-78e7-73bc-962b-d970be958789');


--
-- Data for Name: providers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.providers VALUES (NULL, 'letsencrypt', 'letsencrypt', 'Let''s Encrypt', 'https://acme-v02.api.letsencrypt.org/directory', 'https://acme-staging-v02.api.letsencrypt.org/directory', '{"per": "certificate", "note": "charges nothing", "micro_usd": 0, "wildcard_micro_usd": null}', '{"ari": true, "targets": [], "profiles": ["classic", "tlsserver", "shortlived"], "wildcard": true, "max_names": 100, "challenges": ["http-01", "dns-01"], "key_backends": ["local", "vault", "aws_kms"], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": false, "exports_key_for_money": false}', 90, 'letsencrypt.org/docs: rate limits, profiles, integration guide', '2026-08-05', true, true, 10);
INSERT INTO public.providers VALUES (NULL, 'aws-acm', 'aws_acm', 'AWS Certificate Manager, key not exportable', NULL, NULL, '{"per": "certificate", "note": "free while the key stays in AWS services", "micro_usd": 0, "wildcard_micro_usd": null}', '{"ari": false, "targets": ["aws_acm"], "profiles": [], "wildcard": true, "max_names": null, "challenges": ["dns-01"], "key_backends": [], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": false, "exports_key_for_money": false}', 198, 'a secondary source for price and validity', NULL, true, false, 40);
INSERT INTO public.providers VALUES (NULL, 'aws-acm-acme', 'acme', 'AWS Certificate Manager by ACME', NULL, NULL, '{"per": "certificate", "note": "not known", "micro_usd": null, "wildcard_micro_usd": null}', '{"ari": false, "targets": [], "profiles": [], "wildcard": true, "max_names": null, "challenges": ["http-01", "dns-01"], "key_backends": ["local", "vault", "aws_kms"], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": true, "exports_key_for_money": false}', 45, 'AWS announcement of July 2026; its certificates cannot be attached to ELB, CloudFront or API Gateway', NULL, true, false, 50);
INSERT INTO public.providers VALUES (NULL, 'google-trust', 'acme', 'Google Trust Services', NULL, NULL, '{"per": "certificate", "note": "not known", "micro_usd": null, "wildcard_micro_usd": null}', '{"ari": false, "targets": [], "profiles": [], "wildcard": true, "max_names": null, "challenges": ["http-01", "dns-01"], "key_backends": ["local", "vault", "aws_kms"], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": true, "exports_key_for_money": false}', 90, 'a secondary source', NULL, true, false, 50);
INSERT INTO public.providers VALUES (NULL, 'ssl-com', 'acme', 'SSL.com', NULL, NULL, '{"per": "certificate", "note": "not known", "micro_usd": null, "wildcard_micro_usd": null}', '{"ari": false, "targets": [], "profiles": [], "wildcard": true, "max_names": null, "challenges": ["http-01", "dns-01"], "key_backends": ["local", "vault", "aws_kms"], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": true, "exports_key_for_money": false}', NULL, 'a secondary source', NULL, true, false, 60);
INSERT INTO public.providers VALUES (NULL, 'zerossl', 'acme', 'ZeroSSL', NULL, NULL, '{"per": "certificate", "note": "not known", "micro_usd": null, "wildcard_micro_usd": null}', '{"ari": false, "targets": [], "profiles": [], "wildcard": true, "max_names": null, "challenges": ["http-01", "dns-01"], "key_backends": ["local", "vault", "aws_kms"], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": true, "exports_key_for_money": false}', NULL, 'a secondary source', NULL, true, false, 60);
INSERT INTO public.providers VALUES (NULL, 'gcp-cm', 'gcp_cm', 'Google Certificate Manager', NULL, NULL, '{"per": "certificate", "note": "per certificate and month above a free tier; not verified", "micro_usd": null, "wildcard_micro_usd": null}', '{"ari": false, "targets": [], "profiles": [], "wildcard": true, "max_names": null, "challenges": ["dns-01"], "key_backends": [], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": false, "exports_key_for_money": false}', NULL, 'not verified', NULL, true, false, 70);
INSERT INTO public.providers VALUES (NULL, 'vault-pki', 'vault_pki', 'Vault PKI', NULL, NULL, '{"per": "certificate", "note": "your own infrastructure; say what it is to you", "micro_usd": null, "wildcard_micro_usd": null}', '{"ari": false, "targets": [], "profiles": [], "wildcard": true, "max_names": null, "challenges": ["none"], "key_backends": ["local", "vault", "aws_kms"], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": false, "exports_key_for_money": false}', NULL, 'not verified', NULL, true, false, 80);
INSERT INTO public.providers VALUES (NULL, 'aws-acm-exportable', 'aws_acm', 'AWS Certificate Manager, exportable key', NULL, NULL, '{"per": "name", "note": "at issuance and at every renewal", "micro_usd": 7000000, "wildcard_micro_usd": 79000000}', '{"ari": false, "targets": [], "profiles": [], "wildcard": true, "max_names": null, "challenges": ["dns-01"], "key_backends": [], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": false, "exports_key_for_money": true}', 198, 'a secondary source for price and validity', NULL, true, false, 90);
INSERT INTO public.providers VALUES (NULL, 'manual', 'manual', 'By hand', NULL, NULL, '{"per": "certificate", "note": "as your CA charges you", "micro_usd": null, "wildcard_micro_usd": null}', '{"ari": false, "targets": [], "profiles": [], "wildcard": true, "max_names": null, "challenges": ["none"], "key_backends": ["local", "vault", "aws_kms"], "key_algorithms": ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"], "external_account": false, "exports_key_for_money": false}', NULL, 'not verified', NULL, true, false, 95);


--
-- Data for Name: renewal_info; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.renewal_info VALUES ('01a22e2a-78d6-7332-b07b-52bf608b0841', 'default', '6d5d405d83f1c5df3e5df0055e25da63d36d2ea0b703788191f2e44787536348', NULL, '{host-0003.demo.test}', '2026-09-11 20:34:22+00', '2026-12-10 20:34:22+00', NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);
INSERT INTO public.renewal_info VALUES ('01a22e2a-78d6-7332-b07b-52c08cafc0f5', 'default', 'd5afaff54829c583058486cd88849299db03821451e2f989ea3764b53f920ad6', NULL, '{host-0004.demo.test}', '2026-09-11 20:34:22+00', '2026-12-10 20:34:22+00', NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);
INSERT INTO public.renewal_info VALUES ('01a22e2a-78d6-7332-b07b-52c1fb1bb537', 'default', '52e5531757904f6504699512be438b4aa059171f70453cb7548fff3addf8ad11', NULL, '{host-0005.demo.test}', '2026-09-11 20:34:22+00', '2026-12-10 20:34:22+00', NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);
INSERT INTO public.renewal_info VALUES ('01a22e2a-78d6-7332-b07b-52c22437d140', 'default', '2cfa5acdf742e041a9f7f93b88db5453d2cac5b60a0e5414d0a293bdded429f3', NULL, '{host-0006.demo.test}', '2026-09-11 20:34:22+00', '2026-12-10 20:34:22+00', NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);
INSERT INTO public.renewal_info VALUES ('01a22e2a-78d6-7332-b07b-52c3ad0f6550', 'default', '00212389f453767536532c84e422799c81bfe9f622b8f9ceb5123c73e0a9d9b0', NULL, '{host-0007.demo.test}', '2026-09-11 20:34:22+00', '2026-12-10 20:34:22+00', NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);
INSERT INTO public.renewal_info VALUES ('01a22e2a-78d6-7332-b07b-52c496153bfd', 'default', '658a5d65b4a130af80f4356fe9fab191748e63f70e306a48a3a09d53044bd48f', NULL, '{host-0008.demo.test}', '2026-09-11 20:34:22+00', '2026-12-10 20:34:22+00', NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);
INSERT INTO public.renewal_info VALUES ('01a22e2a-78d6-7332-b07b-52be286625fd', 'default', '4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc', NULL, '{host-0002.demo.test}', '2026-09-11 20:34:22+00', '2026-12-10 20:34:22+00', NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '2026-11-30 20:34:26.015865+00', NULL);
INSERT INTO public.renewal_info VALUES ('01a22e2a-78d6-7332-b07b-52bdad052325', 'default', '5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3', 'cAOVFxy4b-2ERL-64P4IRV7xZwI.ezWLb6zSpDE', '{host-0001.demo.test}', '2026-11-30 20:34:25+00', '2027-02-28 20:34:24+00', '@CA_0@', true, '2027-01-28 20:34:24+00', '2027-01-30 20:34:24+00', NULL, '2026-12-01 02:47:03.25562+00', NULL, '2026-11-30 20:34:26.230544+00', 0, NULL, NULL, NULL);


--
-- Data for Name: requests; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.requests VALUES ('default', '01a22e2a-78ee-75c7-a4ab-23bd3806af83.0', '{"wish": "7a9b694965122f9a9df458d268dadccbb6048a3e8dc1192d596e4758f19b89ec", "answer": "renewal", "refused": [], "accepted": [{"run_id": "01a22e2a-7940-713a-ae7d-85d93169c81d", "hostname": "host-0001.demo.test"}]}', '2026-11-30 20:34:25.200912+00');
INSERT INTO public.requests VALUES ('default', '01a22e2a-7be4-7026-ab97-91bd444594cd.0', '{"wish": "4829c2a6a819bdd7bb31dd8170f5e0b583c8a098c05ea6868afc8a28a1112a16", "answer": "renewal", "refused": [], "accepted": [{"run_id": "01a22e2a-7bec-7572-9053-31b1bcc57cef", "hostname": "host-0002.demo.test"}]}', '2026-11-30 20:34:25.895226+00');
INSERT INTO public.requests VALUES ('default', '01a22e2a-8bae-75c3-9853-0a6a285f02d9', '{"wish": "5ed0bb6a87c81d5121e37b0a3975fe76dd4329e2dfb935141d3e864fbe45825a", "answer": "job", "job_id": "01a22e2a-8bb1-7710-8bed-e08aaba69729"}', '2026-11-30 20:34:29.936313+00');
INSERT INTO public.requests VALUES ('default', '01a22e2a-8bfd-729a-aff1-1577ac063a81', '{"wish": "e3951917d47ea2726557413cab2080d96a27ff861b12ddfbb676592d986d2b42", "answer": "job", "job_id": "01a22e2a-8bff-7556-82c3-7a847ff8b635"}', '2026-11-30 20:34:30.015079+00');
INSERT INTO public.requests VALUES ('default', '01a22e2a-8c63-779c-a6dc-2249d159b34f.0', '{"wish": "d6017d06d3a92c727b68f432d6833bd275641ad56b447c39aa782903ece71b45", "answer": "renewal", "refused": [], "accepted": [{"run_id": "01a22e2a-8c85-72f4-9314-ca80f7cf4fc0", "hostname": "host-0007.demo.test"}]}', '2026-11-30 20:34:30.117175+00');


--
-- Data for Name: reservations; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: retired_acme_accounts; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: run_acts; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: run_products; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.run_products VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 'prepare-key', '{"csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\nMIHuMIGWAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQtSiVpvSqKeTu1\nzPc1suyY5xCrv4jZiT7nRAYvsg7ALsFUg0g+6RgxhmDE+jwKhwXM3uwOLFR7zttG\n0Ut0R3M+oDQwMgYJKoZIhvcNAQkOMSUwIzAhBgNVHREBAf8EFzAVghNob3N0LTAw\nMDEuZGVtby50ZXN0MAoGCCqGSM49BAMCA0cAMEQCIHkvB7H12CYX0eDIaZtvWZWT\nbzIWXJcpwDPCq3FcAo/0AiByyKoR/sGEMBOJCvfrVqnj1b0KV12ulEhR4C3TRviK\nsg==\n-----END CERTIFICATE REQUEST-----\n", "product": "prepared_key", "sealed_key": "cmek:v1:root1-c116534d0962@01a22e2a-7940-713a-ae7d-85d93169c81d:vz7Lj4DUCDMGAhSpQXxGYIGE8_HfV-NNyA_BD90HJ_TlrU_1FIX_N71JSDm7xyFUvqNbnY61vlQ8aKTf:_c1X6ktYoJYuMcWm_9aALJ_A146l0EDHocH0OQe7MFXgRPOEQIprTU7icAWukl1PzpSM_SBrSlWTAdTtOJBWO0odp2BCZsGX3syXe3tLK1eRusL7IQMe-Q2H-Xag2_yOqkgZ-DOeWs7fGakO1INmXExE4fEzVWfBARX81hQlgBn5cpAlb3SCWiYgP1-1aXEmVdzvvSjr9wMORYwa8nw2fYpz_Rl7zitwJ4kcakhTrc3OWqNOfUJqbbpsXP5EEXQz51B8J4d-swMxUKUFhP_ZDmvsPPew_OeGJf-Wro0MidpvMyODu2gparKp4cDhqaEU2AzwpUBPIzuD46iTT9HSVSX1uUKVql4EWVg8KXU"}');
INSERT INTO public.run_products VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 'issue', '{"leaf": {"sans": ["host-0001.demo.test"], "issuer": "CN=Pebble Intermediate CA 561fca", "serial": "7b358b6facd2a431", "subject": "", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "not_after": "2027-02-28T20:34:24Z", "not_before": "2026-11-30T20:34:25Z", "fingerprint": "5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3", "signature_algorithm": "sha256WithRSAEncryption"}, "tokens": [], "product": "issued", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIICWDCCAUCgAwIBAgIIezWLb6zSpDEwDQYJKoZIhvcNAQELBQAwKDEmMCQGA1UE\nAxMdUGViYmxlIEludGVybWVkaWF0ZSBDQSA1NjFmY2EwHhcNMjYxMTMwMjAzNDI1\nWhcNMjcwMjI4MjAzNDI0WjAAMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELUol\nab0qink7tcz3NbLsmOcQq7+I2Yk+50QGL7IOwC7BVINIPukYMYZgxPo8CocFzN7s\nDixUe87bRtFLdEdzPqN5MHcwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsG\nAQUFBwMBMAwGA1UdEwEB/wQCMAAwHwYDVR0jBBgwFoAUcAOVFxy4b+2ERL+64P4I\nRV7xZwIwIQYDVR0RAQH/BBcwFYITaG9zdC0wMDAxLmRlbW8udGVzdDANBgkqhkiG\n9w0BAQsFAAOCAQEAAmonCOgUSEoURgw9AcxhOShLemfGjDB/pU16JwxDd2mk4Ou1\neCCu35pA791lGyRqu/gkbdEAL/naPYXrJzpr3ImUwvfM/BMs5axqVAEt0qOIGMpQ\nFwWduKSUU8pZeGQ/7nBC7x6kZWmb9LkhL8LIKNqornpVAtnQ1/IHRhn1xuNsf1XL\nj95k+sp82t5P4o92NwcNN/wfOb8DpQxra43Vl74XQO07Ba9UN+GVyQQWebE1HM3a\njXwnWkZMjMI08Nf3dzrazs2Y5FWMvIBdbULCFJhrVSTaQu4oPa54A6tSLndUlD5i\n2mjeoMT6Sgv7Arrp/SiQQlmMk3ioEer/RPArcA==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMIIDRDCCAiygAwIBAgIIZC8NZxm76IcwDQYJKoZIhvcNAQELBQAwIDEeMBwGA1UE\nAxMVUGViYmxlIFJvb3QgQ0EgNGQ1MjEwMCAXDTI2MTEzMDIwMzQyMloYDzIwNTYx\nMTMwMjAzNDIyWjAoMSYwJAYDVQQDEx1QZWJibGUgSW50ZXJtZWRpYXRlIENBIDU2\nMWZjYTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAKmQ14PzG6LFP6On\ntXviGHAJCl/jShSW0DFbJvIhD40c8tMY1WHTuAfFGz0oPXzJhy8gF+mJzxVFcYF/\nOHV68uzAORabz6xZ4heciim84K82KaZyv5wOdA/AOHVzpZk55KIS0eZXgZjAymMC\n2Qm9hXpe4R+UF0M95aAC8tmSLGMSI+Gizs5h8fNk3OmH30jm+ztzFGfeLfk2rI36\n372dawhXhvcF8g3Szsr5GldEPA17bB9i0SkrzsFWu5jVo+DbI+H113vlbHHJBnKl\n1dALoDHZNKsrXsE/DPnpRyfUysund2h3sluA4c31vh9xwLDQwmQlKauKgz+RRJ1A\nGRMxIa0CAwEAAaN4MHYwDgYDVR0PAQH/BAQDAgKEMBMGA1UdJQQMMAoGCCsGAQUF\nBwMBMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFHADlRccuG/thES/uuD+CEVe\n8WcCMB8GA1UdIwQYMBaAFNRCKGad2uwiBuSuiOxyno4CQ0VIMA0GCSqGSIb3DQEB\nCwUAA4IBAQA/QCWX2sZHB1fbe5LIKDY3vgs8nuGETz77JmSfvnciYnfQo99drr55\nk5MWDNRNPr35PrCP+SqAPXzN/ao1gMhEG49tNSDXDMcrPojpmgNPtOTUzSrACpvp\ngZP+8uGkz2mlH664hm0pooW3TzTIGrMupZt8J4Q12L96ARvMLyliAGKu4NdMx8tT\nuP29kImSrKwwmVzzvELfzQhDN4qurudSIcuGx7VLtmuy2hT2qeyNuD/KH9rdJk5u\n67Wdercc9zNrzXfLXIMtMBjC34H0o9pzbXsmrf5hwBQ/GCVQrP84mtOzKiJC2ThE\nLCnEY0ggJOsdJ9eKPEs6YFDNfMJT1fhK\n-----END CERTIFICATE-----\n", "order_url": "https://127.0.0.1:@CA_0_PORT@/my-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc"}');
INSERT INTO public.run_products VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 'deploy-0', '{"backups": ["@FILES@/.vigilo-backups/host-0001.demo.test.key.vigilo-01a22e2a-7940-713a-ae7d-85d93169c81d.bak", "@FILES@/.vigilo-backups/host-0001.demo.test.crt.vigilo-01a22e2a-7940-713a-ae7d-85d93169c81d.bak"], "product": "deployed", "replaced": {"leaf": "d0b8f27fefd3e4314fa16bdfebc4e5be13e1fb19af67aa391dd34309359cae54", "not_after": "2026-12-10T20:34:22Z"}, "installed": "5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3", "already_there": false, "reload_output": ""}');
INSERT INTO public.run_products VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 'verify', '{"product": "verified", "snapshots": [{"id": "01a22e2a-7bb3-718e-9e53-62bd6bcf44fc", "sans": ["host-0001.demo.test"], "looks": 12, "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=Pebble Intermediate CA 561fca", "serial": "7b358b6facd2a431", "dialled": "127.0.0.1:@PORT@", "subject": "", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIICWDCCAUCgAwIBAgIIezWLb6zSpDEwDQYJKoZIhvcNAQELBQAwKDEmMCQGA1UE\nAxMdUGViYmxlIEludGVybWVkaWF0ZSBDQSA1NjFmY2EwHhcNMjYxMTMwMjAzNDI1\nWhcNMjcwMjI4MjAzNDI0WjAAMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELUol\nab0qink7tcz3NbLsmOcQq7+I2Yk+50QGL7IOwC7BVINIPukYMYZgxPo8CocFzN7s\nDixUe87bRtFLdEdzPqN5MHcwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsG\nAQUFBwMBMAwGA1UdEwEB/wQCMAAwHwYDVR0jBBgwFoAUcAOVFxy4b+2ERL+64P4I\nRV7xZwIwIQYDVR0RAQH/BBcwFYITaG9zdC0wMDAxLmRlbW8udGVzdDANBgkqhkiG\n9w0BAQsFAAOCAQEAAmonCOgUSEoURgw9AcxhOShLemfGjDB/pU16JwxDd2mk4Ou1\neCCu35pA791lGyRqu/gkbdEAL/naPYXrJzpr3ImUwvfM/BMs5axqVAEt0qOIGMpQ\nFwWduKSUU8pZeGQ/7nBC7x6kZWmb9LkhL8LIKNqornpVAtnQ1/IHRhn1xuNsf1XL\nj95k+sp82t5P4o92NwcNN/wfOb8DpQxra43Vl74XQO07Ba9UN+GVyQQWebE1HM3a\njXwnWkZMjMI08Nf3dzrazs2Y5FWMvIBdbULCFJhrVSTaQu4oPa54A6tSLndUlD5i\n2mjeoMT6Sgv7Arrp/SiQQlmMk3ioEer/RPArcA==\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.843164Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIICWDCCAUCgAwIBAgIIezWLb6zSpDEwDQYJKoZIhvcNAQELBQAwKDEmMCQGA1UE\nAxMdUGViYmxlIEludGVybWVkaWF0ZSBDQSA1NjFmY2EwHhcNMjYxMTMwMjAzNDI1\nWhcNMjcwMjI4MjAzNDI0WjAAMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELUol\nab0qink7tcz3NbLsmOcQq7+I2Yk+50QGL7IOwC7BVINIPukYMYZgxPo8CocFzN7s\nDixUe87bRtFLdEdzPqN5MHcwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsG\nAQUFBwMBMAwGA1UdEwEB/wQCMAAwHwYDVR0jBBgwFoAUcAOVFxy4b+2ERL+64P4I\nRV7xZwIwIQYDVR0RAQH/BBcwFYITaG9zdC0wMDAxLmRlbW8udGVzdDANBgkqhkiG\n9w0BAQsFAAOCAQEAAmonCOgUSEoURgw9AcxhOShLemfGjDB/pU16JwxDd2mk4Ou1\neCCu35pA791lGyRqu/gkbdEAL/naPYXrJzpr3ImUwvfM/BMs5axqVAEt0qOIGMpQ\nFwWduKSUU8pZeGQ/7nBC7x6kZWmb9LkhL8LIKNqornpVAtnQ1/IHRhn1xuNsf1XL\nj95k+sp82t5P4o92NwcNN/wfOb8DpQxra43Vl74XQO07Ba9UN+GVyQQWebE1HM3a\njXwnWkZMjMI08Nf3dzrazs2Y5FWMvIBdbULCFJhrVSTaQu4oPa54A6tSLndUlD5i\n2mjeoMT6Sgv7Arrp/SiQQlmMk3ioEer/RPArcA==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMIIDRDCCAiygAwIBAgIIZC8NZxm76IcwDQYJKoZIhvcNAQELBQAwIDEeMBwGA1UE\nAxMVUGViYmxlIFJvb3QgQ0EgNGQ1MjEwMCAXDTI2MTEzMDIwMzQyMloYDzIwNTYx\nMTMwMjAzNDIyWjAoMSYwJAYDVQQDEx1QZWJibGUgSW50ZXJtZWRpYXRlIENBIDU2\nMWZjYTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAKmQ14PzG6LFP6On\ntXviGHAJCl/jShSW0DFbJvIhD40c8tMY1WHTuAfFGz0oPXzJhy8gF+mJzxVFcYF/\nOHV68uzAORabz6xZ4heciim84K82KaZyv5wOdA/AOHVzpZk55KIS0eZXgZjAymMC\n2Qm9hXpe4R+UF0M95aAC8tmSLGMSI+Gizs5h8fNk3OmH30jm+ztzFGfeLfk2rI36\n372dawhXhvcF8g3Szsr5GldEPA17bB9i0SkrzsFWu5jVo+DbI+H113vlbHHJBnKl\n1dALoDHZNKsrXsE/DPnpRyfUysund2h3sluA4c31vh9xwLDQwmQlKauKgz+RRJ1A\nGRMxIa0CAwEAAaN4MHYwDgYDVR0PAQH/BAQDAgKEMBMGA1UdJQQMMAoGCCsGAQUF\nBwMBMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFHADlRccuG/thES/uuD+CEVe\n8WcCMB8GA1UdIwQYMBaAFNRCKGad2uwiBuSuiOxyno4CQ0VIMA0GCSqGSIb3DQEB\nCwUAA4IBAQA/QCWX2sZHB1fbe5LIKDY3vgs8nuGETz77JmSfvnciYnfQo99drr55\nk5MWDNRNPr35PrCP+SqAPXzN/ao1gMhEG49tNSDXDMcrPojpmgNPtOTUzSrACpvp\ngZP+8uGkz2mlH664hm0pooW3TzTIGrMupZt8J4Q12L96ARvMLyliAGKu4NdMx8tT\nuP29kImSrKwwmVzzvELfzQhDN4qurudSIcuGx7VLtmuy2hT2qeyNuD/KH9rdJk5u\n67Wdercc9zNrzXfLXIMtMBjC34H0o9pzbXsmrf5hwBQ/GCVQrP84mtOzKiJC2ThE\nLCnEY0ggJOsdJ9eKPEs6YFDNfMJT1fhK\n-----END CERTIFICATE-----\n", "not_after": "2027-02-28T20:34:24Z", "not_before": "2026-11-30T20:34:25Z", "fingerprint": "5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3", "chain_problem": null, "chain_trusted": true, "chain_fingerprints": ["5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3", "4d745cd86126ef74223e66fa7f23a67ccf74e93372f2e81288e7660a6f4024c7"], "signature_algorithm": "sha256WithRSAEncryption"}]}');
INSERT INTO public.run_products VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 'prepare-key', '{"csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\nMIHuMIGWAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASeQDoZQG+IwHI5\nxnqAh9FjRcWMfT10BpWsubiznNEIA6eirX7/CLHW5orulRFSxXP23MW+rX2RQ6VX\naZ7fwHFwoDQwMgYJKoZIhvcNAQkOMSUwIzAhBgNVHREBAf8EFzAVghNob3N0LTAw\nMDIuZGVtby50ZXN0MAoGCCqGSM49BAMCA0cAMEQCIDuz4oaZ5wPfeebdQnLTqwBj\nsMZW1Cst5uXAzicqZ+krAiB/w4/mWpytHem1B5zjdNQ1CRqYYbi4YWwTjMqPlLAr\nFw==\n-----END CERTIFICATE REQUEST-----\n", "product": "prepared_key", "sealed_key": "cmek:v1:root1-c116534d0962@01a22e2a-7bec-7572-9053-31b1bcc57cef:g5BuP-PP9kIJWd8BLlQT648WGWBGtdZlqkgkWMUVT_kp4PgYCM2__VT_DhzklMZC1EwprUe5EYbfR4Dn:vYchb9ocakHA4APu8wUZCJI8_iPOxM51ASEJY0UR6LDP7t7DozbH18ebTvTnaF63Tw9rFT1mCB71jXda9KZbEPtOacnoC1rKNOuRCP_7BTknzjVafhEO5wvbntDirr9ntYCvnbOyub8MYOuYMNi7SZYnxGZbCrhrOV9JQkHDVM5K59l_voTMPYtF1PcecXXfCYbGwfPdv8IOaUvLGwuTw9dFwEwzmoxdThT0K3iR2Rxyl5YVqltpykUj_A5X3UI-YX3UStC8RCymnnbud_lXAqWEksUGK7lHhIwrSe6WCkNJTRzYPpd98OSXMqnX-JrT5lfWHOyr-IWuUU2mxALYJvvbQGlnHnGu5mXlHVg"}');
INSERT INTO public.run_products VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 'issue', '{"leaf": {"sans": ["host-0002.demo.test"], "issuer": "CN=Pebble Intermediate CA 561fca", "serial": "33154249a1b92a7b", "subject": "", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "not_after": "2027-02-28T20:34:24Z", "not_before": "2026-11-30T20:34:25Z", "fingerprint": "6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025", "signature_algorithm": "sha256WithRSAEncryption"}, "tokens": [], "product": "issued", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIICWDCCAUCgAwIBAgIIMxVCSaG5KnswDQYJKoZIhvcNAQELBQAwKDEmMCQGA1UE\nAxMdUGViYmxlIEludGVybWVkaWF0ZSBDQSA1NjFmY2EwHhcNMjYxMTMwMjAzNDI1\nWhcNMjcwMjI4MjAzNDI0WjAAMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEnkA6\nGUBviMByOcZ6gIfRY0XFjH09dAaVrLm4s5zRCAOnoq1+/wix1uaK7pURUsVz9tzF\nvq19kUOlV2me38BxcKN5MHcwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsG\nAQUFBwMBMAwGA1UdEwEB/wQCMAAwHwYDVR0jBBgwFoAUcAOVFxy4b+2ERL+64P4I\nRV7xZwIwIQYDVR0RAQH/BBcwFYITaG9zdC0wMDAyLmRlbW8udGVzdDANBgkqhkiG\n9w0BAQsFAAOCAQEApvIQMBQ0U5eTXV326P9Kfhv7mFu3DBRr0nD7N7Qpsvs8w9rg\ncVqBMUGVi3wNxjIoS8h1I6wArD9ge9hc5aT3mPtewLfdmIAIExwiaGwj1hkYWsOW\nch5vLMsNoX0ejHeTrPBhAY9pcKL7Plhe3Bx5lWKn5o9RZCtdT+ZoL+i9JNIDwohv\nuDJP0ocLzUEcL18ievX7qyoxNXEBOv6iyGJKxcm6JfC8/czonLs7EaeMp4IypH+7\nKm+Kmqbm1wXVXXHJIuVu1Rt/BimQ5O9QEFerAifGHgpyQT0sDSF0iLb6hUFJdzTk\nYeRm3G1yjsaPHbuviijv5GHPO6YkeTDNau035Q==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMIIDRDCCAiygAwIBAgIIZC8NZxm76IcwDQYJKoZIhvcNAQELBQAwIDEeMBwGA1UE\nAxMVUGViYmxlIFJvb3QgQ0EgNGQ1MjEwMCAXDTI2MTEzMDIwMzQyMloYDzIwNTYx\nMTMwMjAzNDIyWjAoMSYwJAYDVQQDEx1QZWJibGUgSW50ZXJtZWRpYXRlIENBIDU2\nMWZjYTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAKmQ14PzG6LFP6On\ntXviGHAJCl/jShSW0DFbJvIhD40c8tMY1WHTuAfFGz0oPXzJhy8gF+mJzxVFcYF/\nOHV68uzAORabz6xZ4heciim84K82KaZyv5wOdA/AOHVzpZk55KIS0eZXgZjAymMC\n2Qm9hXpe4R+UF0M95aAC8tmSLGMSI+Gizs5h8fNk3OmH30jm+ztzFGfeLfk2rI36\n372dawhXhvcF8g3Szsr5GldEPA17bB9i0SkrzsFWu5jVo+DbI+H113vlbHHJBnKl\n1dALoDHZNKsrXsE/DPnpRyfUysund2h3sluA4c31vh9xwLDQwmQlKauKgz+RRJ1A\nGRMxIa0CAwEAAaN4MHYwDgYDVR0PAQH/BAQDAgKEMBMGA1UdJQQMMAoGCCsGAQUF\nBwMBMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFHADlRccuG/thES/uuD+CEVe\n8WcCMB8GA1UdIwQYMBaAFNRCKGad2uwiBuSuiOxyno4CQ0VIMA0GCSqGSIb3DQEB\nCwUAA4IBAQA/QCWX2sZHB1fbe5LIKDY3vgs8nuGETz77JmSfvnciYnfQo99drr55\nk5MWDNRNPr35PrCP+SqAPXzN/ao1gMhEG49tNSDXDMcrPojpmgNPtOTUzSrACpvp\ngZP+8uGkz2mlH664hm0pooW3TzTIGrMupZt8J4Q12L96ARvMLyliAGKu4NdMx8tT\nuP29kImSrKwwmVzzvELfzQhDN4qurudSIcuGx7VLtmuy2hT2qeyNuD/KH9rdJk5u\n67Wdercc9zNrzXfLXIMtMBjC34H0o9pzbXsmrf5hwBQ/GCVQrP84mtOzKiJC2ThE\nLCnEY0ggJOsdJ9eKPEs6YFDNfMJT1fhK\n-----END CERTIFICATE-----\n", "order_url": "https://127.0.0.1:@CA_0_PORT@/my-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM"}');
INSERT INTO public.run_products VALUES ('01a22e2a-8c85-72f4-9314-ca80f7cf4fc0', 'prepare-key', '{"csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\nMIHvMIGWAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASpj1t2pcNYWOp0\nVXttOKsVnOqswWxU5MLsjSfWqw/hGDqkAQ18DPxmCktJl83+YRxLSSyJD4mm+Cst\n5hAkxglFoDQwMgYJKoZIhvcNAQkOMSUwIzAhBgNVHREBAf8EFzAVghNob3N0LTAw\nMDcuZGVtby50ZXN0MAoGCCqGSM49BAMCA0gAMEUCIDQM0YoURSXwhN7j7KSFpvKz\nPYzdX4HyVd5vcKk5cY0QAiEAhBJYa/GKiNe9y9uj9zhdHm8iu2yn1KBC11SlNTep\n/Fw=\n-----END CERTIFICATE REQUEST-----\n", "product": "prepared_key", "sealed_key": "cmek:v1:root1-c116534d0962@01a22e2a-8c85-72f4-9314-ca80f7cf4fc0:kaTsKj99ySUNHPwQbWaae8l3de8PWS5Mo2Isi_8e2HCNBJGTpzlqDRESYI1aCy8uSys5vGP-c3reUyzB:-RO_I4xV5SsAfOT8xVjNXKaoM5lA3x-i7jRTIhiIK2YaApX5hAT5Hq8ez3o1erkDYuL3tqlEXTut2wPMD2TUHAyUlRpu7k4meWJS3xRL-22SaI4p0FC9t14J3rY5tLVIxBKKQelqlNHD7aDcswDI6KMK7zZn1JA7XGMb2uhVov2o7XcbKQgbeA2Ys0h-uMpvpEQ84Dp9s9zQ-Cyk05IkoBEPLfGRezXBVRJnd6Dk0us48V8AUBE82p_rRADQRWvGGNUSd0nUTYtBGgNAJKujBcJQjVeEkJKEIP_V1qeV1vx-d7VIoLrnnqbYP3kPtUAiwX-vj1upeOTAw5sDXUVX8o9HS8FAHFfsVIgF4xY"}');
INSERT INTO public.run_products VALUES ('01a22e2a-8c78-75b0-a47d-00592058ffe2', 'prepare-key', '{"csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\nMIHuMIGWAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ1Ifm+vwYkmJ2k\nw7qsKxVk+QgvKkYt5+xb16gtlRV4PETgAPktduJcfvQezLX5xpawEVZrXMT0gIsQ\nzvHl85rWoDQwMgYJKoZIhvcNAQkOMSUwIzAhBgNVHREBAf8EFzAVghNob3N0LTAw\nMDYuZGVtby50ZXN0MAoGCCqGSM49BAMCA0cAMEQCIAF10V5t3ccmkd7aQf2m66Qb\nrV1KV9kYHSHooo5SztZUAiAUFr7FKnUt5p2BI8WnuOW2h2uzlrvZDsAnc4HJecoL\nNw==\n-----END CERTIFICATE REQUEST-----\n", "product": "prepared_key", "sealed_key": "cmek:v1:root1-c116534d0962@01a22e2a-8c78-75b0-a47d-00592058ffe2:kre0H1TdzFwVl3jnKzSZ0f8shBOymzloAd-dMec8dt76o2e_vphbfUwcw56fCVhbs4jrNzX-aU_--jpI:cjju2hVZJwjX8H1uEoAKx5S6X1TIbPAgp7za85E-LVbypMpBoBHPjmZTrUkXvvFtFHZYB9YBF1-PD4sHb4I0eq0BSvSMPUs5RqLot7zmn0fdqkYmNvfuqq3xtWucHbOVVMqoVe8awmPm7nuNc2XKRbT_HdVOhldpG68VuCk97aeqi0SurBYlDhO5pBN7t1XA-WTW11GArcn99vDO-xaCapfmD4zhgv_c_WC5Vh9uFq5To3WZ-hqPmSljUUEO5QodBIl-I-tThhClDH1NtlRQF45gs1U_TYjZnbLjS-I6YmVXO8NdCvpqWGeHqRwKDTVJUpn0h-bwjcQEy-cOzJx0bSMqpDm5--tOXEsWKcs"}');
INSERT INTO public.run_products VALUES ('01a22e2a-8c78-75b0-a47d-005855dd29f1', 'prepare-key', '{"csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\nMIHvMIGWAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATpoM/vwmgtZcZw\njJMvRWS2+CP2wIdgZcb5ylW1WJ7VFhVrO+PT3ziR6U46suiq60ThK1LyO8d+jYay\nwrvSWp8EoDQwMgYJKoZIhvcNAQkOMSUwIzAhBgNVHREBAf8EFzAVghNob3N0LTAw\nMDUuZGVtby50ZXN0MAoGCCqGSM49BAMCA0gAMEUCIQDh0YfDqhIDZrevVByiN6u+\nWBvDvK3IyPxQRT2pTNBAxwIgT9cbfVtWG1Vqhr1GAGM0gu6BZ9gkz7wMvCbnoS5V\nopU=\n-----END CERTIFICATE REQUEST-----\n", "product": "prepared_key", "sealed_key": "cmek:v1:root1-c116534d0962@01a22e2a-8c78-75b0-a47d-005855dd29f1:foWTViAv-5mbbd3yUNRBODwZSgTtjrUgoXLISPT7it7AgQ6ZPD7E6a_xdOmCoVHJhQCcTO4T3qU9b3ty:YMgCPfhofARLwWMZfwN0zLWxo4SSVlra5A12Tfd7Q5YPt3yYhNqe7jefRvX2nDFarBdfIPMG7w-M6KL8n_j4kjikprcfPx9rUW31pPFLOsDwegG_5vuekcPq4FM96zrVNuPAbPe7aqd5AzX1aUhS_DT4peTUGheNfPcTAVag4sfx1wj4Lm9R0_iWkJGVjlyN2O_mHp-6ZAt5LZE8nDFALB_hxLtzWf04yZ5FcvWRlEFcNKlcvm9PFp6MlEJg7AldE0Ye9Ekdkc5YqNnzhZd4lqraHDLI7X8TTj-NKRUq3KdeVDNJJltrTHhVHf2ZXkm59zSlEupjiO21UtKT2g1HOQ3f0TYmQI1FhZANsXY"}');


--
-- Data for Name: run_steps; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.run_steps VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 1, 'prepare-key', 'done', 'key made and CSR signed', 'key-signer/24039', '2026-11-30 20:34:25.332143+00', '2026-11-30 20:34:25.332768+00', '[{"at": "2026-11-30T20:34:25.332726Z", "name": "certificate request is signed by its key", "passed": true, "advisory": false, "evidence": "p256"}]', '[{"at": "2026-11-30T20:34:25.332753Z", "level": "info", "fields": {"algorithm": "p256"}, "message": "made a new key"}]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 2, 'issue', 'resting', 'made the key of a new ACME account', 'issuer/24047', '2026-11-30 20:34:25.385416+00', '2026-11-30 20:34:25.447064+00', '[{"at": "2026-11-30T20:34:25.259596Z", "name": "the targets can take a certificate", "passed": true, "advisory": false, "evidence": "before a certificate was ordered: the directory, permission, mount, owner and activation of its target"}, {"at": "2026-11-30T20:34:25.447039Z", "name": "ACME account key made", "passed": true, "advisory": false, "evidence": "sealed; registered with the next order"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 3, 'issue', 'resting', 'the order at the CA is https://127.0.0.1:@CA_0_PORT@/my-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc', 'issuer/24047', '2026-11-30 20:34:25.513842+00', '2026-11-30 20:34:25.52776+00', '[{"at": "2026-11-30T20:34:25.527735Z", "name": "order opened at the CA", "passed": true, "advisory": false, "evidence": "https://127.0.0.1:@CA_0_PORT@/my-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc"}]', '[{"at": "2026-11-30T20:34:25.523931Z", "level": "info", "fields": {"account": "https://127.0.0.1:@CA_0_PORT@/my-account/2cd6cb3ce45f02cc"}, "message": "the ACME account is ready"}]', '[{"at": "2026-11-30T20:34:25.517766Z", "url": "@CA_0@", "method": "GET", "status": 200, "request": "", "took_ms": 2, "response": "{\"keyChange\":\"https://127.0.0.1:@CA_0_PORT@/rollover-account-key\",\"meta\":{\"caaIdentities\":[\"pebble.letsencrypt.org\"],\"externalAccountRequired\":false,\"profiles\":{\"default\":\"what this test CA usually issues\"},\"termsOfService\":\"data:text/plain,Do%20what%20thou%20wilt\"},\"newAccount\":\"https://127.0.0.1:@CA_0_PORT@/sign-me-up\",\"newNonce\":\"https://127.0.0.1:@CA_0_PORT@/nonce-plz\",\"newOrder\":\"https://127.0.0.1:@CA_0_PORT@/order-plz\",\"renewalInfo\":\"https://127.0.0.1:@CA_0_PORT@/draft-ietf-acme-ari-03/renewalInfo\",\"revokeCert\":\"https://127.0.0.1:@CA_0_PORT@/revoke-cert\"}"}, {"at": "2026-11-30T20:34:25.520364Z", "url": "https://127.0.0.1:@CA_0_PORT@/nonce-plz", "method": "HEAD", "status": 200, "request": "", "took_ms": 0, "response": ""}, {"at": "2026-11-30T20:34:25.521531Z", "url": "https://127.0.0.1:@CA_0_PORT@/sign-me-up", "method": "POST", "status": 201, "request": "{\"contact\":[],\"termsOfServiceAgreed\":true}", "took_ms": 2, "response": "{\"key\":{\"alg\":\"ES256\",\"crv\":\"P-256\",\"kty\":\"EC\",\"use\":\"sig\",\"x\":\"dgBcvgORoYcKdB7GrOD2J-aqpqw8gGCIe9eheArdAiU\",\"y\":\"4POyasRq2DD0FMTWQHsoRIvFND55e-2taY8CcFWQHQw\"},\"orders\":\"https://127.0.0.1:@CA_0_PORT@/list-orderz/2cd6cb3ce45f02cc\",\"status\":\"valid\"}"}, {"at": "2026-11-30T20:34:25.524114Z", "url": "https://127.0.0.1:@CA_0_PORT@/order-plz", "method": "POST", "status": 201, "request": "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0001.demo.test\"}]}", "took_ms": 1, "response": "{\"authorizations\":[\"https://127.0.0.1:@CA_0_PORT@/authZ/QbAZWvRaOErUsx2MuGDEYmqbu0qFgeYSGjm5rXouG3A\"],\"expires\":\"2026-12-01T20:34:25Z\",\"finalize\":\"https://127.0.0.1:@CA_0_PORT@/finalize-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0001.demo.test\"}],\"profile\":\"default\",\"status\":\"pending\"}"}, {"at": "2026-11-30T20:34:25.526087Z", "url": "https://127.0.0.1:@CA_0_PORT@/authZ/QbAZWvRaOErUsx2MuGDEYmqbu0qFgeYSGjm5rXouG3A", "method": "POST", "status": 200, "request": "", "took_ms": 1, "response": "{\"challenges\":[{\"status\":\"pending\",\"token\":\"(redacted)\",\"type\":\"http-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/x5wGd4nkH0oeg86JK_3VeIf-AhOImHd6NM5rNMLIDj4\"},{\"status\":\"pending\",\"token\":\"(redacted)\",\"type\":\"dns-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/1oYQwJuENKT0EZHFa-oqypIs1PzNDxKw44-okxQUiAU\"},{\"status\":\"pending\",\"token\":\"(redacted)\",\"type\":\"tls-alpn-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/3CwEo31iBG-V_nJhKGzi3AeKDogbBzGpzInCVAhb9pU\"},{\"issuer-domain-names\":[\"pebble.letsencrypt.org\"],\"status\":\"pending\",\"type\":\"dns-persist-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/gfNT9E8BZHGCNcLwWszAOrWbpWl36ECBJM9jrqQDYCo\"},{\"status\":\"pending\",\"token\":\"(redacted)\",\"type\":\"dns-account-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/AvYrwRCTTRsm-6BrSeRZffuhz7jkDcuprCeFEJfPBZs\"}],\"expires\":\"2026-11-30T21:34:25Z\",\"identifier\":{\"type\":\"dns\",\"value\":\"host-0001.demo.test\"},\"status\":\"pending\"}"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 4, 'issue', 'done', 'CN=Pebble Intermediate CA 561fca issued serial 7b358b6facd2a431, good until 2027-02-28T20:34:24Z', 'issuer/24047', '2026-11-30 20:34:25.566977+00', '2026-11-30 20:34:25.612322+00', '[{"at": "2026-11-30T20:34:25.567979Z", "name": "challenge presented for host-0001.demo.test", "passed": true, "advisory": false, "evidence": "http-01, at every issuer"}, {"at": "2026-11-30T20:34:25.590172Z", "name": "the CA has seen every name", "passed": true, "advisory": false, "evidence": "the order is ready"}, {"at": "2026-11-30T20:34:25.611455Z", "name": "certificate issued", "passed": true, "advisory": false, "evidence": "serial 7b358b6facd2a431 until 2027-02-28T20:34:24Z"}, {"at": "2026-11-30T20:34:25.6123Z", "name": "challenge responses removed", "passed": true, "advisory": false, "evidence": "1"}]', '[]', '[{"at": "2026-11-30T20:34:25.568235Z", "url": "https://127.0.0.1:@CA_0_PORT@/chalZ/x5wGd4nkH0oeg86JK_3VeIf-AhOImHd6NM5rNMLIDj4", "method": "POST", "status": 200, "request": "{}", "took_ms": 2, "response": "{\"status\":\"processing\",\"token\":\"(redacted)\",\"type\":\"http-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/x5wGd4nkH0oeg86JK_3VeIf-AhOImHd6NM5rNMLIDj4\"}"}, {"at": "2026-11-30T20:34:25.587332Z", "url": "https://127.0.0.1:@CA_0_PORT@/my-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc", "method": "POST", "status": 200, "request": "", "took_ms": 1, "response": "{\"authorizations\":[\"https://127.0.0.1:@CA_0_PORT@/authZ/QbAZWvRaOErUsx2MuGDEYmqbu0qFgeYSGjm5rXouG3A\"],\"expires\":\"2026-12-01T20:34:25Z\",\"finalize\":\"https://127.0.0.1:@CA_0_PORT@/finalize-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0001.demo.test\"}],\"profile\":\"default\",\"status\":\"ready\"}"}, {"at": "2026-11-30T20:34:25.590393Z", "url": "https://127.0.0.1:@CA_0_PORT@/finalize-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc", "method": "POST", "status": 200, "request": "{\"csr\":\"MIHuMIGWAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQtSiVpvSqKeTu1zPc1suyY5xCrv4jZiT7nRAYvsg7ALsFUg0g-6RgxhmDE-jwKhwXM3uwOLFR7zttG0Ut0R3M-oDQwMgYJKoZIhvcNAQkOMSUwIzAhBgNVHREBAf8EFzAVghNob3N0LTAwMDEuZGVtby50ZXN0MAoGCCqGSM49BAMCA0cAMEQCIHkvB7H12CYX0eDIaZtvWZWTbzIWXJcpwDPCq3FcAo_0AiByyKoR_sGEMBOJCvfrVqnj1b0KV12ulEhR4C3TRviKsg\"}", "took_ms": 1, "response": "{\"authorizations\":[\"https://127.0.0.1:@CA_0_PORT@/authZ/QbAZWvRaOErUsx2MuGDEYmqbu0qFgeYSGjm5rXouG3A\"],\"expires\":\"2026-12-01T20:34:25Z\",\"finalize\":\"https://127.0.0.1:@CA_0_PORT@/finalize-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0001.demo.test\"}],\"profile\":\"default\",\"status\":\"processing\"}"}, {"at": "2026-11-30T20:34:25.608737Z", "url": "https://127.0.0.1:@CA_0_PORT@/my-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc", "method": "POST", "status": 200, "request": "", "took_ms": 1, "response": "{\"authorizations\":[\"https://127.0.0.1:@CA_0_PORT@/authZ/QbAZWvRaOErUsx2MuGDEYmqbu0qFgeYSGjm5rXouG3A\"],\"certificate\":\"https://127.0.0.1:@CA_0_PORT@/certZ/7b358b6facd2a431\",\"expires\":\"2026-12-01T20:34:25Z\",\"finalize\":\"https://127.0.0.1:@CA_0_PORT@/finalize-order/7p6p02yfHM1xwYdNxbeo2yBr9za08M24JdJHneT7CHc\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0001.demo.test\"}],\"profile\":\"default\",\"status\":\"valid\"}"}, {"at": "2026-11-30T20:34:25.610101Z", "url": "https://127.0.0.1:@CA_0_PORT@/certZ/7b358b6facd2a431", "method": "POST", "status": 200, "request": "", "took_ms": 0, "response": "(the certificate chain, 2067 bytes)"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 5, 'deploy-0', 'done', 'installed 5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3', 'deployer/24050', '2026-11-30 20:34:25.67163+00', '2026-11-30 20:34:25.716094+00', '[{"at": "2026-11-30T20:34:25.675448Z", "name": "key and chain match", "passed": true, "advisory": false, "evidence": "5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3"}, {"at": "2026-11-30T20:34:25.683451Z", "name": "installed", "passed": true, "advisory": false, "evidence": "5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3 in place of d0b8f27fefd3e4314fa16bdfebc4e5be13e1fb19af67aa391dd34309359cae54 (CN=old certificate of the testkit), good until 2026-12-10T20:34:22Z"}, {"at": "2026-11-30T20:34:25.683468Z", "name": "what was there before is kept", "passed": true, "advisory": false, "evidence": "d0b8f27fefd3e4314fa16bdfebc4e5be13e1fb19af67aa391dd34309359cae54 can be put back from @FILES@/.vigilo-backups/host-0001.demo.test.key.vigilo-01a22e2a-7940-713a-ae7d-85d93169c81d.bak, @FILES@/.vigilo-backups/host-0001.demo.test.crt.vigilo-01a22e2a-7940-713a-ae7d-85d93169c81d.bak"}, {"at": "2026-11-30T20:34:25.716055Z", "name": "activated", "passed": true, "advisory": false, "evidence": "the command printed nothing"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 6, 'verify', 'done', 'served as issued: 12 looks, 1 leaf at 1 address', 'verifier/24055', '2026-11-30 20:34:25.759561+00', '2026-11-30 20:34:25.843835+00', '[{"at": "2026-11-30T20:34:25.843808Z", "name": "the new certificate is served at 127.0.0.1:@PORT@", "passed": true, "advisory": false, "evidence": "5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3; 12 looks, 1 leaf"}, {"at": "2026-11-30T20:34:25.843812Z", "name": "the chain at 127.0.0.1:@PORT@ is complete", "passed": true, "advisory": false, "evidence": "2 of 2 issued certificates"}, {"at": "2026-11-30T20:34:25.843813Z", "name": "each certificate at 127.0.0.1:@PORT@ is signed by the next", "passed": true, "advisory": false, "evidence": "2 certificates"}, {"at": "2026-11-30T20:34:25.843814Z", "name": "the certificate at 127.0.0.1:@PORT@ covers every name", "passed": true, "advisory": false, "evidence": "host-0001.demo.test"}, {"at": "2026-11-30T20:34:25.843815Z", "name": "the certificate at 127.0.0.1:@PORT@ is valid now", "passed": true, "advisory": false, "evidence": "until 2027-02-28T20:34:24Z"}, {"at": "2026-11-30T20:34:25.843818Z", "name": "the chain at 127.0.0.1:@PORT@ is trusted", "passed": true, "advisory": true, "evidence": "it leads to a trusted root"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 1, 'prepare-key', 'done', 'key made and CSR signed', 'key-signer/24039', '2026-11-30 20:34:25.930358+00', '2026-11-30 20:34:25.930801+00', '[{"at": "2026-11-30T20:34:25.930769Z", "name": "certificate request is signed by its key", "passed": true, "advisory": false, "evidence": "p256"}]', '[{"at": "2026-11-30T20:34:25.930789Z", "level": "info", "fields": {"algorithm": "p256"}, "message": "made a new key"}]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 5, 'deploy-0', 'retry', 'DEP-0014: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing); what was there before was put back, and the server refuses that too: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing). It was broken before this run, and the new pair is not to blame; again at 2026-11-30T20:34:28Z', 'deployer/24050', '2026-11-30 20:34:27.25151+00', '2026-11-30 20:34:27.268605+00', '[{"at": "2026-11-30T20:34:27.255315Z", "name": "key and chain match", "passed": true, "advisory": false, "evidence": "6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025"}, {"at": "2026-11-30T20:34:27.258411Z", "name": "installed", "passed": true, "advisory": false, "evidence": "6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025 in place of 4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc (CN=old certificate of the testkit), good until 2026-12-10T20:34:22Z"}, {"at": "2026-11-30T20:34:27.258434Z", "name": "what was there before is kept", "passed": true, "advisory": false, "evidence": "4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc can be put back from @FILES@/.vigilo-backups/host-0002.demo.test.key.vigilo-01a22e2a-7bec-7572-9053-31b1bcc57cef.bak, @FILES@/.vigilo-backups/host-0002.demo.test.crt.vigilo-01a22e2a-7bec-7572-9053-31b1bcc57cef.bak"}, {"at": "2026-11-30T20:34:27.260403Z", "name": "activated", "passed": false, "advisory": false, "evidence": "the command `/bin/false` ended with exit code 1"}, {"at": "2026-11-30T20:34:27.267019Z", "name": "put back", "passed": true, "advisory": false, "evidence": "4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc in place of 6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025"}, {"at": "2026-11-30T20:34:27.26852Z", "name": "activated", "passed": false, "advisory": false, "evidence": "the command `/bin/false` ended with exit code 1"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 2, 'issue', 'resting', 'the order at the CA is https://127.0.0.1:@CA_0_PORT@/my-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM', 'issuer/24047', '2026-11-30 20:34:25.956246+00', '2026-11-30 20:34:25.960062+00', '[{"at": "2026-11-30T20:34:25.919695Z", "name": "the targets can take a certificate", "passed": true, "advisory": false, "evidence": "before a certificate was ordered: the directory, permission, mount, owner and activation of its target"}, {"at": "2026-11-30T20:34:25.960036Z", "name": "order opened at the CA", "passed": true, "advisory": false, "evidence": "https://127.0.0.1:@CA_0_PORT@/my-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM"}]', '[]', '[{"at": "2026-11-30T20:34:25.956605Z", "url": "https://127.0.0.1:@CA_0_PORT@/order-plz", "method": "POST", "status": 201, "request": "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0002.demo.test\"}]}", "took_ms": 2, "response": "{\"authorizations\":[\"https://127.0.0.1:@CA_0_PORT@/authZ/VrWeqcMpGFWyweMh6-RlMpOpHCjMtR6Obryv8n5ApQs\"],\"expires\":\"2026-12-01T20:34:25Z\",\"finalize\":\"https://127.0.0.1:@CA_0_PORT@/finalize-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0002.demo.test\"}],\"profile\":\"default\",\"status\":\"pending\"}"}, {"at": "2026-11-30T20:34:25.959099Z", "url": "https://127.0.0.1:@CA_0_PORT@/authZ/VrWeqcMpGFWyweMh6-RlMpOpHCjMtR6Obryv8n5ApQs", "method": "POST", "status": 200, "request": "", "took_ms": 0, "response": "{\"challenges\":[{\"status\":\"pending\",\"token\":\"(redacted)\",\"type\":\"dns-account-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/S24rOf7HEqGfNMGVJL6bNZ1IdicL2mJJPhg3WT6ty-E\"},{\"status\":\"pending\",\"token\":\"(redacted)\",\"type\":\"dns-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/guEV1LuNN2bNHvUjuD_pKolsWIsQxB3RFA5JARUtCmE\"},{\"status\":\"pending\",\"token\":\"(redacted)\",\"type\":\"http-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/zeWPFbKuW0kfXaFESqW1MLz_5A-Sobjcmuo8HEFkwQE\"},{\"status\":\"pending\",\"token\":\"(redacted)\",\"type\":\"tls-alpn-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/9tns8_t5ahlj-KK-zRmhUZCZTC4sp7avprOpon9Zgas\"},{\"issuer-domain-names\":[\"pebble.letsencrypt.org\"],\"status\":\"pending\",\"type\":\"dns-persist-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/UrNbAtXOYMvU5QPq8YM8nPMMLucuJKQJK57V_HracOo\"}],\"expires\":\"2026-11-30T21:34:25Z\",\"identifier\":{\"type\":\"dns\",\"value\":\"host-0002.demo.test\"},\"status\":\"pending\"}"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 4, 'deploy-0', 'retry', 'DEP-0014: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing); what was there before was put back, and the server refuses that too: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing). It was broken before this run, and the new pair is not to blame; again at 2026-11-30T20:34:27Z', 'deployer/24050', '2026-11-30 20:34:26.050078+00', '2026-11-30 20:34:26.102099+00', '[{"at": "2026-11-30T20:34:26.055531Z", "name": "key and chain match", "passed": true, "advisory": false, "evidence": "6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025"}, {"at": "2026-11-30T20:34:26.067971Z", "name": "installed", "passed": true, "advisory": false, "evidence": "6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025 in place of 4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc (CN=old certificate of the testkit), good until 2026-12-10T20:34:22Z"}, {"at": "2026-11-30T20:34:26.067987Z", "name": "what was there before is kept", "passed": true, "advisory": false, "evidence": "4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc can be put back from @FILES@/.vigilo-backups/host-0002.demo.test.key.vigilo-01a22e2a-7bec-7572-9053-31b1bcc57cef.bak, @FILES@/.vigilo-backups/host-0002.demo.test.crt.vigilo-01a22e2a-7bec-7572-9053-31b1bcc57cef.bak"}, {"at": "2026-11-30T20:34:26.076672Z", "name": "activated", "passed": false, "advisory": false, "evidence": "the command `/bin/false` ended with exit code 1"}, {"at": "2026-11-30T20:34:26.099333Z", "name": "put back", "passed": true, "advisory": false, "evidence": "4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc in place of 6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025"}, {"at": "2026-11-30T20:34:26.102031Z", "name": "activated", "passed": false, "advisory": false, "evidence": "the command `/bin/false` ended with exit code 1"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-005855dd29f1', 5, 'issue', 'retry', 'ISS-0005: the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111); again at 2026-11-30T20:34:33Z', 'issuer/24047', '2026-11-30 20:34:32.829331+00', '2026-11-30 20:34:32.833498+00', '[]', '[]', '[{"at": "2026-11-30T20:34:32.83307Z", "url": "@CA_1@", "method": "GET", "status": 0, "request": "", "took_ms": 0, "response": "(client error (Connect): tcp connect error: Connection refused (os error 111))"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 3, 'issue', 'done', 'CN=Pebble Intermediate CA 561fca issued serial 33154249a1b92a7b, good until 2027-02-28T20:34:24Z', 'issuer/24047', '2026-11-30 20:34:25.969105+00', '2026-11-30 20:34:26.013327+00', '[{"at": "2026-11-30T20:34:25.969696Z", "name": "challenge presented for host-0002.demo.test", "passed": true, "advisory": false, "evidence": "http-01, at every issuer"}, {"at": "2026-11-30T20:34:25.989859Z", "name": "the CA has seen every name", "passed": true, "advisory": false, "evidence": "the order is ready"}, {"at": "2026-11-30T20:34:26.012048Z", "name": "certificate issued", "passed": true, "advisory": false, "evidence": "serial 33154249a1b92a7b until 2027-02-28T20:34:24Z"}, {"at": "2026-11-30T20:34:26.013304Z", "name": "challenge responses removed", "passed": true, "advisory": false, "evidence": "1"}]', '[]', '[{"at": "2026-11-30T20:34:25.96985Z", "url": "https://127.0.0.1:@CA_0_PORT@/chalZ/zeWPFbKuW0kfXaFESqW1MLz_5A-Sobjcmuo8HEFkwQE", "method": "POST", "status": 200, "request": "{}", "took_ms": 1, "response": "{\"status\":\"processing\",\"token\":\"(redacted)\",\"type\":\"http-01\",\"url\":\"https://127.0.0.1:@CA_0_PORT@/chalZ/zeWPFbKuW0kfXaFESqW1MLz_5A-Sobjcmuo8HEFkwQE\"}"}, {"at": "2026-11-30T20:34:25.987574Z", "url": "https://127.0.0.1:@CA_0_PORT@/my-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM", "method": "POST", "status": 200, "request": "", "took_ms": 1, "response": "{\"authorizations\":[\"https://127.0.0.1:@CA_0_PORT@/authZ/VrWeqcMpGFWyweMh6-RlMpOpHCjMtR6Obryv8n5ApQs\"],\"expires\":\"2026-12-01T20:34:25Z\",\"finalize\":\"https://127.0.0.1:@CA_0_PORT@/finalize-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0002.demo.test\"}],\"profile\":\"default\",\"status\":\"ready\"}"}, {"at": "2026-11-30T20:34:25.990003Z", "url": "https://127.0.0.1:@CA_0_PORT@/finalize-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM", "method": "POST", "status": 200, "request": "{\"csr\":\"MIHuMIGWAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASeQDoZQG-IwHI5xnqAh9FjRcWMfT10BpWsubiznNEIA6eirX7_CLHW5orulRFSxXP23MW-rX2RQ6VXaZ7fwHFwoDQwMgYJKoZIhvcNAQkOMSUwIzAhBgNVHREBAf8EFzAVghNob3N0LTAwMDIuZGVtby50ZXN0MAoGCCqGSM49BAMCA0cAMEQCIDuz4oaZ5wPfeebdQnLTqwBjsMZW1Cst5uXAzicqZ-krAiB_w4_mWpytHem1B5zjdNQ1CRqYYbi4YWwTjMqPlLArFw\"}", "took_ms": 1, "response": "{\"authorizations\":[\"https://127.0.0.1:@CA_0_PORT@/authZ/VrWeqcMpGFWyweMh6-RlMpOpHCjMtR6Obryv8n5ApQs\"],\"expires\":\"2026-12-01T20:34:25Z\",\"finalize\":\"https://127.0.0.1:@CA_0_PORT@/finalize-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0002.demo.test\"}],\"profile\":\"default\",\"status\":\"processing\"}"}, {"at": "2026-11-30T20:34:26.008102Z", "url": "https://127.0.0.1:@CA_0_PORT@/my-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM", "method": "POST", "status": 200, "request": "", "took_ms": 1, "response": "{\"authorizations\":[\"https://127.0.0.1:@CA_0_PORT@/authZ/VrWeqcMpGFWyweMh6-RlMpOpHCjMtR6Obryv8n5ApQs\"],\"certificate\":\"https://127.0.0.1:@CA_0_PORT@/certZ/33154249a1b92a7b\",\"expires\":\"2026-12-01T20:34:25Z\",\"finalize\":\"https://127.0.0.1:@CA_0_PORT@/finalize-order/vfR2Yxr6uOt68qlha3DkTA6N_pppi32rs9zQujc58KM\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"host-0002.demo.test\"}],\"profile\":\"default\",\"status\":\"valid\"}"}, {"at": "2026-11-30T20:34:26.009815Z", "url": "https://127.0.0.1:@CA_0_PORT@/certZ/33154249a1b92a7b", "method": "POST", "status": 200, "request": "", "took_ms": 1, "response": "(the certificate chain, 2067 bytes)"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-00592058ffe2', 3, 'issue', 'retry', 'ISS-0005: the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111); again at 2026-11-30T20:34:31Z', 'issuer/24047', '2026-11-30 20:34:30.301896+00', '2026-11-30 20:34:30.305304+00', '[]', '[]', '[{"at": "2026-11-30T20:34:30.304831Z", "url": "@CA_1@", "method": "GET", "status": 0, "request": "", "took_ms": 0, "response": "(client error (Connect): tcp connect error: Connection refused (os error 111))"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-005855dd29f1', 3, 'issue', 'retry', 'ISS-0005: the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111); again at 2026-11-30T20:34:31Z', 'issuer/24047', '2026-11-30 20:34:30.302581+00', '2026-11-30 20:34:30.307734+00', '[]', '[]', '[{"at": "2026-11-30T20:34:30.307435Z", "url": "@CA_1@", "method": "GET", "status": 0, "request": "", "took_ms": 0, "response": "(client error (Connect): tcp connect error: Connection refused (os error 111))"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c85-72f4-9314-ca80f7cf4fc0', 3, 'issue', 'retry', 'ISS-0005: the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111); again at 2026-11-30T20:34:31Z', 'issuer/24047', '2026-11-30 20:34:30.304101+00', '2026-11-30 20:34:30.310154+00', '[]', '[]', '[{"at": "2026-11-30T20:34:30.309867Z", "url": "@CA_1@", "method": "GET", "status": 0, "request": "", "took_ms": 0, "response": "(client error (Connect): tcp connect error: Connection refused (os error 111))"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 6, 'deploy-0', 'retry', 'DEP-0014: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing); what was there before was put back, and the server refuses that too: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing). It was broken before this run, and the new pair is not to blame; again at 2026-11-30T20:34:29Z', 'deployer/24050', '2026-11-30 20:34:28.533045+00', '2026-11-30 20:34:28.547514+00', '[{"at": "2026-11-30T20:34:28.536606Z", "name": "key and chain match", "passed": true, "advisory": false, "evidence": "6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025"}, {"at": "2026-11-30T20:34:28.542033Z", "name": "installed", "passed": true, "advisory": false, "evidence": "6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025 in place of 4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc (CN=old certificate of the testkit), good until 2026-12-10T20:34:22Z"}, {"at": "2026-11-30T20:34:28.542054Z", "name": "what was there before is kept", "passed": true, "advisory": false, "evidence": "4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc can be put back from @FILES@/.vigilo-backups/host-0002.demo.test.key.vigilo-01a22e2a-7bec-7572-9053-31b1bcc57cef.bak, @FILES@/.vigilo-backups/host-0002.demo.test.crt.vigilo-01a22e2a-7bec-7572-9053-31b1bcc57cef.bak"}, {"at": "2026-11-30T20:34:28.543803Z", "name": "activated", "passed": false, "advisory": false, "evidence": "the command `/bin/false` ended with exit code 1"}, {"at": "2026-11-30T20:34:28.545963Z", "name": "put back", "passed": true, "advisory": false, "evidence": "4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc in place of 6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025"}, {"at": "2026-11-30T20:34:28.547461Z", "name": "activated", "passed": false, "advisory": false, "evidence": "the command `/bin/false` ended with exit code 1"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c85-72f4-9314-ca80f7cf4fc0', 2, 'issue', 'resting', 'made the key of a new ACME account', 'issuer/24047', '2026-11-30 20:34:30.258318+00', '2026-11-30 20:34:30.261319+00', '[{"at": "2026-11-30T20:34:30.164269Z", "name": "the targets can take a certificate", "passed": true, "advisory": false, "evidence": "before a certificate was ordered: the directory, permission, mount, owner and activation of its target"}, {"at": "2026-11-30T20:34:30.261297Z", "name": "ACME account key made", "passed": true, "advisory": false, "evidence": "sealed; registered with the next order"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-00592058ffe2', 2, 'issue', 'resting', 'made the key of a new ACME account', 'issuer/24047', '2026-11-30 20:34:30.259221+00', '2026-11-30 20:34:30.261721+00', '[{"at": "2026-11-30T20:34:30.164269Z", "name": "the targets can take a certificate", "passed": true, "advisory": false, "evidence": "before a certificate was ordered: the directory, permission, mount, owner and activation of its target"}, {"at": "2026-11-30T20:34:30.261708Z", "name": "ACME account key made", "passed": true, "advisory": false, "evidence": "sealed; registered with the next order"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-005855dd29f1', 2, 'issue', 'resting', 'made the key of a new ACME account', 'issuer/24047', '2026-11-30 20:34:30.257928+00', '2026-11-30 20:34:30.263202+00', '[{"at": "2026-11-30T20:34:30.164269Z", "name": "the targets can take a certificate", "passed": true, "advisory": false, "evidence": "before a certificate was ordered: the directory, permission, mount, owner and activation of its target"}, {"at": "2026-11-30T20:34:30.263188Z", "name": "ACME account key made", "passed": true, "advisory": false, "evidence": "sealed; registered with the next order"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c85-72f4-9314-ca80f7cf4fc0', 5, 'issue', 'retry', 'ISS-0005: the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111); again at 2026-11-30T20:34:33Z', 'issuer/24047', '2026-11-30 20:34:32.578899+00', '2026-11-30 20:34:32.581816+00', '[]', '[]', '[{"at": "2026-11-30T20:34:32.581408Z", "url": "@CA_1@", "method": "GET", "status": 0, "request": "", "took_ms": 0, "response": "(client error (Connect): tcp connect error: Connection refused (os error 111))"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 7, 'deploy-0', 'retry', 'DEP-0014: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing); what was there before was put back, and the server refuses that too: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing). It was broken before this run, and the new pair is not to blame; again at 2026-12-01T21:59:23Z', 'deployer/24050', '2026-11-30 20:34:29.85391+00', '2026-11-30 20:34:29.876863+00', '[{"at": "2026-11-30T20:34:29.858249Z", "name": "key and chain match", "passed": true, "advisory": false, "evidence": "6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025"}, {"at": "2026-11-30T20:34:29.870638Z", "name": "installed", "passed": true, "advisory": false, "evidence": "6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025 in place of 4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc (CN=old certificate of the testkit), good until 2026-12-10T20:34:22Z"}, {"at": "2026-11-30T20:34:29.870666Z", "name": "what was there before is kept", "passed": true, "advisory": false, "evidence": "4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc can be put back from @FILES@/.vigilo-backups/host-0002.demo.test.key.vigilo-01a22e2a-7bec-7572-9053-31b1bcc57cef.bak, @FILES@/.vigilo-backups/host-0002.demo.test.crt.vigilo-01a22e2a-7bec-7572-9053-31b1bcc57cef.bak"}, {"at": "2026-11-30T20:34:29.873139Z", "name": "activated", "passed": false, "advisory": false, "evidence": "the command `/bin/false` ended with exit code 1"}, {"at": "2026-11-30T20:34:29.875448Z", "name": "put back", "passed": true, "advisory": false, "evidence": "4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc in place of 6d0becda6255df7d6bbde0f891344c0d867d73a9f01f1ff9a7398d9dc38ba025"}, {"at": "2026-11-30T20:34:29.876809Z", "name": "activated", "passed": false, "advisory": false, "evidence": "the command `/bin/false` ended with exit code 1"}]', '[]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c85-72f4-9314-ca80f7cf4fc0', 1, 'prepare-key', 'done', 'key made and CSR signed', 'key-signer/24039', '2026-11-30 20:34:30.17469+00', '2026-11-30 20:34:30.175195+00', '[{"at": "2026-11-30T20:34:30.175161Z", "name": "certificate request is signed by its key", "passed": true, "advisory": false, "evidence": "p256"}]', '[{"at": "2026-11-30T20:34:30.175181Z", "level": "info", "fields": {"algorithm": "p256"}, "message": "made a new key"}]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-00592058ffe2', 1, 'prepare-key', 'done', 'key made and CSR signed', 'key-signer/24039', '2026-11-30 20:34:30.175563+00', '2026-11-30 20:34:30.17583+00', '[{"at": "2026-11-30T20:34:30.175813Z", "name": "certificate request is signed by its key", "passed": true, "advisory": false, "evidence": "p256"}]', '[{"at": "2026-11-30T20:34:30.175822Z", "level": "info", "fields": {"algorithm": "p256"}, "message": "made a new key"}]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-005855dd29f1', 1, 'prepare-key', 'done', 'key made and CSR signed', 'key-signer/24039', '2026-11-30 20:34:30.173806+00', '2026-11-30 20:34:30.176188+00', '[{"at": "2026-11-30T20:34:30.17617Z", "name": "certificate request is signed by its key", "passed": true, "advisory": false, "evidence": "p256"}]', '[{"at": "2026-11-30T20:34:30.17618Z", "level": "info", "fields": {"algorithm": "p256"}, "message": "made a new key"}]', '[]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c85-72f4-9314-ca80f7cf4fc0', 4, 'issue', 'retry', 'ISS-0005: the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111); again at 2026-11-30T20:34:32Z', 'issuer/24047', '2026-11-30 20:34:31.516566+00', '2026-11-30 20:34:31.519576+00', '[]', '[]', '[{"at": "2026-11-30T20:34:31.519121Z", "url": "@CA_1@", "method": "GET", "status": 0, "request": "", "took_ms": 0, "response": "(client error (Connect): tcp connect error: Connection refused (os error 111))"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-00592058ffe2', 4, 'issue', 'retry', 'ISS-0005: the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111); again at 2026-11-30T20:34:32Z', 'issuer/24047', '2026-11-30 20:34:31.51725+00', '2026-11-30 20:34:31.522188+00', '[]', '[]', '[{"at": "2026-11-30T20:34:31.521907Z", "url": "@CA_1@", "method": "GET", "status": 0, "request": "", "took_ms": 0, "response": "(client error (Connect): tcp connect error: Connection refused (os error 111))"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-005855dd29f1', 4, 'issue', 'retry', 'ISS-0005: the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111); again at 2026-11-30T20:34:32Z', 'issuer/24047', '2026-11-30 20:34:31.517627+00', '2026-11-30 20:34:31.524561+00', '[]', '[]', '[{"at": "2026-11-30T20:34:31.52423Z", "url": "@CA_1@", "method": "GET", "status": 0, "request": "", "took_ms": 0, "response": "(client error (Connect): tcp connect error: Connection refused (os error 111))"}]');
INSERT INTO public.run_steps VALUES ('01a22e2a-8c78-75b0-a47d-00592058ffe2', 5, 'issue', 'retry', 'ISS-0005: the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111); again at 2026-11-30T20:34:33Z', 'issuer/24047', '2026-11-30 20:34:32.556677+00', '2026-11-30 20:34:32.559721+00', '[]', '[]', '[{"at": "2026-11-30T20:34:32.559267Z", "url": "@CA_1@", "method": "GET", "status": 0, "request": "", "took_ms": 0, "response": "(client error (Connect): tcp connect error: Connection refused (os error 111))"}]');


--
-- Data for Name: runs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.runs VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 'default', '01a22e2a-78d6-7332-b07b-52bdad052325', '01a22e2a-78e7-73bc-962b-d969c0533030', NULL, 'host-0001.demo.test', 'high', 'live', 'operator', 'owner', '{"port": @PORT@, "names": ["host-0001.demo.test"], "choice": {"why": "@CA_0@ (price not known): the policy names it; it is not in the catalogue", "provider": "acme", "directory_url": "@CA_0@", "cost_micro_usd": null}, "ladder": {"then_seconds": 86400, "rungs_seconds": [1, 1, 1]}, "notify": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0001.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0001.demo.test.crt"}], "hostname": "host-0001.demo.test", "addresses": ["127.0.0.1"], "challenge": "http-01", "expires_at": null, "criticality": "high", "key_backend": "local", "key_rotation": "always", "key_algorithm": "p256"}', '2026-11-30 20:34:25.200912+00', 'succeeded', 'ended', NULL, NULL, 2, 1796070265200912, NULL, NULL, 6, 0, NULL, NULL, '{"ending": "succeeded"}', NULL, '{"tidied": true, "targets": [{"target": "installed", "replaced": {"leaf": "d0b8f27fefd3e4314fa16bdfebc4e5be13e1fb19af67aa391dd34309359cae54", "not_after": "2026-12-10T20:34:22Z"}}], "verified": true}', NULL, '2026-11-30 20:34:25.845185+00', NULL, true, false, 'succeeded', NULL);
INSERT INTO public.runs VALUES ('01a22e2a-8c78-75b0-a47d-00592058ffe2', 'default', '01a22e2a-78d6-7332-b07b-52c22437d140', '01a22e2a-78e7-73bc-962b-d96e3669599c', '01a22e2a-8bff-7556-82c3-7a847ff8b635', 'host-0006.demo.test', 'high', 'live', 'bulk', 'owner', '{"port": @PORT@, "names": ["host-0006.demo.test"], "choice": {"why": "@CA_1@ (price not known): the policy names it; it is not in the catalogue", "provider": "acme", "directory_url": "@CA_1@", "cost_micro_usd": null}, "ladder": {"then_seconds": 86400, "rungs_seconds": [1, 1, 1]}, "notify": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0006.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0006.demo.test.crt"}], "hostname": "host-0006.demo.test", "addresses": ["127.0.0.1"], "challenge": "http-01", "expires_at": "2026-12-10T20:34:22Z", "criticality": "high", "key_backend": "local", "key_rotation": "always", "key_algorithm": "p256"}', '2026-11-30 20:34:30.116567+00', 'running', 'waiting', 'issue', 'issue @CA_1@', 2, 1796070271116567, NULL, '2026-11-30 20:34:33.561581+00', 5, 3, '{"because": "retry", "failure": {"code": "ISS-0005", "hint": "see the CA''s status page; the run goes on by itself", "what": "the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111)", "cause": {"ca": {"down": {"busy": false}}}}}', NULL, NULL, '{"checkpoint": "acme_account_key", "sealed_key": "cmek:v1:root1-c116534d0962:YIaug2wENNLMoiYSsrhB0CdEZxpg2q9xBW6NOOYX69t34SSixcGL4uF3KxiIk7oJtLHN3BbbdidXk0Vm:au5QWFc60uZUW7knE_wpO-y1w_ucpEdYg95dpe8n_-AS_rzc9TDnjWf9GkVEJiAE9aXFMMaNUMWnImnq-9lacrKj6K07KZ8oVs3-vWa25P-gpnCNL4u2ywXszzQhv7TVG2Ey6bj5GD7L4ZTI_51q817AUzmxKSsqTFTG2emq57ZZccxWgozmZcBsA89TnI4JPYY_OFHPBMdxnWlmawgDD3YLwmPFaQ"}', '{"targets": [{"target": "pending"}], "verified": false, "failing_since": "2026-11-30T20:34:30.318693Z"}', NULL, '2026-11-30 20:34:32.572047+00', NULL, true, false, 'running', NULL);
INSERT INTO public.runs VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 'default', '01a22e2a-78d6-7332-b07b-52be286625fd', '01a22e2a-78e7-73bc-962b-d96ae8f42753', NULL, 'host-0002.demo.test', 'high', 'live', 'operator', 'owner', '{"port": @PORT@, "names": ["host-0002.demo.test"], "choice": {"why": "@CA_0@ (price not known): the policy names it; it is not in the catalogue", "provider": "acme", "directory_url": "@CA_0@", "cost_micro_usd": null}, "ladder": {"then_seconds": 86400, "rungs_seconds": [1, 1, 1]}, "notify": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "picky", "key_path": "@FILES@/host-0002.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0002.demo.test.crt"}], "hostname": "host-0002.demo.test", "addresses": ["127.0.0.1"], "challenge": "http-01", "expires_at": "2026-12-10T20:34:22Z", "criticality": "high", "key_backend": "local", "key_rotation": "always", "key_algorithm": "p256"}', '2026-11-30 20:34:25.895226+00', 'needs_manual', 'asking', 'deploy-0', 'deployer again', 2, 1796070266200912, NULL, '2026-12-01 20:34:29.878612+00', 7, 3, NULL, '{"code": "DEP-0014", "hint": "mend the server''s configuration until it can be activated, then resume", "what": "the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing); what was there before was put back, and the server refuses that too: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing). It was broken before this run, and the new pair is not to blame", "cause": "target", "answers": ["resume", "resolve", "cancel"]}', NULL, NULL, '{"tidied": true, "targets": [{"target": "stuck", "question": {"code": "DEP-0014", "hint": "mend the server''s configuration until it can be activated, then resume", "what": "the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing); what was there before was put back, and the server refuses that too: the command `/bin/false` ended with exit code 1; the activation''s own output: (it printed nothing). It was broken before this run, and the new pair is not to blame", "cause": "target", "answers": ["resume", "resolve", "cancel"]}, "retry_at": "2026-12-01T20:34:29.878612Z"}], "verified": false, "failing_since": "2026-11-30T20:34:26.103179Z"}', NULL, '2026-11-30 20:34:29.878612+00', NULL, true, false, 'needs_manual', NULL);
INSERT INTO public.runs VALUES ('01a22e2a-8c85-72f4-9314-ca80f7cf4fc0', 'default', '01a22e2a-78d6-7332-b07b-52c3ad0f6550', '01a22e2a-78e7-73bc-962b-d96f09406912', NULL, 'host-0007.demo.test', 'high', 'live', 'operator', 'owner', '{"port": @PORT@, "names": ["host-0007.demo.test"], "choice": {"why": "@CA_1@ (price not known): the policy names it; it is not in the catalogue", "provider": "acme", "directory_url": "@CA_1@", "cost_micro_usd": null}, "ladder": {"then_seconds": 86400, "rungs_seconds": [1, 1, 1]}, "notify": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0007.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0007.demo.test.crt"}], "hostname": "host-0007.demo.test", "addresses": ["127.0.0.1"], "challenge": "http-01", "expires_at": "2026-12-10T20:34:22Z", "criticality": "high", "key_backend": "local", "key_rotation": "always", "key_algorithm": "p256"}', '2026-11-30 20:34:30.117175+00', 'running', 'waiting', 'issue', 'issue @CA_1@', 2, 1796070272116567, NULL, '2026-11-30 20:34:33.629333+00', 5, 3, '{"because": "retry", "failure": {"code": "ISS-0005", "hint": "see the CA''s status page; the run goes on by itself", "what": "the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111)", "cause": {"ca": {"down": {"busy": false}}}}}', NULL, NULL, '{"checkpoint": "acme_account_key", "sealed_key": "cmek:v1:root1-c116534d0962:09VB1i-yVO2EGkYj33B_ezu96QNhmsCed_tVQQgP4aQy58534t7yluxC0UBxWS84kwWmFWT3tGD9m5Cn:jSc_xN1frxz5jpL8oKC3TEbcGDKGd-oFYHqYbyGW8KpDtxrWvK3s-R_BLM-PnhUn0cNp_noH-6XrNjNyE5dz3O1CFxvbwtG3_hv4AmHma0Bry4hOUeHOmkTkgfK3_9_zWveiusuRsT5OvpD2zyGuzPp611neNjYBtqo68Tpv1fMSC2whVpKplsMrjru835x-d_qSQQlX6jGJIhY9bNzyxlhv1etNjg"}', '{"targets": [{"target": "pending"}], "verified": false, "failing_since": "2026-11-30T20:34:30.318693Z"}', NULL, '2026-11-30 20:34:32.583882+00', NULL, true, false, 'running', NULL);
INSERT INTO public.runs VALUES ('01a22e2a-8c78-75b0-a47d-005855dd29f1', 'default', '01a22e2a-78d6-7332-b07b-52c1fb1bb537', '01a22e2a-78e7-73bc-962b-d96d0930131d', '01a22e2a-8bff-7556-82c3-7a847ff8b635', 'host-0005.demo.test', 'high', 'live', 'bulk', 'owner', '{"port": @PORT@, "names": ["host-0005.demo.test"], "choice": {"why": "@CA_1@ (price not known): the policy names it; it is not in the catalogue", "provider": "acme", "directory_url": "@CA_1@", "cost_micro_usd": null}, "ladder": {"then_seconds": 86400, "rungs_seconds": [1, 1, 1]}, "notify": [], "targets": [{"kind": "file", "group": null, "owner": null, "reload": null, "activate": "estate-nginx", "key_path": "@FILES@/host-0005.demo.test.key", "serves_at": [], "chain_path": "@FILES@/host-0005.demo.test.crt"}], "hostname": "host-0005.demo.test", "addresses": ["127.0.0.1"], "challenge": "http-01", "expires_at": "2026-12-10T20:34:22Z", "criticality": "high", "key_backend": "local", "key_rotation": "always", "key_algorithm": "p256"}', '2026-11-30 20:34:30.116567+00', 'running', 'waiting', 'issue', 'issue @CA_1@', 2, 1796070270116567, NULL, '2026-11-30 20:34:33.866946+00', 5, 3, '{"because": "retry", "failure": {"code": "ISS-0005", "hint": "see the CA''s status page; the run goes on by itself", "what": "the CA cannot be used now: @CA_1@: client error (Connect): tcp connect error: Connection refused (os error 111)", "cause": {"ca": {"down": {"busy": false}}}}}', NULL, NULL, '{"checkpoint": "acme_account_key", "sealed_key": "cmek:v1:root1-c116534d0962:FXkZ5CtiR709thpEwdiUAxWPHt8r7LSNcwjZdXdo3McVgASIloIzHYMu2odXYHJgOLwrTcewzAlk5Ajw:QSqSdVffV6IhxWNxHoG7dnSjHZ0wZxOXywRC8ZCIHU3eKK947UkNHN8nSWpwNn_sExRTi8CztKc8BcmSuxaMkss0drTFt6GdVrat18lOt0KFMqTkc6HNqNpGvAFM8ssXN65moZhew9VhzMABdKNa1Jq4PbJpq-eHhDXdkAm93D07UyxXP2uD2mMw1L9-fWpI26muA6vFRg4N8TUMOe8qcSdf72aC1w"}', '{"targets": [{"target": "pending"}], "verified": false, "failing_since": "2026-11-30T20:34:30.318693Z"}', NULL, '2026-11-30 20:34:32.834483+00', NULL, true, false, 'running', NULL);


--
-- Data for Name: snapshots; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.snapshots VALUES ('01a22e2a-7a0b-71cc-9c60-644aa47ab6e6', 'default', '01a22e2a-78d6-7332-b07b-52bf608b0841', NULL, '127.0.0.1:@PORT@', '2026-11-30 20:34:25.4196+00', '6d5d405d83f1c5df3e5df0055e25da63d36d2ea0b703788191f2e44787536348', '2026-12-10 20:34:22+00', '{"id": "01a22e2a-7a0b-71cc-9c60-644aa47ab6e6", "sans": ["host-0003.demo.test"], "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=old certificate of the testkit", "serial": "7006a78f474a48f286579615b139fcc0455d86aa", "dialled": "127.0.0.1:@PORT@", "subject": "CN=old certificate of the testkit", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIIBdTCCARygAwIBAgIUcAanj0dKSPKGV5YVsTn8wEVdhqowCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nUOAmwBgVHcMzOrTiKyd0PdntrUuFgyPNcYocsqj7tKKr+939Ogl0/YtUqYhOiT3o\nGWmYe+0kBfG6gyB+slZzNKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDAzLmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNHADBEAiADo5jbetk5WSC9SLT26P29fKDhDnJbyWTg\nm80CC9+8YwIgCfa8tvm9ZF+wx/O4pvqSqMJnp3bzDgPTNN7b/HvGWjQ=\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.4196Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIIBdTCCARygAwIBAgIUcAanj0dKSPKGV5YVsTn8wEVdhqowCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nUOAmwBgVHcMzOrTiKyd0PdntrUuFgyPNcYocsqj7tKKr+939Ogl0/YtUqYhOiT3o\nGWmYe+0kBfG6gyB+slZzNKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDAzLmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNHADBEAiADo5jbetk5WSC9SLT26P29fKDhDnJbyWTg\nm80CC9+8YwIgCfa8tvm9ZF+wx/O4pvqSqMJnp3bzDgPTNN7b/HvGWjQ=\n-----END CERTIFICATE-----\n", "not_after": "2026-12-10T20:34:22Z", "not_before": "2026-09-11T20:34:22Z", "fingerprint": "6d5d405d83f1c5df3e5df0055e25da63d36d2ea0b703788191f2e44787536348", "chain_problem": "it leads to no trusted root: the root is not trusted here, or an intermediate is missing", "chain_trusted": false, "chain_fingerprints": ["6d5d405d83f1c5df3e5df0055e25da63d36d2ea0b703788191f2e44787536348"], "signature_algorithm": "ecdsa-with-SHA256"}');
INSERT INTO public.snapshots VALUES ('01a22e2a-7a0e-74ad-a86c-662e0aad150e', 'default', '01a22e2a-78d6-7332-b07b-52c3ad0f6550', NULL, '127.0.0.1:@PORT@', '2026-11-30 20:34:25.422289+00', '00212389f453767536532c84e422799c81bfe9f622b8f9ceb5123c73e0a9d9b0', '2026-12-10 20:34:22+00', '{"id": "01a22e2a-7a0e-74ad-a86c-662e0aad150e", "sans": ["host-0007.demo.test"], "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=old certificate of the testkit", "serial": "06e10674652cb2bd336b418c69bd82914d5e493a", "dialled": "127.0.0.1:@PORT@", "subject": "CN=old certificate of the testkit", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIIBdzCCARygAwIBAgIUBuEGdGUssr0za0GMab2CkU1eSTowCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n/Vm+kxBAvLUlHKUvaO80/fgdXmQw8DTZ6bjLIPxn4VpOWUurdARhMdZl8NFNTf1L\nFceD8hV+zXlfnIG0R/mbuKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA3LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNJADBGAiEA0YPa4jupOiUffMdVXIB5/8nKoS3jfSNY\nbKPBfLDGULMCIQDeOjJh/VyRLHmCQ+i6GIBSGZISHz8JhLt3f5NVvBnscg==\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.422289Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIIBdzCCARygAwIBAgIUBuEGdGUssr0za0GMab2CkU1eSTowCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n/Vm+kxBAvLUlHKUvaO80/fgdXmQw8DTZ6bjLIPxn4VpOWUurdARhMdZl8NFNTf1L\nFceD8hV+zXlfnIG0R/mbuKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA3LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNJADBGAiEA0YPa4jupOiUffMdVXIB5/8nKoS3jfSNY\nbKPBfLDGULMCIQDeOjJh/VyRLHmCQ+i6GIBSGZISHz8JhLt3f5NVvBnscg==\n-----END CERTIFICATE-----\n", "not_after": "2026-12-10T20:34:22Z", "not_before": "2026-09-11T20:34:22Z", "fingerprint": "00212389f453767536532c84e422799c81bfe9f622b8f9ceb5123c73e0a9d9b0", "chain_problem": "it leads to no trusted root: the root is not trusted here, or an intermediate is missing", "chain_trusted": false, "chain_fingerprints": ["00212389f453767536532c84e422799c81bfe9f622b8f9ceb5123c73e0a9d9b0"], "signature_algorithm": "ecdsa-with-SHA256"}');
INSERT INTO public.snapshots VALUES ('01a22e2a-7a0e-74ad-a86c-662f683412de', 'default', '01a22e2a-78d6-7332-b07b-52c496153bfd', NULL, '127.0.0.1:@PORT@', '2026-11-30 20:34:25.42263+00', '658a5d65b4a130af80f4356fe9fab191748e63f70e306a48a3a09d53044bd48f', '2026-12-10 20:34:22+00', '{"id": "01a22e2a-7a0e-74ad-a86c-662f683412de", "sans": ["host-0008.demo.test"], "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=old certificate of the testkit", "serial": "1a539e0d684473ed9c14f237a949fcbc2bdc015b", "dialled": "127.0.0.1:@PORT@", "subject": "CN=old certificate of the testkit", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIIBdjCCARygAwIBAgIUGlOeDWhEc+2cFPI3qUn8vCvcAVswCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nrQn5Iv+mc6mHRfvDBV2y/btGjsIbJGzjDP5VRgckFkw2k80ATtkRZejyw8qz8UKC\nVkGAflQ45NPGC62UeNTrtqMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA4LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNIADBFAiBtJwydJIPqsRd2MxzibYq2z3rvEhOI5Jv+\nHIQxPs7KXAIhALK8N9XIABaS/lkjq4MHRIRzEz2pVkLFPYWsGJPvHqk6\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.42263Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIIBdjCCARygAwIBAgIUGlOeDWhEc+2cFPI3qUn8vCvcAVswCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nrQn5Iv+mc6mHRfvDBV2y/btGjsIbJGzjDP5VRgckFkw2k80ATtkRZejyw8qz8UKC\nVkGAflQ45NPGC62UeNTrtqMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA4LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNIADBFAiBtJwydJIPqsRd2MxzibYq2z3rvEhOI5Jv+\nHIQxPs7KXAIhALK8N9XIABaS/lkjq4MHRIRzEz2pVkLFPYWsGJPvHqk6\n-----END CERTIFICATE-----\n", "not_after": "2026-12-10T20:34:22Z", "not_before": "2026-09-11T20:34:22Z", "fingerprint": "658a5d65b4a130af80f4356fe9fab191748e63f70e306a48a3a09d53044bd48f", "chain_problem": "it leads to no trusted root: the root is not trusted here, or an intermediate is missing", "chain_trusted": false, "chain_fingerprints": ["658a5d65b4a130af80f4356fe9fab191748e63f70e306a48a3a09d53044bd48f"], "signature_algorithm": "ecdsa-with-SHA256"}');
INSERT INTO public.snapshots VALUES ('01a22e2a-7a0f-72c2-b931-f607d2858ac1', 'default', '01a22e2a-78d6-7332-b07b-52c22437d140', NULL, '127.0.0.1:@PORT@', '2026-11-30 20:34:25.422958+00', '2cfa5acdf742e041a9f7f93b88db5453d2cac5b60a0e5414d0a293bdded429f3', '2026-12-10 20:34:22+00', '{"id": "01a22e2a-7a0f-72c2-b931-f607d2858ac1", "sans": ["host-0006.demo.test"], "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=old certificate of the testkit", "serial": "3cd3b8e29781f89ac5df24c008f144f612c41d6a", "dialled": "127.0.0.1:@PORT@", "subject": "CN=old certificate of the testkit", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIIBdTCCARygAwIBAgIUPNO44peB+JrF3yTACPFE9hLEHWowCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\ndvv+HnVhWR1xWf6z8fcOuyoyprO6ff1Eq43EINn+6RjbLniTOgHRY8YLOjWo8t0H\nh2GL1GtOoP/lYu8oLWZ6TqMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA2LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNHADBEAiBWZSgbZT3K3nOZC7g2pPDtrJT7Dz5Z/soM\nxM7VIjELUQIgFiS+Kuk7OWscvLyqXavVCtt7pyMDgbHwvEc3e47bX+U=\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.422958Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIIBdTCCARygAwIBAgIUPNO44peB+JrF3yTACPFE9hLEHWowCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\ndvv+HnVhWR1xWf6z8fcOuyoyprO6ff1Eq43EINn+6RjbLniTOgHRY8YLOjWo8t0H\nh2GL1GtOoP/lYu8oLWZ6TqMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA2LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNHADBEAiBWZSgbZT3K3nOZC7g2pPDtrJT7Dz5Z/soM\nxM7VIjELUQIgFiS+Kuk7OWscvLyqXavVCtt7pyMDgbHwvEc3e47bX+U=\n-----END CERTIFICATE-----\n", "not_after": "2026-12-10T20:34:22Z", "not_before": "2026-09-11T20:34:22Z", "fingerprint": "2cfa5acdf742e041a9f7f93b88db5453d2cac5b60a0e5414d0a293bdded429f3", "chain_problem": "it leads to no trusted root: the root is not trusted here, or an intermediate is missing", "chain_trusted": false, "chain_fingerprints": ["2cfa5acdf742e041a9f7f93b88db5453d2cac5b60a0e5414d0a293bdded429f3"], "signature_algorithm": "ecdsa-with-SHA256"}');
INSERT INTO public.snapshots VALUES ('01a22e2a-7a10-70f2-877a-2edf0305dcdb', 'default', '01a22e2a-78d6-7332-b07b-52be286625fd', NULL, '127.0.0.1:@PORT@', '2026-11-30 20:34:25.423653+00', '4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc', '2026-12-10 20:34:22+00', '{"id": "01a22e2a-7a10-70f2-877a-2edf0305dcdb", "sans": ["host-0002.demo.test"], "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=old certificate of the testkit", "serial": "63a075a461cec0abf6c83f8a95630a0e84e3ea82", "dialled": "127.0.0.1:@PORT@", "subject": "CN=old certificate of the testkit", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIIBdTCCARygAwIBAgIUY6B1pGHOwKv2yD+KlWMKDoTj6oIwCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nKCtEi8g8apjmSJDAleQQZXK0PrWhagoPK6A/BMyQ3ZI7UrwF+T7l0jTy0ZZMo50c\nQT8KLL/2eoiUeJqhoIUlgaMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDAyLmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNHADBEAiAEAKDpn35leDwmK6jP3lZy1DIXgS5BAiXo\nK2ZdNYzx2wIgFlUY5eZry6Q2enwOpbBpdAu0TZgQMtmF7ha0TvAyEDo=\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.423653Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIIBdTCCARygAwIBAgIUY6B1pGHOwKv2yD+KlWMKDoTj6oIwCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nKCtEi8g8apjmSJDAleQQZXK0PrWhagoPK6A/BMyQ3ZI7UrwF+T7l0jTy0ZZMo50c\nQT8KLL/2eoiUeJqhoIUlgaMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDAyLmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNHADBEAiAEAKDpn35leDwmK6jP3lZy1DIXgS5BAiXo\nK2ZdNYzx2wIgFlUY5eZry6Q2enwOpbBpdAu0TZgQMtmF7ha0TvAyEDo=\n-----END CERTIFICATE-----\n", "not_after": "2026-12-10T20:34:22Z", "not_before": "2026-09-11T20:34:22Z", "fingerprint": "4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc", "chain_problem": "it leads to no trusted root: the root is not trusted here, or an intermediate is missing", "chain_trusted": false, "chain_fingerprints": ["4119adc9090fd4adefcfa09fefb62098813f97784fedb38e972bb4caf51277fc"], "signature_algorithm": "ecdsa-with-SHA256"}');
INSERT INTO public.snapshots VALUES ('01a22e2a-7a13-7740-87e6-fd206a9d98ff', 'default', '01a22e2a-78d6-7332-b07b-52bdad052325', NULL, '127.0.0.1:@PORT@', '2026-11-30 20:34:25.427187+00', 'd0b8f27fefd3e4314fa16bdfebc4e5be13e1fb19af67aa391dd34309359cae54', '2026-12-10 20:34:22+00', '{"id": "01a22e2a-7a13-7740-87e6-fd206a9d98ff", "sans": ["host-0001.demo.test"], "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=old certificate of the testkit", "serial": "1f7c7857ba2cf32d45a0d9f1eb48a13053fcf2b6", "dialled": "127.0.0.1:@PORT@", "subject": "CN=old certificate of the testkit", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIIBdzCCARygAwIBAgIUH3x4V7os8y1FoNnx60ihMFP88rYwCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nUfxyfMhrHTWKoYSW1lq8xmiPObAcK5J1XT/2AedwVWj/inkL/HJzVolCY2bLV6K9\nK1th6foFs6vCBqoynesgjKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDAxLmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNJADBGAiEA7TPR1gL1WWBhORjqDKV7+tS7sJTlcnZS\n2ksmgZe0OWkCIQC3zPR8jCHH64ipvaAkOaRZHonKOQtBuoHLp/tLLssqBw==\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.427187Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIIBdzCCARygAwIBAgIUH3x4V7os8y1FoNnx60ihMFP88rYwCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nUfxyfMhrHTWKoYSW1lq8xmiPObAcK5J1XT/2AedwVWj/inkL/HJzVolCY2bLV6K9\nK1th6foFs6vCBqoynesgjKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDAxLmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNJADBGAiEA7TPR1gL1WWBhORjqDKV7+tS7sJTlcnZS\n2ksmgZe0OWkCIQC3zPR8jCHH64ipvaAkOaRZHonKOQtBuoHLp/tLLssqBw==\n-----END CERTIFICATE-----\n", "not_after": "2026-12-10T20:34:22Z", "not_before": "2026-09-11T20:34:22Z", "fingerprint": "d0b8f27fefd3e4314fa16bdfebc4e5be13e1fb19af67aa391dd34309359cae54", "chain_problem": "it leads to no trusted root: the root is not trusted here, or an intermediate is missing", "chain_trusted": false, "chain_fingerprints": ["d0b8f27fefd3e4314fa16bdfebc4e5be13e1fb19af67aa391dd34309359cae54"], "signature_algorithm": "ecdsa-with-SHA256"}');
INSERT INTO public.snapshots VALUES ('01a22e2a-7a13-7740-87e6-fd218ec3478c', 'default', '01a22e2a-78d6-7332-b07b-52c1fb1bb537', NULL, '127.0.0.1:@PORT@', '2026-11-30 20:34:25.427533+00', '52e5531757904f6504699512be438b4aa059171f70453cb7548fff3addf8ad11', '2026-12-10 20:34:22+00', '{"id": "01a22e2a-7a13-7740-87e6-fd218ec3478c", "sans": ["host-0005.demo.test"], "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=old certificate of the testkit", "serial": "1a2fba68870bb7752f36f26e23a0f473acb8bb65", "dialled": "127.0.0.1:@PORT@", "subject": "CN=old certificate of the testkit", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIIBdTCCARygAwIBAgIUGi+6aIcLt3UvNvJuI6D0c6y4u2UwCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n2eOWdp6QVw55f73+L4V5oe1GBwBUwLCvrc78dunJpcBrGNO/xWwUlFa4xNfYlqdP\nn75Sn9mlYOL3zy2fAVqxHKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA1LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNHADBEAiB3v0atP69rzDhSVOut6H0UT0AgHaNwOkuh\nz3GH6Ey/ygIgGyuO/8DdTawTL1GlMpDcQDdwRd6CILDlmtr+ejfaytg=\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.427533Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIIBdTCCARygAwIBAgIUGi+6aIcLt3UvNvJuI6D0c6y4u2UwCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n2eOWdp6QVw55f73+L4V5oe1GBwBUwLCvrc78dunJpcBrGNO/xWwUlFa4xNfYlqdP\nn75Sn9mlYOL3zy2fAVqxHKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA1LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNHADBEAiB3v0atP69rzDhSVOut6H0UT0AgHaNwOkuh\nz3GH6Ey/ygIgGyuO/8DdTawTL1GlMpDcQDdwRd6CILDlmtr+ejfaytg=\n-----END CERTIFICATE-----\n", "not_after": "2026-12-10T20:34:22Z", "not_before": "2026-09-11T20:34:22Z", "fingerprint": "52e5531757904f6504699512be438b4aa059171f70453cb7548fff3addf8ad11", "chain_problem": "it leads to no trusted root: the root is not trusted here, or an intermediate is missing", "chain_trusted": false, "chain_fingerprints": ["52e5531757904f6504699512be438b4aa059171f70453cb7548fff3addf8ad11"], "signature_algorithm": "ecdsa-with-SHA256"}');
INSERT INTO public.snapshots VALUES ('01a22e2a-7a13-7740-87e6-fd22eae290cd', 'default', '01a22e2a-78d6-7332-b07b-52c08cafc0f5', NULL, '127.0.0.1:@PORT@', '2026-11-30 20:34:25.427816+00', 'd5afaff54829c583058486cd88849299db03821451e2f989ea3764b53f920ad6', '2026-12-10 20:34:22+00', '{"id": "01a22e2a-7a13-7740-87e6-fd22eae290cd", "sans": ["host-0004.demo.test"], "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=old certificate of the testkit", "serial": "37bd85610a48ed1a03c8bb12e600768b1e0428a5", "dialled": "127.0.0.1:@PORT@", "subject": "CN=old certificate of the testkit", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIIBdjCCARygAwIBAgIUN72FYQpI7RoDyLsS5gB2ix4EKKUwCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nw1JgIDKnhQsm8DBi/rjlX3HsCQARwgeKilcd+9M+QZwY32dRgaLte23mVkyx+ci7\nS8pcvuSPar/rsyTz/KX+xKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA0LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNIADBFAiBHMVPbQFlKLvZvZRqcHGwgy7Xm+y2tY1h4\nMCu93xKUuwIhAKsXzSv+ZZ6rnT82iBNMvKwDAannkv3FyhrAWvGmVZfN\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.427816Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIIBdjCCARygAwIBAgIUN72FYQpI7RoDyLsS5gB2ix4EKKUwCgYIKoZIzj0EAwIw\nKTEnMCUGA1UEAwweb2xkIGNlcnRpZmljYXRlIG9mIHRoZSB0ZXN0a2l0MB4XDTI2\nMDkxMTIwMzQyMloXDTI2MTIxMDIwMzQyMlowKTEnMCUGA1UEAwweb2xkIGNlcnRp\nZmljYXRlIG9mIHRoZSB0ZXN0a2l0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\nw1JgIDKnhQsm8DBi/rjlX3HsCQARwgeKilcd+9M+QZwY32dRgaLte23mVkyx+ci7\nS8pcvuSPar/rsyTz/KX+xKMiMCAwHgYDVR0RBBcwFYITaG9zdC0wMDA0LmRlbW8u\ndGVzdDAKBggqhkjOPQQDAgNIADBFAiBHMVPbQFlKLvZvZRqcHGwgy7Xm+y2tY1h4\nMCu93xKUuwIhAKsXzSv+ZZ6rnT82iBNMvKwDAannkv3FyhrAWvGmVZfN\n-----END CERTIFICATE-----\n", "not_after": "2026-12-10T20:34:22Z", "not_before": "2026-09-11T20:34:22Z", "fingerprint": "d5afaff54829c583058486cd88849299db03821451e2f989ea3764b53f920ad6", "chain_problem": "it leads to no trusted root: the root is not trusted here, or an intermediate is missing", "chain_trusted": false, "chain_fingerprints": ["d5afaff54829c583058486cd88849299db03821451e2f989ea3764b53f920ad6"], "signature_algorithm": "ecdsa-with-SHA256"}');
INSERT INTO public.snapshots VALUES ('01a22e2a-7bb3-718e-9e53-62bd6bcf44fc', 'default', '01a22e2a-78d6-7332-b07b-52bdad052325', '01a22e2a-7940-713a-ae7d-85d93169c81d', '127.0.0.1:@PORT@', '2026-11-30 20:34:25.843164+00', '5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3', '2027-02-28 20:34:24+00', '{"id": "01a22e2a-7bb3-718e-9e53-62bd6bcf44fc", "sans": ["host-0001.demo.test"], "looks": 12, "probe": "served", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "issuer": "CN=Pebble Intermediate CA 561fca", "serial": "7b358b6facd2a431", "dialled": "127.0.0.1:@PORT@", "subject": "", "aia_urls": [], "crl_urls": [], "key_bits": 256, "key_type": "EC", "leaf_pem": "-----BEGIN CERTIFICATE-----\nMIICWDCCAUCgAwIBAgIIezWLb6zSpDEwDQYJKoZIhvcNAQELBQAwKDEmMCQGA1UE\nAxMdUGViYmxlIEludGVybWVkaWF0ZSBDQSA1NjFmY2EwHhcNMjYxMTMwMjAzNDI1\nWhcNMjcwMjI4MjAzNDI0WjAAMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELUol\nab0qink7tcz3NbLsmOcQq7+I2Yk+50QGL7IOwC7BVINIPukYMYZgxPo8CocFzN7s\nDixUe87bRtFLdEdzPqN5MHcwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsG\nAQUFBwMBMAwGA1UdEwEB/wQCMAAwHwYDVR0jBBgwFoAUcAOVFxy4b+2ERL+64P4I\nRV7xZwIwIQYDVR0RAQH/BBcwFYITaG9zdC0wMDAxLmRlbW8udGVzdDANBgkqhkiG\n9w0BAQsFAAOCAQEAAmonCOgUSEoURgw9AcxhOShLemfGjDB/pU16JwxDd2mk4Ou1\neCCu35pA791lGyRqu/gkbdEAL/naPYXrJzpr3ImUwvfM/BMs5axqVAEt0qOIGMpQ\nFwWduKSUU8pZeGQ/7nBC7x6kZWmb9LkhL8LIKNqornpVAtnQ1/IHRhn1xuNsf1XL\nj95k+sp82t5P4o92NwcNN/wfOb8DpQxra43Vl74XQO07Ba9UN+GVyQQWebE1HM3a\njXwnWkZMjMI08Nf3dzrazs2Y5FWMvIBdbULCFJhrVSTaQu4oPa54A6tSLndUlD5i\n2mjeoMT6Sgv7Arrp/SiQQlmMk3ioEer/RPArcA==\n-----END CERTIFICATE-----\n", "protocol": "TLSv1_2", "taken_at": "2026-11-30T20:34:25.843164Z", "chain_pem": "-----BEGIN CERTIFICATE-----\nMIICWDCCAUCgAwIBAgIIezWLb6zSpDEwDQYJKoZIhvcNAQELBQAwKDEmMCQGA1UE\nAxMdUGViYmxlIEludGVybWVkaWF0ZSBDQSA1NjFmY2EwHhcNMjYxMTMwMjAzNDI1\nWhcNMjcwMjI4MjAzNDI0WjAAMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELUol\nab0qink7tcz3NbLsmOcQq7+I2Yk+50QGL7IOwC7BVINIPukYMYZgxPo8CocFzN7s\nDixUe87bRtFLdEdzPqN5MHcwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsG\nAQUFBwMBMAwGA1UdEwEB/wQCMAAwHwYDVR0jBBgwFoAUcAOVFxy4b+2ERL+64P4I\nRV7xZwIwIQYDVR0RAQH/BBcwFYITaG9zdC0wMDAxLmRlbW8udGVzdDANBgkqhkiG\n9w0BAQsFAAOCAQEAAmonCOgUSEoURgw9AcxhOShLemfGjDB/pU16JwxDd2mk4Ou1\neCCu35pA791lGyRqu/gkbdEAL/naPYXrJzpr3ImUwvfM/BMs5axqVAEt0qOIGMpQ\nFwWduKSUU8pZeGQ/7nBC7x6kZWmb9LkhL8LIKNqornpVAtnQ1/IHRhn1xuNsf1XL\nj95k+sp82t5P4o92NwcNN/wfOb8DpQxra43Vl74XQO07Ba9UN+GVyQQWebE1HM3a\njXwnWkZMjMI08Nf3dzrazs2Y5FWMvIBdbULCFJhrVSTaQu4oPa54A6tSLndUlD5i\n2mjeoMT6Sgv7Arrp/SiQQlmMk3ioEer/RPArcA==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMIIDRDCCAiygAwIBAgIIZC8NZxm76IcwDQYJKoZIhvcNAQELBQAwIDEeMBwGA1UE\nAxMVUGViYmxlIFJvb3QgQ0EgNGQ1MjEwMCAXDTI2MTEzMDIwMzQyMloYDzIwNTYx\nMTMwMjAzNDIyWjAoMSYwJAYDVQQDEx1QZWJibGUgSW50ZXJtZWRpYXRlIENBIDU2\nMWZjYTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAKmQ14PzG6LFP6On\ntXviGHAJCl/jShSW0DFbJvIhD40c8tMY1WHTuAfFGz0oPXzJhy8gF+mJzxVFcYF/\nOHV68uzAORabz6xZ4heciim84K82KaZyv5wOdA/AOHVzpZk55KIS0eZXgZjAymMC\n2Qm9hXpe4R+UF0M95aAC8tmSLGMSI+Gizs5h8fNk3OmH30jm+ztzFGfeLfk2rI36\n372dawhXhvcF8g3Szsr5GldEPA17bB9i0SkrzsFWu5jVo+DbI+H113vlbHHJBnKl\n1dALoDHZNKsrXsE/DPnpRyfUysund2h3sluA4c31vh9xwLDQwmQlKauKgz+RRJ1A\nGRMxIa0CAwEAAaN4MHYwDgYDVR0PAQH/BAQDAgKEMBMGA1UdJQQMMAoGCCsGAQUF\nBwMBMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFHADlRccuG/thES/uuD+CEVe\n8WcCMB8GA1UdIwQYMBaAFNRCKGad2uwiBuSuiOxyno4CQ0VIMA0GCSqGSIb3DQEB\nCwUAA4IBAQA/QCWX2sZHB1fbe5LIKDY3vgs8nuGETz77JmSfvnciYnfQo99drr55\nk5MWDNRNPr35PrCP+SqAPXzN/ao1gMhEG49tNSDXDMcrPojpmgNPtOTUzSrACpvp\ngZP+8uGkz2mlH664hm0pooW3TzTIGrMupZt8J4Q12L96ARvMLyliAGKu4NdMx8tT\nuP29kImSrKwwmVzzvELfzQhDN4qurudSIcuGx7VLtmuy2hT2qeyNuD/KH9rdJk5u\n67Wdercc9zNrzXfLXIMtMBjC34H0o9pzbXsmrf5hwBQ/GCVQrP84mtOzKiJC2ThE\nLCnEY0ggJOsdJ9eKPEs6YFDNfMJT1fhK\n-----END CERTIFICATE-----\n", "not_after": "2027-02-28T20:34:24Z", "not_before": "2026-11-30T20:34:25Z", "fingerprint": "5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3", "chain_problem": null, "chain_trusted": true, "chain_fingerprints": ["5a11302232c532b908fc435d9636714c8e9e477fe2b340a7e6e9fb14766cafa3", "4d745cd86126ef74223e66fa7f23a67ccf74e93372f2e81288e7660a6f4024c7"], "signature_algorithm": "sha256WithRSAEncryption"}');


--
-- Data for Name: spending; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.spending VALUES ('01a22e2a-7940-713a-ae7d-85d93169c81d', 'default', '2026-11-30 20:34:25.614196+00', NULL);
INSERT INTO public.spending VALUES ('01a22e2a-7bec-7572-9053-31b1bcc57cef', 'default', '2026-11-30 20:34:26.015865+00', NULL);


--
-- Data for Name: tag_windows; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: target_groups; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: workspaces; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.workspaces VALUES ('default', '2026-11-30 20:34:24.024012+00', '{}', NULL);


--
-- Name: job_acts_act_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.job_acts_act_seq', 2, true);


--
-- Name: run_acts_act_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.run_acts_act_seq', 1, false);


--
-- Name: _sqlx_migrations _sqlx_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);


--
-- Name: acme_accounts acme_accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acme_accounts
    ADD CONSTRAINT acme_accounts_pkey PRIMARY KEY (workspace, directory_url);


--
-- Name: buckets buckets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.buckets
    ADD CONSTRAINT buckets_pkey PRIMARY KEY (limit_id, key);


--
-- Name: ca_holds ca_holds_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ca_holds
    ADD CONSTRAINT ca_holds_pkey PRIMARY KEY (limit_id, key);


--
-- Name: catalogue catalogue_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.catalogue
    ADD CONSTRAINT catalogue_pkey PRIMARY KEY (name);


--
-- Name: emergencies emergencies_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.emergencies
    ADD CONSTRAINT emergencies_pkey PRIMARY KEY (id);


--
-- Name: flows flows_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flows
    ADD CONSTRAINT flows_pkey PRIMARY KEY (flow);


--
-- Name: host_troubles host_troubles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.host_troubles
    ADD CONSTRAINT host_troubles_pkey PRIMARY KEY (host_id, trouble);


--
-- Name: hosts hosts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hosts
    ADD CONSTRAINT hosts_pkey PRIMARY KEY (id);


--
-- Name: hosts hosts_workspace_hostname_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hosts
    ADD CONSTRAINT hosts_workspace_hostname_key UNIQUE (workspace, hostname);


--
-- Name: incident_changes incident_changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incident_changes
    ADD CONSTRAINT incident_changes_pkey PRIMARY KEY (id);


--
-- Name: incident_members incident_members_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incident_members
    ADD CONSTRAINT incident_members_pkey PRIMARY KEY (run_id);


--
-- Name: incidents incidents_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_pkey PRIMARY KEY (id);


--
-- Name: incidents incidents_run_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_run_id_key UNIQUE (run_id);


--
-- Name: job_acts job_acts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_acts
    ADD CONSTRAINT job_acts_pkey PRIMARY KEY (job_id, act);


--
-- Name: job_lines job_lines_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_lines
    ADD CONSTRAINT job_lines_pkey PRIMARY KEY (job_id, nr);


--
-- Name: jobs jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);


--
-- Name: limits limits_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.limits
    ADD CONSTRAINT limits_pkey PRIMARY KEY (id);


--
-- Name: notifications notifications_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);


--
-- Name: policies policies_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_pkey PRIMARY KEY (id);


--
-- Name: policy_files policy_files_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_files
    ADD CONSTRAINT policy_files_pkey PRIMARY KEY (path);


--
-- Name: renewal_info renewal_info_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.renewal_info
    ADD CONSTRAINT renewal_info_pkey PRIMARY KEY (host_id);


--
-- Name: requests requests_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (workspace, idempotency_key);


--
-- Name: reservations reservations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT reservations_pkey PRIMARY KEY (run_id, limit_id, key);


--
-- Name: retired_acme_accounts retired_acme_accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.retired_acme_accounts
    ADD CONSTRAINT retired_acme_accounts_pkey PRIMARY KEY (workspace, directory_url, created_at);


--
-- Name: run_acts run_acts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_acts
    ADD CONSTRAINT run_acts_pkey PRIMARY KEY (run_id, act);


--
-- Name: run_products run_products_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_products
    ADD CONSTRAINT run_products_pkey PRIMARY KEY (run_id, step);


--
-- Name: run_steps run_steps_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_steps
    ADD CONSTRAINT run_steps_pkey PRIMARY KEY (run_id, attempt);


--
-- Name: runs runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);


--
-- Name: snapshots snapshots_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (id);


--
-- Name: spending spending_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.spending
    ADD CONSTRAINT spending_pkey PRIMARY KEY (run_id);


--
-- Name: tag_windows tag_windows_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tag_windows
    ADD CONSTRAINT tag_windows_pkey PRIMARY KEY (workspace, tag);


--
-- Name: target_groups target_groups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.target_groups
    ADD CONSTRAINT target_groups_pkey PRIMARY KEY (workspace, name);


--
-- Name: workspaces workspaces_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (id);


--
-- Name: emergencies_one_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX emergencies_one_open ON public.emergencies USING btree (workspace, directory_url) WHERE (ended_at IS NULL);


--
-- Name: host_troubles_of_incident; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX host_troubles_of_incident ON public.host_troubles USING btree (incident_id);


--
-- Name: hosts_being_probed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hosts_being_probed ON public.hosts USING btree (probe_asked_at) WHERE (probe_asked_at IS NOT NULL);


--
-- Name: hosts_mixed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hosts_mixed ON public.hosts USING btree (id) WHERE (mixed_at IS NOT NULL);


--
-- Name: hosts_never_seen; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hosts_never_seen ON public.hosts USING btree (id) WHERE (NOT has_served);


--
-- Name: hosts_to_probe; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hosts_to_probe ON public.hosts USING btree (next_probe_at);


--
-- Name: hosts_troubled; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hosts_troubled ON public.hosts USING btree (id) WHERE (troubles IS NOT NULL);


--
-- Name: incident_changes_of_incident; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX incident_changes_of_incident ON public.incident_changes USING btree (incident_id, id);


--
-- Name: incident_members_of_incident; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX incident_members_of_incident ON public.incident_members USING btree (incident_id, run_id);


--
-- Name: incident_members_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX incident_members_open ON public.incident_members USING btree (host_id) WHERE (closed_at IS NULL);


--
-- Name: incidents_of_cause; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX incidents_of_cause ON public.incidents USING btree (workspace, cause_code, cause_step, latest_at) WHERE (state = ANY (ARRAY['open'::text, 'acknowledged'::text]));


--
-- Name: incidents_of_troubles; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX incidents_of_troubles ON public.incidents USING btree (workspace, cause_code, opened_at) WHERE ((run_id IS NULL) AND (cause_code IS NOT NULL) AND (state = ANY (ARRAY['open'::text, 'acknowledged'::text])));


--
-- Name: incidents_of_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX incidents_of_workspace ON public.incidents USING btree (workspace, id DESC);


--
-- Name: job_lines_by_reason; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX job_lines_by_reason ON public.job_lines USING btree (job_id, reason, nr);


--
-- Name: job_lines_of_cohort; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX job_lines_of_cohort ON public.job_lines USING btree (job_id) WHERE cohort;


--
-- Name: job_lines_of_run; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX job_lines_of_run ON public.job_lines USING btree (run_id) WHERE (run_id IS NOT NULL);


--
-- Name: jobs_of_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX jobs_of_workspace ON public.jobs USING btree (workspace, id DESC);


--
-- Name: jobs_to_look_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX jobs_to_look_at ON public.jobs USING btree (look_at) WHERE (state = ANY (ARRAY['planning'::text, 'committing'::text, 'running'::text, 'cancelling'::text]));


--
-- Name: notifications_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_due ON public.notifications USING btree (due_at) WHERE ((delivered_at IS NULL) AND (given_up_at IS NULL));


--
-- Name: notifications_of_incident; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_of_incident ON public.notifications USING btree (incident_id, id);


--
-- Name: notifications_to_recipient; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_to_recipient ON public.notifications USING btree (channel, recipient, created_at);


--
-- Name: policies_of_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX policies_of_host ON public.policies USING btree (host_id) WHERE active;


--
-- Name: policies_one_active; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX policies_one_active ON public.policies USING btree (workspace, hostname) WHERE active;


--
-- Name: policies_to_judge; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX policies_to_judge ON public.policies USING btree (judge_at) WHERE active;


--
-- Name: policy_files_of_policy; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX policy_files_of_policy ON public.policy_files USING btree (policy_id);


--
-- Name: providers_of_all; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX providers_of_all ON public.providers USING btree (id) WHERE (workspace IS NULL);


--
-- Name: providers_of_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX providers_of_workspace ON public.providers USING btree (workspace, id) WHERE (workspace IS NOT NULL);


--
-- Name: renewal_info_being_asked; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX renewal_info_being_asked ON public.renewal_info USING btree (asked_at) WHERE (asked_at IS NOT NULL);


--
-- Name: renewal_info_called; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX renewal_info_called ON public.renewal_info USING btree (workspace, directory_url, called_at) WHERE (called_at IS NOT NULL);


--
-- Name: renewal_info_to_ask; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX renewal_info_to_ask ON public.renewal_info USING btree (next_ask_at) WHERE ((next_ask_at IS NOT NULL) AND (replaced_at IS NULL));


--
-- Name: reservations_by_age; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX reservations_by_age ON public.reservations USING btree (reserved_at);


--
-- Name: runs_asking_again; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_asking_again ON public.runs USING btree (due_at) WHERE ((phase = 'asking'::text) AND (due_at IS NOT NULL));


--
-- Name: runs_by_turn; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_by_turn ON public.runs USING btree (lane, turn, due_at, id) WHERE ((phase = 'waiting'::text) AND (held IS NULL));


--
-- Name: runs_going_of_job; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_going_of_job ON public.runs USING btree (job_id) WHERE ((job_id IS NOT NULL) AND (held IS NULL) AND (phase = ANY (ARRAY['waiting'::text, 'out'::text])));


--
-- Name: runs_held_of_job; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_held_of_job ON public.runs USING btree (job_id, id) WHERE ((held IS NOT NULL) AND (phase = 'waiting'::text));


--
-- Name: runs_in_trouble; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_in_trouble ON public.runs USING btree (moved_at) WHERE ((status = ANY (ARRAY['failed'::text, 'needs_manual'::text])) AND (mode = 'live'::text));


--
-- Name: runs_of_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_of_host ON public.runs USING btree (host_id, id DESC);


--
-- Name: runs_of_job; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_of_job ON public.runs USING btree (job_id, id) WHERE (job_id IS NOT NULL);


--
-- Name: runs_of_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_of_workspace ON public.runs USING btree (workspace, id DESC);


--
-- Name: runs_one_active; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX runs_one_active ON public.runs USING btree (policy_id) WHERE ((phase <> 'ended'::text) AND (mode = 'live'::text));


--
-- Name: runs_out_by_age; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_out_by_age ON public.runs USING btree (moved_at, lane, due_at) WHERE (phase = 'out'::text);


--
-- Name: runs_to_announce; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_to_announce ON public.runs USING btree (id) WHERE (announced IS DISTINCT FROM status);


--
-- Name: runs_with_old_logs; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_with_old_logs ON public.runs USING btree (moved_at) WHERE ((phase = 'ended'::text) AND log_kept);


--
-- Name: snapshots_by_age; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX snapshots_by_age ON public.snapshots USING btree (taken_at);


--
-- Name: snapshots_of_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX snapshots_of_host ON public.snapshots USING btree (host_id, taken_at DESC);


--
-- Name: spending_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX spending_by_time ON public.spending USING btree (workspace, paid_at);


--
-- Name: acme_accounts acme_accounts_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acme_accounts
    ADD CONSTRAINT acme_accounts_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: buckets buckets_limit_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.buckets
    ADD CONSTRAINT buckets_limit_id_fkey FOREIGN KEY (limit_id) REFERENCES public.limits(id) ON DELETE CASCADE;


--
-- Name: emergencies emergencies_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.emergencies
    ADD CONSTRAINT emergencies_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);


--
-- Name: emergencies emergencies_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.emergencies
    ADD CONSTRAINT emergencies_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: host_troubles host_troubles_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.host_troubles
    ADD CONSTRAINT host_troubles_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);


--
-- Name: host_troubles host_troubles_incident_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.host_troubles
    ADD CONSTRAINT host_troubles_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES public.incidents(id);


--
-- Name: host_troubles host_troubles_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.host_troubles
    ADD CONSTRAINT host_troubles_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: hosts hosts_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hosts
    ADD CONSTRAINT hosts_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: incident_changes incident_changes_incident_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incident_changes
    ADD CONSTRAINT incident_changes_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES public.incidents(id);


--
-- Name: incident_members incident_members_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incident_members
    ADD CONSTRAINT incident_members_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);


--
-- Name: incident_members incident_members_incident_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incident_members
    ADD CONSTRAINT incident_members_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES public.incidents(id);


--
-- Name: incident_members incident_members_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incident_members
    ADD CONSTRAINT incident_members_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id);


--
-- Name: incident_members incident_members_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incident_members
    ADD CONSTRAINT incident_members_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: incidents incidents_folded_into_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_folded_into_fkey FOREIGN KEY (folded_into) REFERENCES public.incidents(id);


--
-- Name: incidents incidents_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);


--
-- Name: incidents incidents_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id);


--
-- Name: incidents incidents_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: job_acts job_acts_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_acts
    ADD CONSTRAINT job_acts_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- Name: job_lines job_lines_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_lines
    ADD CONSTRAINT job_lines_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- Name: jobs jobs_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: notifications notifications_incident_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES public.incidents(id);


--
-- Name: notifications notifications_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: policies policies_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);


--
-- Name: policies policies_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: policy_files policy_files_policy_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_files
    ADD CONSTRAINT policy_files_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES public.policies(id) ON DELETE CASCADE;


--
-- Name: providers providers_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.providers
    ADD CONSTRAINT providers_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: renewal_info renewal_info_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.renewal_info
    ADD CONSTRAINT renewal_info_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);


--
-- Name: renewal_info renewal_info_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.renewal_info
    ADD CONSTRAINT renewal_info_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: requests requests_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: reservations reservations_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT reservations_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;


--
-- Name: retired_acme_accounts retired_acme_accounts_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.retired_acme_accounts
    ADD CONSTRAINT retired_acme_accounts_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: run_acts run_acts_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_acts
    ADD CONSTRAINT run_acts_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;


--
-- Name: run_products run_products_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_products
    ADD CONSTRAINT run_products_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;


--
-- Name: run_steps run_steps_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_steps
    ADD CONSTRAINT run_steps_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;


--
-- Name: runs runs_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);


--
-- Name: runs runs_policy_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES public.policies(id);


--
-- Name: runs runs_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: snapshots snapshots_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);


--
-- Name: snapshots snapshots_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE SET NULL;


--
-- Name: snapshots snapshots_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: spending spending_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.spending
    ADD CONSTRAINT spending_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: tag_windows tag_windows_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tag_windows
    ADD CONSTRAINT tag_windows_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- Name: target_groups target_groups_workspace_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.target_groups
    ADD CONSTRAINT target_groups_workspace_fkey FOREIGN KEY (workspace) REFERENCES public.workspaces(id);


--
-- PostgreSQL database dump complete
--


