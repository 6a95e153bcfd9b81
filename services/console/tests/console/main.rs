//! The API as a client meets it: a real Postgres and a real NATS behind it, the planner's part played by the test.

mod asking;
mod budget;
mod deeds;
mod description;
mod door;
mod following;
mod importing;
mod inventory;
mod pacing;
mod policies;
mod providers;
mod serving;
mod troubles;
mod watching;
mod world;
