//! How Postgres is reached: with a verified certificate where it is on another machine, and with
//! limits to what one session may hold up.
//!
//! In: the configuration of a service. Out: options of its connections. Never: a remote database in
//! clear unless the configuration asks for it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::StoreError;

/// The table `[database]` of a service that keeps the record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// PEM file of the CA of the server's certificate, when it is a private one.
    pub root_file: Option<PathBuf>,
    /// Whether a database on another machine may be reached without TLS, or without a look at its
    /// certificate.
    pub unverified: bool,
    /// A statement that takes longer is given up by the server too; each service has its own
    /// default.
    pub statement_seconds: Option<u32>,
}

/// One service's way to the record.
#[derive(Clone)]
pub struct Database {
    /// It carries a password.
    pub url: String,
    pub connections: u32,
    pub access: Access,
    /// For one statement, where the configuration does not say.
    pub statement: Duration,
}

/// A lock that is not had by then is tried for again by who wants it.
const LOCK: Duration = Duration::from_secs(30);
/// Between two statements of a transaction nothing is waited for: who pauses so long has gone, with
/// its locks.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(60);

impl Database {
    pub(crate) fn options(&self) -> Result<PgConnectOptions, StoreError> {
        let options = PgConnectOptions::from_str(&self.url)?;
        let options = self.protected(options)?;
        let statement = self.access.statement_seconds;
        let statement = statement.map_or(self.statement, |seconds| Duration::from_secs(seconds.into()));
        let millis = |time: Duration| time.as_millis().to_string();
        Ok(options.options([
            // Short statements, each of them many times: compiling one costs more than it runs.
            ("jit", "off".to_owned()),
            ("statement_timeout", millis(statement)),
            ("lock_timeout", millis(LOCK.min(statement))),
            ("idle_in_transaction_session_timeout", millis(IDLE_IN_TRANSACTION)),
        ]))
    }

    /// A server on this machine is trusted. Any other is verified, unless the configuration says
    /// otherwise.
    fn protected(&self, options: PgConnectOptions) -> Result<PgConnectOptions, StoreError> {
        let options = match &self.access.root_file {
            Some(file) => options.ssl_root_cert(file),
            None => options,
        };
        let verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
        if verified || self.access.unverified || is_here(&options) {
            return Ok(options);
        }
        if self.url.contains("sslmode=") || self.url.contains("ssl-mode=") {
            let host = options.get_host();
            return Err(StoreError::Insecure(format!(
                "database_url: {host} is on another machine, and its sslmode does not verify the server's certificate; \
                 leave sslmode out or say verify-full (database.root_file names a private CA), or set database.unverified = true"
            )));
        }
        Ok(options.ssl_mode(PgSslMode::VerifyFull))
    }
}

/// Options of a session without time limits.
pub(crate) fn unlimited(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
    ])
}

fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    // An IPv6 address of a URL stands in brackets.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || host == "localhost" || loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str, access: &Access) -> Result<PgConnectOptions, StoreError> {
        let database = Database {
            url: url.to_owned(),
            connections: 1,
            access: access.clone(),
            statement: Duration::from_secs(60),
        };
        database.options()
    }

    fn is_verified(url: &str, access: &Access) -> bool {
        let mode = options(url, access).expect("a way").get_ssl_mode();
        matches!(mode, PgSslMode::VerifyFull)
    }

    #[test]
    fn a_database_on_another_machine_is_verified_unless_told_otherwise() {
        let usual = Access::default();
        for remote in [
            "postgres://u:p@db.example.org/v",
            "postgres://u@10.0.0.7:5432/v",
            "postgres://u@[2001:db8::1]/v",
        ] {
            assert!(is_verified(remote, &usual), "{remote}");
        }
        for here in [
            "postgres://u@127.0.0.1/v",
            "postgres://u@localhost/v",
            "postgres://u@[::1]/v",
            "postgres:///v?host=/run/pg",
        ] {
            assert!(!is_verified(here, &usual), "{here}");
        }
        let told = Access {
            unverified: true,
            ..Access::default()
        };
        assert!(!is_verified("postgres://u@db.example.org/v", &told));
        assert!(is_verified("postgres://u@127.0.0.1/v?sslmode=verify-full", &usual));
    }

    #[test]
    fn a_weaker_mode_for_another_machine_is_refused_with_the_way_out() {
        for mode in ["disable", "allow", "prefer", "require", "verify-ca"] {
            let url = format!("postgres://u:hush@db.example.org/v?sslmode={mode}");
            let refused = options(&url, &Access::default()).expect_err(mode).to_string();
            assert!(
                refused.contains("database.unverified = true") && !refused.contains("hush"),
                "{refused}"
            );
            let told = Access {
                unverified: true,
                ..Access::default()
            };
            assert!(options(&url, &told).is_ok(), "{mode}");
        }
    }

    #[test]
    fn every_session_has_its_limits() {
        let access = Access {
            statement_seconds: Some(7),
            ..Access::default()
        };
        let said = options("postgres://u@localhost/v", &access).expect("a way");
        let said = said.get_options().expect("options");
        for limit in [
            "statement_timeout=7000",
            "lock_timeout=7000",
            "idle_in_transaction_session_timeout=60000",
            "jit=off",
        ] {
            assert!(said.contains(limit), "{said}");
        }
    }
}
