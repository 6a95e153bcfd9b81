//! The record on a real Postgres: one file per noun, one database per test.

mod accounts;
mod corrupt;
mod deadlines;
mod emergencies;
mod hosts;
mod incidents;
mod jobs;
mod outbox;
mod people;
mod places;
mod policies;
mod products;
mod renewal_info;
mod requests;
mod runs;
mod samples;
mod schema;
mod snapshots;
mod steps;
mod survey;
mod turns;
mod windows;
mod workspaces;
mod world;
