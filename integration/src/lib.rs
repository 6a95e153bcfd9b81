//! The world around the product: a CA, web servers with old certificates, and the product as its users start it.
//!
//! In: how many hosts. Out: a running estate and a running Vigilo, one process or many. Touches: loopback. Never: a
//! stand-in for a server that can be had, and never the inside of a service: it is driven through its API and binary.

pub mod api;
pub mod bench;
pub mod chaos;
pub mod drain;
pub mod estate;
pub mod fleet;
pub mod meter;
pub mod planning;

pub use self::api::Api;
pub use estate::Estate;
pub use fleet::{Fleet, Member};

/// Makes the one rustls provider of this process known; may be called again.
pub fn install_crypto() {
    // A second call finds it installed already, which is what was wanted.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
