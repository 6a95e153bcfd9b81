use domain::run::{Check, Step};
use protocol::SCHEMA;
use protocol::log::LogBatch;
use protocol::report::{Level, LogLine};

use crate::kept::travels;
use crate::parts::{at, run_id, workspace};

#[test]
fn what_a_worker_writes_down_is_told_as_before() {
    let batch = LogBatch {
        schema: SCHEMA,
        run_id: run_id(),
        workspace: workspace(),
        step: Step::Deploy(1),
        attempt: 7,
        worker: "deployer@host-1/7".to_owned(),
        started_at: at(1),
        lines_before: 2,
        lines: vec![LogLine {
            at: at(3),
            level: Level::Info,
            message: "the server is made to use it".to_owned(),
            fields: [("target".to_owned(), "file".to_owned())].into(),
        }],
        checks_before: 0,
        checks: vec![Check::tick("installed", "in place of another one").seen(at(2))],
    };
    travels("log-batch", &batch);
}
