//! Sealing and opening of secrets.
//!
//! In: secrets as bytes, envelopes as text. Out: the other one. Touches: NATS (the client only). Never: a file, a
//! log line, a `Debug` that shows a secret.
//!
//! Every worker uses [`Custody`], the client; who only stores secrets has a [`Sealer`]. The key-signer alone uses [`envelope`], [`root`] and [`hpke`].

mod aes;
pub mod client;
pub mod envelope;
pub mod hpke;
mod kdf;
pub mod leaf_key;
pub mod pem;
pub mod root;

pub use client::{Custody, CustodyError, OnBehalf, Sealer};
pub use envelope::{Binding, EnvelopeError, Kek, KekError};
pub use leaf_key::{LeafKey, NoLeafKey};
pub use root::RootKey;
