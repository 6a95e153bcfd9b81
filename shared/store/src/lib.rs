//! The only SQL of the system: one file per noun.
//!
//! In: domain types and `now`. Out: domain types. Touches: Postgres. Never: NATS, HTTP, a clock, a
//! decision. A row that cannot be read is `Corrupt` and names itself; it is never skipped in
//! silence: the sweeps of the ledger quarantine it aloud (RUN-0003), so that it delays no other
//! row.

mod access;
mod accounts;
mod acts;
mod ask_window;
mod budget;
mod ca_holds;
mod catalogue;
mod emergencies;
mod error;
mod flows;
mod hosts;
mod incidents;
mod jobs;
mod ledger;
mod limits;
mod notifications;
mod pacing;
mod policies;
mod providers;
mod quarantine;
mod renewal_info;
mod requests;
mod rows;
mod runs;
mod schedule;
mod schema;
mod snapshot_row;
mod snapshots;
mod steps;
mod survey;

use std::time::Duration;

use schema::Found;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

pub use access::{Access, Database};
pub use accounts::AccountKey;
pub use acts::Act;
pub use ask_window::AskWindow;
pub use budget::{HeldBudget, Paid};
pub use ca_holds::CaHold;
pub use emergencies::{CalledHost, Calls, EmergencyView, ToTell, plan_key};
pub use error::StoreError;
pub use flows::STRIDE;
pub use hosts::HostView;
pub use incidents::{
    Group, HostTrouble, IncidentFilter, IncidentTx, IncidentView, Known, KnownTroubles, OfHost, PastChange, RunFacts,
    Told, TroubleOver, Watched,
};
pub use jobs::{Held, JobAct, JobTx, LineFilter, LineView, NewLine, NewPlace, PlannedOrder, Standing as JobStanding};
pub use ledger::{LaneRoom, LedgerTx, Product, Since};
pub use limits::{BucketRow, Reservation};
pub use notifications::{Announcement, Next, Notification, NotificationView};
pub use pacing::{TagWindows, TargetGroup};
pub use policies::{Added, Changed, PolicyView, RenewalView, Taken};
pub use renewal_info::{Answered, LockedRenewal, RenewalTx, ToAsk};
pub use requests::AnsweredRequest;
pub use runs::{LoadedRun, NewRun, RunFilter, RunView, Standing};
pub use schedule::{Judgement, ToJudge};
pub use snapshot_row::SnapshotRow;
pub use steps::{StepRecord, StepView};
pub use survey::{Due, HostLook, LockedHost, Observation, SurveyTx};

/// A connection that was used just now is taken at its word; a longer silence may hide a server
/// that is gone.
const SURE_FOR: Duration = Duration::from_secs(1);

/// Whether a pooled connection can be used: a question to the server before each use would cost as
/// much as the use.
async fn still_there(connection: &mut PgConnection, idle: Duration) -> sqlx::Result<bool> {
    if idle >= SURE_FOR {
        connection.ping().await?;
    }
    Ok(true)
}

/// SQLSTATE of a full disk (PostgreSQL, Appendix A).
const DISK_FULL: &str = "53100";

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Connects with at most `connections`, as to a database whose configuration says nothing
    /// further.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        Self::open(Database {
            url: url.to_owned(),
            connections,
            access: Access::default(),
            statement: Duration::from_secs(120),
        })
        .await
    }

    /// A database that does not answer within ten seconds is an error.
    pub async fn open(database: Database) -> Result<Self, StoreError> {
        let options = PgPoolOptions::new()
            .max_connections(database.connections)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .before_acquire(|connection, about| Box::pin(still_there(connection, about.idle_for)));
        Ok(Self {
            pool: options.connect_with(database.options()?).await?,
        })
    }

    /// Brings the schema up to date, if it is not. Safe to call by every replica at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let wanted = sqlx::migrate!("../../migrations");
        let found = schema::look(&self.pool, &wanted).await?;
        if found == Found::Foreign {
            return Err(StoreError::Foreign);
        }
        if found == Found::Current && catalogue::is_current(&self.pool).await? {
            return Ok(());
        }
        // A table of a large estate takes its time, and another replica may be at it: this one
        // session has no limits.
        let unlimited = access::unlimited(PgConnectOptions::clone(&self.pool.connect_options()));
        let session = PgPoolOptions::new().max_connections(1).connect_with(unlimited).await?;
        let migrated = match wanted.run(&session).await {
            Ok(()) => catalogue::write(&session).await.map_err(StoreError::catalogue),
            Err(error) => Err(StoreError::migration(error)),
        };
        session.close().await;
        migrated
    }

    /// Whether Postgres can write to its disk: a sort that is too large for its memory must. It
    /// needs no right, leaves nothing, and finds a full disk before the record does. What Postgres
    /// says when it cannot; nothing when it can.
    pub async fn full(&self) -> Result<Option<String>, StoreError> {
        const SORT: &str = "select count(*) from (select repeat('x', 100) || n from generate_series(1, 20000) n \
                            order by 1 desc offset 0) as sorted";
        let mut transaction = self.pool.begin().await?;
        sqlx::query("set local work_mem = '64kB'")
            .execute(&mut *transaction)
            .await?;
        let sorted = sqlx::query(SORT).execute(&mut *transaction).await;
        transaction.rollback().await?;
        match sorted {
            Ok(_) => Ok(None),
            Err(error) => match error
                .as_database_error()
                .filter(|e| e.code().as_deref() == Some(DISK_FULL))
            {
                Some(full) => Ok(Some(full.message().to_owned())),
                None => Err(error.into()),
            },
        }
    }

    /// Whether Postgres answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.pool).await?;
        Ok(())
    }
}
