//! How fast an estate is renewed, and what the orchestration costs beyond a bare ACME client.
//!
//! In: how many certificates. Out: JSON with the CPU of every process by the kernel's account. The two phases use the
//! same CAs, one after the other. Never: a number of a run that did not renew every host.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use clap::Args;
use domain::run::Status;
use integration::api::served;
use integration::bench::{Directory, Gap, Outcome, Plan, gaps, percentile, took};
use integration::fleet::{self, ORDERS_PER_PEBBLE, Up};
use integration::meter::{self, Used};
use integration::{Api, Estate};
use serde_json::{Value, json};
use testkit::{Serving, wait};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::rounded;

/// Runs whose steps are read for the overhead.
const SAMPLE: usize = 200;
/// How long the bare client may take: some thirty times what it takes.
const BARE_START: Duration = Duration::from_secs(30);
const BARE_EACH: Duration = Duration::from_millis(60);
/// Seldom enough that asking costs the product next to nothing: every look counts all runs.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Args)]
pub struct FleetArgs {
    /// How many hosts are renewed
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=5000))]
    certs: u16,
    /// How many CAs share the work, with a few orders in flight each
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=16))]
    pebbles: u8,
}

/// Renews the fleet, then lets the bare client of these binaries do as much.
pub async fn measure(args: &FleetArgs, binaries: &Path) -> Result<Value> {
    let certs = usize::from(args.certs);
    eprintln!(
        "bench: starting {} Pebbles and nginx with {certs} old certificates",
        args.pebbles
    );
    let estate = Estate::start(certs, usize::from(args.pebbles), Serving::Dynamic).await?;
    let product = estate.blamed(Product::renew(&estate).await).await?;
    tell("vigilo", certs, &product.phase);
    let pebble_before = pebbles(&estate)?;
    let bare = bare_client(&binaries.join("bare-acme"), &estate).await;
    let bare = estate.blamed(bare).await?;
    let bare_phase = Phase {
        seconds: bare.seconds,
        pebble_cpu_ms: pebbles(&estate)?.cpu_ms - pebble_before.cpu_ms,
        nginx_cpu_ms: 0,
    };
    ensure!(bare.issued == certs, "the bare client got {} of {certs}", bare.issued);
    tell("bare", certs, &bare_phase);
    Ok(report(certs, &product, &bare, pebbles(&estate)?))
}

/// One of the two phases.
struct Phase {
    seconds: f64,
    pebble_cpu_ms: u64,
    /// Of the web server that the product's looks go to.
    nginx_cpu_ms: u64,
}

fn tell(who: &str, certs: usize, phase: &Phase) {
    eprintln!(
        "bench: {who}: {certs} certificates in {:.2} s, {:.1}/s; of CPU the CAs used {:.2} ms for each, the web server {:.2} ms",
        phase.seconds,
        certs as f64 / phase.seconds,
        phase.pebble_cpu_ms as f64 / certs as f64,
        phase.nginx_cpu_ms as f64 / certs as f64
    );
}

/// What the product's phase gave.
struct Product {
    phase: Phase,
    vigilo: Used,
    nats: Used,
    postgres: Used,
    overhead_ms: Vec<f64>,
}

