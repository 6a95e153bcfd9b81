//! What each workspace asks for is taken side by side with what others ask for, and one after the other within.
//!
//! In: a stream of requests or of commands. Out: an intake for each workspace that asks, until it has been silent for a while.
//! Never: a workspace that waits because of another one's requests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bus::BusError;
use bus::inbox::Inbox;
use bus::readers::Reader;
use bus::streams::StreamName;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::intake::{Intake, take_requests};

/// Who asks for the first time waits so long at most.
const LOOK: Duration = Duration::from_millis(250);
/// Who has asked nothing for so long is looked for again, like one who never did.
const SILENT: Duration = Duration::from_secs(600);

/// Takes what is asked in this stream, until `stop`.
pub(crate) async fn take_all(
    intake: Arc<Intake>,
    stream: StreamName,
    batch: usize,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let (mut known, mut taking) = (BTreeSet::new(), JoinSet::new());
    loop {
        match stop.run_until_cancelled(intake.bus.asking(stream)).await {
            None => break,
            Some(Ok(asking)) => {
                for workspace in asking {
                    if known.insert(workspace.clone()) {
                        let reader = Reader::asked_of(stream, &workspace);
                        let opening = Inbox::open(intake.bus.clone(), reader, batch);
                        taking.spawn(take_of(Arc::clone(&intake), opening, workspace, stop.clone()));
                    }
                }
            }
            Some(Err(error)) => warn!(%error, stream = stream.as_str(), "who asks cannot be seen; looking again"),
        }
        while let Some(silent) = taking.try_join_next() {
            known.remove(&silent??);
        }
        if chassis::pause(LOOK, stop).await.is_none() {
            break;
        }
    }
    while let Some(ended) = taking.join_next().await {
        ended??;
    }
    Ok(())
}

/// Gives back the workspace when it has been silent for a while, or its reader cannot be opened now.
async fn take_of(
    intake: Arc<Intake>,
    opening: impl Future<Output = Result<Inbox<Value>, BusError>>,
    workspace: String,
    stop: CancellationToken,
) -> anyhow::Result<String> {
    match stop.run_until_cancelled(opening).await {
        None => {}
        Some(Ok(inbox)) => take_requests(intake, inbox, &stop, SILENT).await?,
        Some(Err(error)) => warn!(%error, workspace, "what a workspace asks for cannot be read; trying again"),
    }
    Ok(workspace)
}
