//! Jobs: what a filter chooses, plans kept page by page, runs created once.

use anyhow::{Context, Result};
use domain::disposition::{ErrorCode, Failure};
use domain::filter::{Filter, Subject};
use domain::host::NewHost;
use domain::ids::JobId;
use domain::job::{Decision, Holds, Included, Job, JobSpec, JobState, LeftOut, Totals};
use domain::policy::NewPolicy;
use domain::run::{Ending, Event, Failover, Position, Status};
use serde_json::json;
use store::{JobTx, LineFilter, NewLine, NewPlace, NewRun};

use crate::samples::{plan, policy, seen};
use crate::world::{World, minutes, now, save};

fn job(world: &World) -> Job {
    Job {
        id: JobId::new(),
        workspace: world.home.clone(),
        spec: JobSpec::of(Filter::default()),
        requested_by: "ann".to_owned(),
        created_at: now(),
        state: JobState::Planning,
        note: None,
        hosts: None,
        lines: 0,
        totals: Totals::default(),
        planned_at: None,
        committed_at: None,
        committed_by: None,
        created_to: 0,
        refused: 0,
        queue_positions: Vec::new(),
        holds: Holds::default(),
        held_to: None,
        judged_from: now(),
        cancelled_by: None,
        ended_at: None,
    }
}

impl World {
    async fn job(&self) -> Result<Job> {
        let job = job(self);
        self.store.add_job(&job, "a key", &json!("taken")).await?;
        Ok(job)
    }

    async fn locked(&self, job: &Job) -> Result<(JobTx, Job)> {
        self.store.job_tx(&self.home, job.id).await?.context("the job is there")
    }

    /// A plan of these runs, and of one host that is left out.
    async fn planned(&self, runs: &[NewRun]) -> Result<Job> {
        let (mut tx, mut job) = self.locked(&self.job().await?).await?;
        let mut lines: Vec<NewLine> = (1..).zip(runs).map(|(nr, run)| line(nr, run)).collect();
        lines.push(NewLine {
            nr: lines.len() as u32 + 1,
            hostname: "left.example.org".parse()?,
            decision: Decision::LeftOut(LeftOut::NoPolicy),
            run: None,
        });
        tx.keep_lines(&lines).await?;
        job.lines = lines.len() as u32;
        job.state = JobState::Committing;
        tx.put(&job, now()).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Creates the runs up to this line, and commits.
    async fn carried_out(&self, job: &Job, last: u32) -> Result<u32> {
        let (mut tx, mut job) = self.locked(job).await?;
        let lines = tx.included(&job, last).await?.into_iter();
        let places: Vec<NewPlace> = lines
            .map(|(nr, _)| NewPlace {
                nr,
                queue_position: nr.into(),
            })
            .collect();
        job.committed_by = Some("bob".to_owned());
        let refused = tx.create_runs(&job, last, &places, minutes(1)).await?;
        job.created_to = last;
        job.refused += refused;
        tx.put(&job, now()).await?;
        tx.commit().await?;
        Ok(refused)
    }
}

fn line(nr: u32, run: &NewRun) -> NewLine {
    NewLine {
        nr,
        hostname: run.head.hostname.clone(),
        decision: Decision::Included(Box::new(Included {
            choice: run.plan.choice.clone(),
            start_at: now(),
            waits_for: None,
            despite: None,
        })),
        run: Some(run.clone()),
    }
}

/// The filter in SQL chooses what the filter in the domain means.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_filter_chooses_what_it_means() -> Result<()> {
    let world = World::new().await?;
    let host = |name: &str, more: serde_json::Value| -> Result<NewHost> {
        let mut says = json!({"hostname": name});
        says.as_object_mut()
            .context("an object")?
            .extend(more.as_object().context("an object")?.clone());
        Ok(serde_json::from_value(says)?)
    };
    let hosts = [
        host(
            "a.example.org",
            json!({"environment": "prod", "tags": ["edge", "eu"], "criticality": "high"}),
        )?,
        host("b.example.org", json!({"environment": "staging", "tags": ["edge"]}))?,
        host("c.shop.example.org", json!({"tags": ["eu"], "criticality": "critical"}))?,
    ];
    for one in &hosts {
        let id = world.store.add_host(&world.home, one, now()).await?.id;
        if one.hostname.as_str() != "b.example.org" {
            world
                .store
                .add_policies(&world.home, &[(id, policy(one.hostname.as_str()))], now())
                .await?;
        }
    }
    let job = world.job().await?;
    for filter in [
        json!({}),
        json!({"hostname_glob": "?.example.org"}),
        json!({"environments": ["prod"]}),
        json!({"criticalities": ["critical", "high"]}),
        json!({"tags": ["edge", "eu"]}),
        json!({"providers": ["acme"]}),
        json!({"providers": ["letsencrypt"]}),
        json!({"hostnames": ["b.example.org", "strange.example.org"]}),
        json!({"days_until_expiry": 30}),
    ] {
        let filter: Filter = serde_json::from_value(filter)?;
        let provider =
            |one: &NewHost| (one.hostname.as_str() != "b.example.org").then_some(domain::policy::Provider::Acme);
        let mut meant: Vec<String> = hosts
            .iter()
            .filter(|one| {
                let subject = Subject {
                    host: one,
                    provider: provider(one),
                    served_until: None,
                };
                filter.matches(subject, now())
            })
            .map(|one| one.hostname.to_string())
            .collect();
        meant.sort();
        let mut chosen = world.store.chosen(&world.home, job.id, &filter, now()).await?;
        chosen.sort();
        assert_eq!(chosen, meant, "{filter:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_critical_and_the_soon_to_expire_come_first_and_no_host_comes_twice() -> Result<()> {
    let world = World::new().await?;
    let (late, soon) = (
        world.run("late.example.org").await?,
        world.run("soon.example.org").await?,
    );
    world.host("never-seen.example.org").await?;
    let mut tx = world.store.survey().await?;
    tx.keep_snapshots(
        &[
            seen(&late, now(), Some(minutes(90))),
            seen(&soon, now(), Some(minutes(60))),
        ]
        .map(|mut row| {
            row.run_id = None;
            row
        }),
    )
    .await?;
    tx.commit().await?;
    let chosen = async |job: JobId| world.store.chosen(&world.home, job, &Filter::default(), now()).await;
    assert_eq!(
        chosen(JobId::new()).await?,
        ["soon.example.org", "late.example.org", "never-seen.example.org"]
    );
    let job = world.planned(&[soon]).await?;
    assert_eq!(chosen(job.id).await?, ["late.example.org", "never-seen.example.org"]);
    Ok(())
}

#[tokio::test]
async fn runs_are_created_as_planned_once() -> Result<()> {
    let world = World::new().await?;
    let runs = [world.run("a.example.org").await?, world.run("b.example.org").await?];
    let job = world.planned(&runs).await?;
    assert_eq!(world.carried_out(&job, 1).await?, 0);
    assert_eq!(world.carried_out(&job, 3).await?, 0);
    assert_eq!(world.carried_out(&job, 3).await?, 0, "there is nothing left to do");
    let created = world.all_runs().await?;
    assert_eq!(created.len(), 2);
    let first = world.loaded(created[1]).await?;
    assert_eq!(first.plan, plan("a.example.org"));
    assert_eq!(first.head.job, Some(job.id));
    assert_eq!(
        (first.state, first.head.operator.as_str()),
        (runs[0].state.clone(), "bob")
    );
    let lines = world
        .store
        .job_lines(&world.home, job.id, &LineFilter::default(), 10)
        .await?;
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0].run_id, Some(created[1]));
    assert!(matches!(&lines[0].decision, Decision::Included(one) if one.choice == first.plan.choice));
    assert_eq!(lines[2].decision, Decision::LeftOut(LeftOut::NoPolicy));
    Ok(())
}