impl Product {
    /// Renews every host, stops the product again, and gives nothing unless every host serves its new certificate.
    #[expect(clippy::disallowed_methods, reason = "the date of a measurement")]
    async fn renew(estate: &Estate) -> Result<Self> {
        let up = Up::start(estate).await?;
        let before = estate.served().await?;
        up.api.import("hosts", &estate.hosts()).await?;
        up.api.import("policies", &estate.policies()).await?;
        all_seen(&up.api, estate.nginx.hosts().len()).await?;
        let (used_before, ca_before, nginx_before) = (Engines::used(&up)?, pebbles(estate)?, nginx(estate)?);
        let begun = SystemTime::now();
        let runs = up.api.renew(None).await?;
        settled(&up.api, fleet::bound(runs.len())).await?;
        let (used, ca, nginx) = (Engines::used(&up)?, pebbles(estate)?, nginx(estate)?);
        let ended = up.api.runs().await?;
        let seconds = took(begun, &ended)?.as_secs_f64();
        check(&up.api, estate, &before).await?;
        let overhead_ms = overhead(&up.api, runs.values()).await?;
        up.peer.stop().await?;
        Ok(Self {
            phase: Phase {
                seconds,
                pebble_cpu_ms: ca.cpu_ms - ca_before.cpu_ms,
                nginx_cpu_ms: nginx.cpu_ms - nginx_before.cpu_ms,
            },
            vigilo: since(used.vigilo, used_before.vigilo),
            nats: since(used.nats, used_before.nats),
            postgres: since(used.postgres, used_before.postgres),
            overhead_ms,
        })
    }
}

/// The processes of `vigilo up`.
struct Engines {
    vigilo: Used,
    nats: Used,
    postgres: Used,
}

impl Engines {
    fn used(up: &Up) -> Result<Self> {
        let vigilo = up.peer.pid();
        Ok(Self {
            vigilo: meter::alone(vigilo)?,
            nats: meter::alone(meter::child(vigilo, "nats-server")?)?,
            postgres: meter::with_children(meter::child(vigilo, "postgres")?)?,
        })
    }
}

fn since(now: Used, before: Used) -> Used {
    Used {
        cpu_ms: now.cpu_ms - before.cpu_ms,
        peak_rss_kib: now.peak_rss_kib,
    }
}

/// The CAs and the DNS servers that they ask.
fn pebbles(estate: &Estate) -> Result<Used> {
    let mut all = Used::default();
    let pids = estate
        .pebbles
        .iter()
        .flat_map(|pebble| [pebble.peer().pid(), pebble.dns_peer().pid()]);
    for pid in pids {
        let one = meter::alone(pid)?;
        all.cpu_ms += one.cpu_ms;
        all.peak_rss_kib += one.peak_rss_kib;
    }
    Ok(all)
}

