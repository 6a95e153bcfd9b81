//! The incident service on a real NATS and a real Postgres.

mod acts;
mod estate;
mod intake;
mod many;
mod timer;
mod told;
mod world;
