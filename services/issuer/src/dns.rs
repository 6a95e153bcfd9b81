//! The DNS as this machine, or the resolver of the configuration, sees it.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

/// A CAA record (RFC 8659 §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaaRecord {
    pub critical: bool,
    pub tag: String,
    pub value: String,
}

/// The records that hold for a name, and where on the way up they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RelevantCaa {
    /// The domain that has them; nothing when none has any.
    pub at: Option<String>,
    pub records: Vec<CaaRecord>,
}

/// A rehearsal says what is wrong with the resolver; nothing else needs one. Cheap to clone.
#[derive(Clone)]
pub struct Dns(Result<TokioResolver, String>);

impl Dns {
    /// These resolvers, or the machine's own when none is given.
    pub fn new(resolvers: &[SocketAddr]) -> Self {
        let builder = if resolvers.is_empty() {
            TokioResolver::builder_tokio()
        } else {
            let servers = resolvers.iter().map(name_server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            Ok(TokioResolver::builder_with_config(
                config,
                TokioRuntimeProvider::default(),
            ))
        };
        let built = builder.and_then(|mut builder| {
            // A rehearsal is asked for because something was changed.
            builder.options_mut().cache_size = 0;
            builder.build()
        });
        Self(built.map_err(|error| format!("the resolver cannot be used: {error}; see issuer.resolvers")))
    }

    /// A and AAAA.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let resolver = self.0.as_ref().map_err(Clone::clone)?;
        let (v4, v6) = tokio::join!(
            resolver.lookup(absolute(name), RecordType::A),
            resolver.lookup(absolute(name), RecordType::AAAA)
        );
        let mut addresses = Vec::new();
        for (kind, answer) in [("A", v4), ("AAAA", v6)] {
            let records = found(answer).map_err(|why| format!("{kind} {name}: {why}"))?;
            addresses.extend(records.iter().filter_map(RData::ip_addr));
        }
        Ok(addresses)
    }

    /// From the name up to the root, the first domain that has any (RFC 8659 §3).
    pub(crate) async fn caa(&self, name: &str) -> Result<RelevantCaa, String> {
        let resolver = self.0.as_ref().map_err(Clone::clone)?;
        let mut at = Some(name);
        while let Some(domain) = at {
            let answer = resolver.lookup(absolute(domain), RecordType::CAA).await;
            let records: Vec<CaaRecord> = found(answer)
                .map_err(|why| format!("CAA {domain}: {why}"))?
                .iter()
                .filter_map(caa_record)
                .collect();
            if !records.is_empty() {
                return Ok(RelevantCaa {
                    at: Some(domain.to_owned()),
                    records,
                });
            }
            at = domain.split_once('.').map(|(_, parent)| parent);
        }
        Ok(RelevantCaa {
            at: None,
            records: Vec::new(),
        })
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::new(
        address.ip(),
        true,
        vec![ConnectionConfig::udp(), ConnectionConfig::tcp()],
    );
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

/// With its last dot, so that no search list is tried.
fn absolute(name: &str) -> String {
    format!("{name}.")
}

/// That a name has no such records is an answer too.
fn found(answer: Result<hickory_resolver::lookup::Lookup, NetError>) -> Result<Vec<RData>, String> {
    match answer {
        Ok(lookup) => Ok(lookup.answers().iter().map(|record| record.data.clone()).collect()),
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}

fn caa_record(data: &RData) -> Option<CaaRecord> {
    match data {
        RData::CAA(caa) => Some(CaaRecord {
            critical: caa.issuer_critical,
            tag: caa.tag.to_ascii_lowercase(),
            value: String::from_utf8_lossy(&caa.value).into_owned(),
        }),
        _ => None,
    }
}