fn nginx(estate: &Estate) -> Result<Used> {
    meter::with_children(estate.nginx.peer().pid())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a measured load, or a fault that lasts for a while"
)]
async fn settled(api: &Api, bound: Duration) -> Result<()> {
    let begun = Instant::now();
    loop {
        let counts = api.counts().await?;
        let open = counts.open();
        if open == 0 {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < bound,
            "{open} runs are open after {} s: {counts:?}",
            bound.as_secs()
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// By the product's own word, and by handshakes that do not use its verifier.
async fn check(api: &Api, estate: &Estate, before: &[integration::estate::Served]) -> Result<()> {
    let hosts = before.len();
    let counts = api.counts().await?;
    ensure!(
        counts[Status::Succeeded] == hosts as u64,
        "not all of {hosts} runs succeeded: {counts:?}"
    );
    let installed: BTreeSet<String> = seen(api).await?.into_iter().collect();
    let after = estate.served().await?;
    let is_new = |(before, after): (&integration::estate::Served, &integration::estate::Served)| {
        before.fingerprint != after.fingerprint && installed.contains(&after.fingerprint)
    };
    let new = before.iter().zip(&after).filter(|pair| is_new(*pair)).count();
    ensure!(
        new == hosts,
        "{} of {hosts} hosts do not serve what was issued",
        hosts - new
    );
    Ok(())
}

/// Every new host is looked at once, whether or not it is renewed: that is over before anything is measured.
async fn all_seen(api: &Api, hosts: usize) -> Result<()> {
    wait::until("every host was looked at", fleet::bound(hosts), async || {
        let seen = seen(api).await.ok()?.len();
        (seen == hosts).then_some(())
    })
    .await
}

/// The fingerprints that the product says are served, one for each host that it has seen serving something.
async fn seen(api: &Api) -> Result<Vec<String>> {
    let hosts = api.hosts().await?;
    Ok(hosts.iter().filter_map(served).map(str::to_owned).collect())
}

/// The pauses between the steps of a sample of the runs, without those before the order at the CA: there a run waits
/// for one of the CA's places, which is what the limit is for.
async fn overhead(api: &Api, runs: impl ExactSizeIterator<Item = &String>) -> Result<Vec<f64>> {
    let every = (runs.len() / SAMPLE).max(1);
    let mut all: Vec<Gap> = Vec::new();
    for run in runs.step_by(every) {
        all.extend(gaps(&api.run(run).await?));
    }
    let steps: BTreeSet<&str> = all.iter().map(|gap| gap.before.as_str()).collect();
    for step in steps {
        let ms: Vec<f64> = all.iter().filter(|gap| gap.before == step).map(|gap| gap.ms).collect();
        let (half, most) = (percentile(&ms, 0.5), percentile(&ms, 0.99));
        eprintln!(
            "bench: pause before {step}: p50 {half:.1} ms, p99 {most:.1} ms ({})",
            ms.len()
        );
    }
    Ok(all
        .into_iter()
        .filter(|gap| gap.before != "issue")
        .map(|gap| gap.ms)
        .collect())
}

/// Should a Pebble hang all the same, the client would have no end.
async fn bare_client(binary: &Path, estate: &Estate) -> Result<Outcome> {
    let directory = |pebble: &testkit::Pebble| Directory {
        url: pebble.directory_url(),
        root_file: pebble.api_root_path().to_owned(),
    };
    let plan = Plan {
        directories: estate.pebbles.iter().map(directory).collect(),
        http01_port: estate.http01.number(),
        hostnames: estate.nginx.hosts().to_vec(),
        in_flight_per_directory: ORDERS_PER_PEBBLE.into(),
    };
    let mut child = Command::new(binary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))?;
    let mut stdin = child.stdin.take().context("its standard input")?;
    stdin.write_all(&serde_json::to_vec(&plan)?).await?;
    drop(stdin);
    let bound = BARE_START + BARE_EACH * plan.hostnames.len() as u32;
    let output = tokio::time::timeout(bound, child.wait_with_output()).await;
    let output = output.map_err(|_| {
        let seconds = bound.as_secs();
        anyhow::anyhow!("the bare client has not ended after {seconds} s")
    })??;
    ensure!(output.status.success(), "the bare client ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("what the bare client said")
}

fn report(certs: usize, product: &Product, bare: &Outcome, pebble: Used) -> Value {
    let certs = certs as f64;
    let (ours, raw) = (certs / product.phase.seconds, certs / bare.seconds);
    let each = |cpu_ms: u64| rounded(cpu_ms as f64 / certs);
    let mib = |kib: u64| rounded(kib as f64 / 1024.0);
    json!({
        "certs_per_s": rounded(ours),
        "raw_certs_per_s": rounded(raw),
        "ratio": rounded(ours / raw),
        "cpu_ms_per_cert": {
            "pebble": each(product.phase.pebble_cpu_ms),
            "raw_client": each(bare.cpu_ms),
            "nats": each(product.nats.cpu_ms),
            "postgres": each(product.postgres.cpu_ms),
            "vigilo": each(product.vigilo.cpu_ms),
        },
        "peak_rss_mib": {
            "pebble": mib(pebble.peak_rss_kib),
            "raw_client": mib(bare.peak_rss_kib),
            "nats": mib(product.nats.peak_rss_kib),
            "postgres": mib(product.postgres.peak_rss_kib),
            "vigilo": mib(product.vigilo.peak_rss_kib),
        },
        "step_overhead_ms": {
            "p50": rounded(percentile(&product.overhead_ms, 0.5)),
            "p99": rounded(percentile(&product.overhead_ms, 0.99)),
        },
    })
}
