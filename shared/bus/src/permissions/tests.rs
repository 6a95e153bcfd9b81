use super::*;

fn may_publish(user: &User, subject: &str) -> bool {
    user.rights().publish.iter().any(|right| covers(right, subject))
}

/// How the server reads a right.
fn covers(right: &str, subject: &str) -> bool {
    let (mut rights, mut tokens) = (right.split('.'), subject.split('.'));
    loop {
        match (rights.next(), tokens.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(right), Some(token)) if right == token => {}
            (_, _) => return false,
        }
    }
}

#[test]
fn every_step_is_reported_by_its_worker_alone() {
    for kind in StepKind::ALL {
        for user in User::services() {
            let own = user == User::Worker(Worker::of(kind));
            assert_eq!(may_publish(&user, &subjects::report(kind)), own, "{user:?} {kind:?}");
            let orders = may_publish(&user, &subjects::order(kind));
            assert_eq!(orders, user == User::Planner, "{user:?} {kind:?}");
        }
    }
}

#[test]
fn only_the_planner_changes_a_stream_and_only_askers_ask() {
    for user in User::services() {
        assert_eq!(
            may_publish(&user, "$JS.API.STREAM.UPDATE.ORDERS"),
            user == User::Planner
        );
        for of in StreamName::ALL
            .map(|stream| stream.as_str().to_owned())
            .into_iter()
            .chain(BucketName::ALL.map(BucketName::stream))
        {
            for verb in ["CREATE", "UPDATE"] {
                let changes = may_publish(&user, &format!("$JS.API.STREAM.{verb}.{of}"));
                assert_eq!(changes, user == User::Planner, "{user:?} {verb} {of}");
            }
            for never in ["STREAM.DELETE", "STREAM.PURGE", "STREAM.SNAPSHOT", "DIRECT.GET"] {
                for rest in ["", ".x", ".$KV.http01.x"] {
                    let subject = format!("$JS.API.{never}.{of}{rest}");
                    assert!(!may_publish(&user, &subject), "{user:?} {subject}");
                }
            }
        }
        let asks = may_publish(&user, "vigilo.command.default.renew");
        assert_eq!(asks, user == User::Console, "{user:?}");
        assert!(!may_publish(&user, "vigilo.request.default.renew"), "{user:?}");
    }
}

#[test]
fn a_workspace_reaches_its_own_subjects_and_no_service_of_a_fleet() {
    let own = User::Workspace("acme".parse().expect("a slug"));
    for own_subject in [
        "vigilo.request.acme.renew",
        "vigilo.js.CONSUMER.MSG.NEXT.RUNS.ws-acme-1",
        "$JS.ACK.RUNS.ws-acme-4.1.1.1.1.0",
    ] {
        assert!(may_publish(&own, own_subject), "{own_subject}");
    }
    for foreign in [
        "vigilo.request.default.renew",
        "vigilo.command.acme.renew",
        "vigilo.request.acme.made-up",
        "$JS.API.CONSUMER.CREATE.RUNS.ws-acme-1.vigilo.run.acme.>",
        "$JS.API.CONSUMER.CREATE.RUNS",
        "vigilo.js.CONSUMER.CREATE.RUNS.ws-acme-1.vigilo.run.acme.>",
        "vigilo.js.CONSUMER.MSG.NEXT.RUNS.ws-default-1",
        "vigilo.js.CONSUMER.MSG.NEXT.RUNS.incident",
        "$JS.ACK.RUNS.incident.1.1.1.1.0",
        "vigilo.run.acme.1.succeeded",
        "vigilo.dead.runs",
    ] {
        assert!(!may_publish(&own, foreign), "{foreign}");
    }
    assert_eq!(own.rights().subscribe, ["vigilo.run.acme.>", "_INBOX.ws-acme.>"]);
}

#[test]
fn evidence_is_written_where_it_pushes_out_none_of_others() {
    let deployer = User::Worker(Worker::Deployer);
    for own in ["deploy", "rollback", "other"] {
        assert!(may_publish(&deployer, &subjects::dead("ORDERS", own)), "{own}");
    }
    for foreign in ["issue", "made-up", "*"] {
        assert!(!may_publish(&deployer, &subjects::dead("ORDERS", foreign)), "{foreign}");
    }
    assert!(!may_publish(&deployer, &subjects::dead("REPORTS", "deploy")));
    let verifier = User::Worker(Worker::Verifier);
    assert!(may_publish(&verifier, &subjects::dead("PROBES", "acme")));
}

#[test]
fn an_order_is_asked_about_under_ones_own_name() {
    for user in User::services() {
        for worker in Worker::ALL {
            let asks = may_publish(&user, &subjects::current(worker));
            assert_eq!(asks, user == User::Worker(worker), "{user:?} asks as {worker}");
        }
    }
    let heard = |user: &User| user.rights().subscribe.contains(&subjects::CURRENT_ALL.to_owned());
    let hearing: Vec<User> = User::services().into_iter().filter(heard).collect();
    assert_eq!(hearing, [User::Planner]);
}

#[test]
fn people_act_on_incidents_by_the_console_and_the_incident_service_hears_them() {
    let incident = User::Worker(Worker::Incident);
    let act = subjects::incident_act(&"acme".parse().expect("a slug"));
    for user in User::services() {
        assert_eq!(may_publish(&user, &act), user == User::Console, "{user:?}");
        let hears = user.rights().subscribe.contains(&subjects::INCIDENT_ACT_ALL.to_owned());
        assert_eq!(hears, user == incident, "{user:?}");
    }
    assert!(!may_publish(&User::Workspace("acme".parse().expect("a slug")), &act));
    assert!(incident.rights().answers);
}

#[test]
fn a_secret_is_sealed_under_ones_own_name_by_those_who_store_some() {
    for user in User::services() {
        for asker in Asker::ALL {
            let own = user.name() == asker.as_str();
            let stores = asker == Asker::Console || asker == Asker::Worker(Worker::Issuer);
            for subject in [subjects::custody_seal(asker), subjects::custody_recipient(asker)] {
                assert_eq!(may_publish(&user, &subject), own && stores, "{user:?} {subject}");
            }
        }
    }
}

#[test]
fn a_secret_is_asked_for_under_ones_own_name() {
    for user in User::services() {
        for worker in Worker::ALL {
            let asks = may_publish(&user, &subjects::custody_open(worker));
            assert!(!asks || user == User::Worker(worker), "{user:?} asks as {worker}");
        }
    }
}
