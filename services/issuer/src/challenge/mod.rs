//! How we prove to a CA that we hold a name.

pub mod responder;
pub mod solvers;

pub use responder::Responder;
