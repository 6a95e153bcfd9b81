//! Wherever a run stands, its row says so, and nothing is lost.

use anyhow::Result;
use domain::disposition::Failure;
use domain::run::{
    Because, Check, Checkpoint, Ending, Former, Position, Receipt, RunProgress, RunState, Step, TargetLook,
    TargetState, Unproven,
};

use crate::samples::{failure, fingerprint, plan, sealed};
use crate::world::{World, minutes, now, save};

#[tokio::test]
async fn a_run_comes_back_from_its_row_as_it_was_saved() -> Result<()> {
    let world = World::new().await?;
    let created = world.created("www.example.org").await?;
    let found = world.loaded(created.head.id).await?;
    assert_eq!((found.head, found.plan), (created.head.clone(), created.plan.clone()));
    assert_eq!(found.state, created.state);

    for state in places() {
        let mut ledger = world.store.ledger().await?;
        let mut run = world.loaded(created.head.id).await?;
        run.state = state.clone();
        save(&mut ledger, &[run], now()).await?;
        ledger.commit().await?;
        assert_eq!(world.loaded(created.head.id).await?.state, state);
    }
    Ok(())
}

/// One of every kind, with everything a run can carry.
fn places() -> Vec<RunState> {
    let step = Step::Deploy(1);
    let waiting = |because| Position::Waiting {
        step,
        until: minutes(7),
        because,
    };
    let asking = |retry_at| Position::Asking {
        step,
        question: failure("no room on the disk").ask(),
        retry_at,
    };
    let ended = |ending| Position::Ended { ending };
    let positions = [
        waiting(Because::Turn),
        waiting(Because::Resting),
        waiting(Because::Retry {
            failure: failure("busy"),
        }),
        Position::Out {
            step,
            deadline: minutes(9),
        },
        asking(None),
        asking(Some(minutes(11))),
        ended(Ending::Succeeded),
        ended(Ending::Failed {
            failure: failure("refused"),
            at: Some(step),
        }),
        ended(Ending::Cancelled {
            by: "ann".to_owned(),
            stays: vec!["file /t/a.crt: the new certificate is installed".to_owned()],
        }),
    ];
    positions.into_iter().map(laden).collect()
}

fn laden(position: Position) -> RunState {
    RunState {
        position,
        attempt: 5,
        failures: 2,
        checkpoint: Some(Checkpoint::AcmeAccountKey {
            sealed_key: sealed("account"),
        }),
        cancelled_by: Some("ben".to_owned()),
        progress: RunProgress {
            targets: vec![installed(), aside()],
            verified: true,
            withheld: Some(failure("not served").ask()),
            failovers: Vec::new(),
            failing_since: Some(minutes(1)),
            look_since: Some(minutes(2)),
            target_looks: vec![TargetLook {
                before: 6,
                check: Check::tick("targets", "good"),
            }],
            tidied: true,
            unproven: vec![Unproven {
                target: 1,
                receipt: receipt(),
            }],
            crosses: vec!["no reload hook".to_owned()],
        },
    }
}

fn receipt() -> Receipt {
    Receipt {
        installed: fingerprint("new"),
        already_there: false,
        backups: vec!["/t/a.crt.bak".to_owned()],
        replaced: None,
        reload_output: None,
    }
}

fn installed() -> TargetState {
    let former = Former {
        leaf: fingerprint("former"),
        not_after: minutes(90),
    };
    TargetState::Installed { replaced: Some(former) }
}

fn aside() -> TargetState {
    TargetState::Aside {
        until: minutes(3),
        failures: 1,
        failure: Failure::new("DEP-0001", "no route", "see the network").seen_at(vec![([127, 0, 0, 1], 443).into()]),
    }
}

#[tokio::test]
async fn a_run_of_before_the_targets_had_states_begins_their_course() -> Result<()> {
    let world = World::new().await?;
    let old = world.created("www.example.org").await?;
    world.sql("update runs set course = null").await?;
    let progress = world.loaded(old.head.id).await?.state.progress;
    assert_eq!(progress, RunProgress::of(&plan("www.example.org")));
    Ok(())
}
