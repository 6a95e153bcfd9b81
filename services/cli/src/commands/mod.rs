//! One file per noun of the command line: its arguments, what it asks of the API, how it ends.

pub mod acts;
pub mod budget;
pub mod bulk;
pub mod check;
pub mod emergency;
pub mod errors;
pub mod events;
pub mod follow;
pub mod group;
pub mod host;
pub mod import;
pub mod incident;
pub mod job;
pub mod limit;
pub mod policy;
pub mod provider;
pub mod renew;
pub mod run;
pub mod window;
