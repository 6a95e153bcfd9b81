//! The API as a client meets it: a real Postgres and a real NATS behind it, the planner's part played by the test.

mod acts;
mod answers;
mod asking;
mod budget;
mod description;
mod document;
mod door;
mod following;
mod held_up;
mod hostile;
mod importing;
mod inventory;
mod pacing;
mod policies;
mod providers;
mod serving;
mod troubles;
mod watching;
mod world;
