//! The bounds of streams, applied to a real NATS.

use anyhow::{Result, ensure};
use bus::{Bus, Connection, StreamBounds};
use testkit::Nats;
use testkit::async_nats::jetstream;

/// What NATS itself says of the stream, asked over another connection.
async fn runs_mib(nats: &Nats) -> Result<i64> {
    let context = jetstream::new(nats.connect().await?);
    let stream = context.get_stream("RUNS").await?;
    Ok(stream.cached_info().config.max_bytes >> 20)
}

#[tokio::test]
async fn the_stream_of_run_events_grows_with_the_hosts_and_keeps_what_it_holds() -> Result<()> {
    let nats = Nats::start().await?;
    let connection = Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    };
    let small = StreamBounds::SMALL;
    let bus = Bus::connect(&connection, "streams-test").await?.with_bounds(small);
    bus.apply_topology().await?;
    ensure!(runs_mib(&nats).await? == 64, "it starts small");
    let context = jetstream::new(nats.connect().await?);
    context.publish("vigilo.run.kept", "an event".into()).await?.await?;
    for (hosts, mib) in [(8_192, 64), (8_320, 128), (100_000, 832)] {
        bus.set_runs_bound(small.runs_for(hosts)).await?;
        let found = runs_mib(&nats).await?;
        ensure!(found == mib, "{hosts} hosts: {found} MiB, not {mib}");
    }
    ensure!(bus.runs_held().await?.oldest.is_some(), "the event is still there");
    Ok(())
}
