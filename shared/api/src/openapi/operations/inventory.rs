//! What the workspace has: hosts, policies, limits, providers; and what the API says of itself.

use domain::host;
use domain::host::NewHost;
use domain::limit::Limit;
use domain::policy::{NewPolicy, Policy};
use domain::provider::{NewProvider, ProviderChange};
use schemars::json_schema;

use super::text;
use crate::budget::{Budget, NewBudget};
use crate::errors::Explanation;
use crate::health::Health;
use crate::hosts::{Host, HostDetail, Snapshot};
use crate::imports::Imported;
use crate::lists::{Bounded, Items, Page};
use crate::openapi::operation::{Operation, delete, get, patch, post, put};
use crate::pacing::{GroupBound, NewLimit, NewTagWindows, TagWindows, TargetGroup};
use crate::providers::{Preference, Provider, Providers};

pub(super) fn about() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/health",
            "Whether the console, its database and NATS work; needs no token",
        )
        .open()
        .answers::<Health>(200, "all work")
        .answers::<Health>(503, "one is down or cannot store"),
        get(
            "/api/v1/errors",
            "The page of every error code; as JSON, text/html or text/markdown; needs no token",
        )
        .open()
        .answers::<Items<Explanation>>(200, "the pages by code")
        .or_as("text/html")
        .or_as("text/markdown"),
        get(
            "/api/v1/errors/{code}",
            "What an error code means, what the system did, what you can do; needs no token",
        )
        .open()
        .answers::<Explanation>(200, "the page")
        .or_as("text/html")
        .or_as("text/markdown"),
        get("/api/v1/openapi.yaml", "This document").answers_text("OpenAPI 3.1", "application/yaml"),
    ]
}

pub(super) fn hosts() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/hosts",
            "Hosts by name, each with its newest snapshot (without PEM) and the status of its newest run",
        )
        .query("after", "a hostname", text())
        .limit()
        .answers::<Page<Host>>(200, "a page"),
        post("/api/v1/hosts", "Add a host")
            .takes::<NewHost>()
            .answers::<host::Host>(201, "the host"),
        post(
            "/api/v1/hosts/import",
            "Add up to 100000 hosts; a bad one refuses only itself",
        )
        .takes::<Bounded<NewHost>>()
        .answers::<Imported>(200, "what became of them"),
        get(
            "/api/v1/hosts/{host}",
            "A host, with what the newest look at each of its addresses saw",
        )
        .answers::<HostDetail>(200, "the host"),
        post(
            "/api/v1/hosts/{host}/check",
            "Look at a host now; the answer comes with what was seen, within 15 seconds",
        )
        .answers::<HostDetail>(200, "the host"),
        get(
            "/api/v1/hosts/{host}/snapshots",
            "What looks and runs saw of a host, newest first; a look that saw nothing new left none",
        )
        .limit()
        .answers::<Items<Snapshot>>(200, "the snapshots"),
    ]
}

pub(super) fn policies() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/policies",
            "Active policies by hostname, each with the status of its newest run",
        )
        .query("after", "a hostname", text())
        .limit()
        .answers::<Page<crate::policies::Policy>>(200, "a page"),
        post("/api/v1/policies", "Add the policy of a hostname; its host must exist")
            .takes::<NewPolicy>()
            .answers::<Policy>(201, "the policy"),
        post(
            "/api/v1/policies/import",
            "Add up to 100000 policies; a bad one refuses only itself",
        )
        .takes::<Bounded<NewPolicy>>()
        .answers::<Imported>(200, "what became of them"),
        patch(
            "/api/v1/policies/{host}",
            "Change fields of the policy of a hostname; what is absent stays, null is the default, a list is replaced. \
             Runs keep their plan",
        )
        .takes_schema(|_| json_schema!({ "type": "object", "description": "fields of NewPolicy" }))
        .answers::<Policy>(200, "the policy"),
        delete(
            "/api/v1/policies/{host}",
            "Follow the policy no more; refused while a run of it has not ended. Its runs stay",
        )
        .answers_nothing(),
    ]
}

pub(super) fn budget() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/budget",
            "What the workspace may spend in the calendar month (UTC), and what it has spent",
        )
        .answers::<Budget>(200, "the month"),
        put(
            "/api/v1/budget",
            "Set the budget or take it away; what waits for money is judged again at once",
        )
        .takes::<NewBudget>()
        .answers::<Budget>(200, "the month"),
    ]
}

pub(super) fn pacing() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/limits",
            "What the CAs allow; orders are paced by it. The same for all workspaces",
        )
        .answers::<Items<Limit>>(200, "all"),
        put(
            "/api/v1/limits/{id}",
            "Write a limit, new or changed; what was drawn from it stays drawn",
        )
        .takes::<NewLimit>()
        .answers::<Limit>(200, "the limit"),
        get(
            "/api/v1/target-groups",
            "Target groups with a bound; others have none but the deployers' places",
        )
        .answers::<Items<TargetGroup>>(200, "all"),
        put(
            "/api/v1/target-groups/{id}",
            "Deploy to at most so many targets of the group at once",
        )
        .takes::<GroupBound>()
        .answers::<TargetGroup>(200, "the group"),
        delete("/api/v1/target-groups/{id}", "Take the bound away").answers_nothing(),
        get("/api/v1/tag-windows", "Maintenance windows of host tags").answers::<Items<TagWindows>>(200, "all"),
        put(
            "/api/v1/tag-windows/{id}",
            "Touch hosts of the tag in these windows only, unless their policy has windows of its own",
        )
        .takes::<NewTagWindows>()
        .answers::<TagWindows>(200, "what is said of the tag"),
        delete(
            "/api/v1/tag-windows/{id}",
            "Let hosts of the tag be touched at any time",
        )
        .answers_nothing(),
    ]
}

pub(super) fn providers() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/providers",
            "Who issues and what it costs there, and the workspace's order of preference",
        )
        .answers::<Providers>(200, "the providers"),
        post("/api/v1/providers", "Add an ACME CA by its directory")
            .takes::<NewProvider>()
            .answers::<Provider>(201, "the provider"),
        put(
            "/api/v1/providers/preferred",
            "Set who is taken of equally cheap ones, the first first",
        )
        .takes::<Preference>()
        .answers::<Providers>(200, "the providers"),
        get("/api/v1/providers/{id}", "A provider").answers::<Provider>(200, "the provider"),
        patch(
            "/api/v1/providers/{id}",
            "Change a provider for this workspace; what is absent stays",
        )
        .takes::<ProviderChange>()
        .answers::<Provider>(200, "the provider"),
        delete(
            "/api/v1/providers/{id}",
            "Forget what the workspace added or changed; everybody's entry counts again",
        )
        .answers::<Providers>(200, "the providers"),
    ]
}
