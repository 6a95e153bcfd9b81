//! The seam to what answers challenges: one file per kind of solver.
//!
//! In: what a CA wants to see for the names of one order. Out: it is there, it can be seen, it is
//! gone. Never: a decision about the run (see `verdict`), a word of one CA's protocol.
//!
//! ```text
//! locate ──(the receipt is saved)──▶ present ──▶ settled? ──▶ the CA looks ──▶ remove
//! ```

pub mod http01;

use std::net::IpAddr;

use async_trait::async_trait;
use domain::run::Check;
use domain::solver::{self, Receipt};
use domain::{DnsName, Timestamp};

use self::http01::Http01;

/// What shall be seen for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub name: String,
    pub proof: Proof,
}

/// By type of challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// RFC 8555 §8.3
    Http01 { token: String, key_authorization: String },
}

/// Whether the CA can be told to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Yes,
    /// It is worth another look then.
    NotYet {
        look_at: Timestamp,
    },
}

/// One name that is rehearsed.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    pub name: &'a DnsName,
    /// As they are seen from here.
    pub addresses: &'a [IpAddr],
    /// Where the CA asks for http-01 responses.
    pub http01_port: u16,
}

/// What an order's records could not be placed for; it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SolverError {
    pub what: String,
}

/// What could not be removed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    pub left: Receipt,
    pub why: String,
}

/// One solver, whatever its kind. Every method may be called again for the same records, by another
/// process too.
#[async_trait]
pub trait Solver: Send + Sync {
    /// What `present` would place for these. Changes nothing: the receipt is saved first.
    async fn locate(&self, records: &[Record]) -> Result<Receipt, SolverError>;

    /// Places all records of an order where they were located. What is there already is left as it
    /// is, and what others have placed too.
    async fn present(&self, records: &[Record], located: &Receipt) -> Result<(), SolverError>;

    /// Whether everything of the receipt can be seen where the CA will look.
    async fn check_settled(&self, receipt: &Receipt) -> Result<Settled, SolverError>;

    /// Removes by value what the receipt lists, and nothing else. What is not there is removed.
    async fn remove(&self, receipt: &Receipt) -> Result<(), Remaining>;

    /// What can be known of one name before a CA is asked, one check each. Leaves nothing behind.
    async fn rehearse(&self, site: &Site<'_>) -> Vec<Check>;
}

/// Every kind of solver that this issuer has.
pub struct Solvers {
    http01: Http01,
}

impl Solvers {
    pub fn new(http01: Http01) -> Self {
        Self { http01 }
    }

    /// What works for this solver. The only match on its kind in the issuer.
    pub fn of<'a>(&'a self, solver: &'a solver::Solver) -> Box<dyn Solver + 'a> {
        match solver {
            solver::Solver::Http01(_) => Box::new(self.http01.clone()),
        }
    }
}