#[tokio::test]
async fn a_line_that_cannot_become_a_run_any_more_says_why() -> Result<()> {
    let world = World::new().await?;
    let runs = [
        world.run("busy.example.org").await?,
        world.run("gone.example.org").await?,
        world.run("good.example.org").await?,
    ];
    let job = world.planned(&runs).await?;
    world.create(&[runs[0].clone()]).await?;
    world
        .sql("update policies set active = false where hostname = 'gone.example.org'")
        .await?;
    assert_eq!(world.carried_out(&job, 4).await?, 2);
    let lines = world
        .store
        .job_lines(&world.home, job.id, &LineFilter::default(), 10)
        .await?;
    let became: Vec<_> = lines.iter().map(|line| (line.refused, line.run_id.is_some())).collect();
    assert_eq!(
        became[..3],
        [
            (Some(domain::job::Refusal::ActiveRun), false),
            (Some(domain::job::Refusal::PolicyGone), false),
            (None, true)
        ]
    );
    let job = world.store.job(&world.home, job.id).await?.context("the job")?;
    let progress = world.store.job_progress(&job).await?;
    assert_eq!((progress.queued, progress.refused), (1, 2));
    Ok(())
}

#[tokio::test]
async fn a_job_is_in_one_hand_at_a_time() -> Result<()> {
    let world = World::new().await?;
    let job = world.job().await?;
    let claim = async |at| world.store.claim_job(&[JobState::Planning], at, minutes(5)).await;
    assert_eq!(claim(now()).await?.map(|job| job.id), Some(job.id));
    assert_eq!(claim(now()).await?, None);
    assert!(claim(minutes(5)).await?.is_some(), "whoever had it is gone");
    let neighbour = world.neighbour().await?;
    assert_eq!(world.store.job(&neighbour, job.id).await?, None);
    assert!(world.store.job_tx(&neighbour, job.id).await?.is_none());
    Ok(())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn the_first_cohort_is_spread_and_the_places_are_given_on() -> Result<()> {
    let world = World::new().await?;
    let mut runs = Vec::new();
    for (name, ca) in [
        ("a.one.org", "x"),
        ("b.one.org", "x"),
        ("a.two.org", "x"),
        ("a.three.org", "y"),
    ] {
        let mut run = world.run(name).await?;
        run.plan.choice.ca = format!("https://{ca}.example.org/dir").parse()?;
        runs.push(run);
    }
    let job = world.planned(&runs).await?;
    let (mut tx, mut locked) = world.locked(&job).await?;
    tx.mark_cohort(3).await?;
    locked.holds.cohort = true;
    locked.holds.places = Some(1);
    tx.put(&locked, now()).await?;
    tx.commit().await?;
    world.carried_out(&job, 5).await?;
    let lines = world
        .store
        .job_lines(&world.home, job.id, &LineFilter::default(), 10)
        .await?;
    let cohort: Vec<bool> = lines.iter().map(|line| line.in_cohort).collect();
    assert_eq!(
        cohort,
        [true, false, true, true, false],
        "one of each CA first, then another zone"
    );

    let (mut tx, locked) = world.locked(&job).await?;
    let place = locked.holds.place().context("a cap")?;
    assert_eq!(tx.going().await?, 0);
    assert_eq!(tx.let_in(&place, 1, minutes(1)).await?, 1);
    assert_eq!((tx.going().await?, tx.cohort_open().await?), (1, 3));
    tx.commit().await?;
    let first = world.all_runs().await?.into_iter().min().context("a run")?;
    let cancel = Event::CancelRequested { by: "ann".to_owned() };
    world.happens(first, [cancel], minutes(2)).await?;
    assert_eq!(world.loaded(first).await?.state.status(), Status::Cancelled);
    let (mut tx, _) = world.locked(&job).await?;
    assert_eq!((tx.going().await?, tx.cohort_open().await?), (0, 2));
    Ok(())
}

/// One that fails where it was planned, and one that fails where it turned to.
#[tokio::test]
async fn to_blame_is_the_ca_that_was_asked() -> Result<()> {
    let world = World::new().await?;
    let mut runs = [world.run("a.one.org").await?, world.run("b.one.org").await?];
    for run in &mut runs {
        let second = format!("{}/second", run.plan.choice.ca);
        run.plan.fallbacks = vec![domain::plan::Choice {
            ca: second.parse()?,
            ..run.plan.choice.clone()
        }];
    }
    let job = world.planned(&runs).await?;
    world.carried_out(&job, 3).await?;
    let mut ledger = world.store.ledger().await?;
    let mut planned = ledger.load(&world.all_runs().await?).await?;
    for run in &mut planned {
        let failure = Failure::new("ISS-0008", "what", "hint");
        if run.head.hostname.as_str() == "b.one.org" {
            run.state.progress.failovers.push(Failover {
                attempt: 1,
                at: now(),
                failure: failure.clone(),
            });
        }
        let ending = Ending::Failed { failure, at: None };
        run.state.position = Position::Ended { ending };
    }
    save(&mut ledger, &planned, minutes(2)).await?;
    ledger.commit().await?;
    let (mut tx, _) = world.locked(&job).await?;
    let settled = tx.settled(now()).await?;
    assert!(settled.iter().all(|one| one.code == Some(ErrorCode::new("ISS-0008"))));
    let mut blamed: Vec<String> = settled.into_iter().map(|one| one.traits.ca.to_string()).collect();
    blamed.sort();
    assert_eq!(
        blamed,
        ["https://ca.example.org/dir", "https://ca.example.org/dir/second"]
    );
    Ok(())
}

/// A plan that an earlier version has made does not say what its runs cost.
#[tokio::test]
async fn runs_of_an_earlier_plan_are_read_again() -> Result<()> {
    let world = World::new().await?;
    let mut runs = [world.run("a.one.org").await?, world.run("b.one.org").await?];
    for run in &mut runs {
        run.plan.choice.cost_micro_usd = Some(7);
    }
    let job = world.planned(&runs).await?;
    world
        .sql("update job_lines set has_facts = false, current_cost_micro_usd = null where nr = 1")
        .await?;
    world.carried_out(&job, 3).await?;
    assert_eq!(world.store.budget(&world.home, now()).await?.active.micro_usd, 14);
    let mut ledger = world.store.ledger().await?;
    assert_eq!(ledger.keep_facts(10).await?, 1, "the run of the first line");
    ledger.commit().await?;
    assert_eq!(world.store.budget(&world.home, now()).await?.active.micro_usd, 14);
    Ok(())
}

#[tokio::test]
async fn a_policy_of_another_hostname_is_not_meant() -> Result<()> {
    let world = World::new().await?;
    let host = world.host("a.example.org").await?;
    let other: NewPolicy = policy("b.example.org");
    world.store.add_policies(&world.home, &[(host, other)], now()).await?;
    let filter: Filter = serde_json::from_value(json!({"providers": ["acme"]}))?;
    assert_eq!(
        world.store.chosen(&world.home, JobId::new(), &filter, now()).await?,
        Vec::<String>::new()
    );
    Ok(())
}
