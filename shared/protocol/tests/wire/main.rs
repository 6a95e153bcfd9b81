//! What is on the wire stays readable.
//!
//! Every kind of message has its snapshot in `snapshots/`: a change of the wire shows there, and in no other way. It is
//! accepted on purpose, with `INSTA_UPDATE=always cargo test -p protocol`, and read in the review. What was sent by
//! versions before is in `samples/`: files are added there, never changed.

mod custody;
mod drift;
mod events;
mod fuzz;
mod kept;
mod logs;
mod old;
mod orders;
mod parts;
mod probes;
mod renewal_info;
mod reports;
mod requests;
mod schemas;
