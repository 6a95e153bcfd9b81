//! How we prove to a CA that we hold a name.

pub mod http01;

pub use http01::Http01;
