//! The only SQL of the system: one file per noun.
//!
//! In: domain types and `now`. Out: domain types. Touches: Postgres. Never: NATS, HTTP, a clock, a decision.
//! A row that cannot be read is `Corrupt` and names itself; it is never skipped in silence: the sweeps of the ledger
//! quarantine it aloud (RUN-0003), so that it holds up nobody else.

mod accounts;
mod acts;
mod budget;
mod emergencies;
mod error;
mod flows;
mod hosts;
mod incidents;
mod jobs;
mod ledger;
mod limits;
mod notifications;
mod policies;
mod providers;
mod quarantine;
mod quiet;
mod renewal_info;
mod requests;
mod rows;
mod runs;
mod schedule;
mod schema;
mod snapshots;
mod steps;
mod survey;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

pub use acts::Act;
pub use budget::{HeldBudget, Paid};
pub use emergencies::{CalledHost, Calls, EmergencyView, ToTell, plan_key};
pub use error::StoreError;
pub use flows::STRIDE;
pub use hosts::HostView;
pub use incidents::{
    Group, IncidentFilter, IncidentTx, IncidentView, Known, OfHost, PastChange, RunFacts, Told, Watched,
};
pub use jobs::{Held, JobAct, JobTx, LineFilter, LineView, NewLine, NewPlace, PlannedOrder, Standing as JobStanding};
pub use ledger::{AccountKey, LaneRoom, LedgerTx, Product, Since, SnapshotRow};
pub use limits::{BucketRow, Reservation};
pub use notifications::{Next, Notification, NotificationView};
pub use policies::{PolicyView, RenewalView};
pub use quiet::{TagWindows, TargetGroup};
pub use renewal_info::{Answered, LockedRenewal, RenewalTx, ToAsk};
pub use runs::{LoadedRun, NewRun, RunFilter, RunView, Standing};
pub use schedule::{Judgement, ToJudge};
pub use steps::{StepRecord, StepView};
pub use survey::{Due, LockedHost, Sighting, SurveyTx};

/// A connection that was used just now is taken at its word; a longer silence may hide a server that is gone.
const SURE_FOR: Duration = Duration::from_secs(1);

/// Whether a pooled connection can be used: a question to the server before each use would cost as much as the use.
async fn still_there(connection: &mut PgConnection, idle: Duration) -> sqlx::Result<bool> {
    if idle >= SURE_FOR {
        connection.ping().await?;
    }
    Ok(true)
}

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Connects with at most `connections`; a database that does not answer within ten seconds is an error.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .before_acquire(|connection, about| Box::pin(still_there(connection, about.idle_for)));
        // Short statements, each of them many times: compiling one costs more than it runs.
        let server = PgConnectOptions::from_str(url)?.options([("jit", "off")]);
        Ok(Self {
            pool: options.connect_with(server).await?,
        })
    }

    /// Brings the schema up to date, if it is not. Safe to call by every replica at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let wanted = sqlx::migrate!("../../migrations");
        if schema::has_all(&self.pool, &wanted).await? {
            return Ok(());
        }
        wanted.run(&self.pool).await.map_err(StoreError::migration)
    }

    /// Whether Postgres answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.pool).await?;
        Ok(())
    }
}
