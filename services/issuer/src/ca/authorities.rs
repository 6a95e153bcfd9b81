//! Every kind of CA that this issuer can ask.

use domain::ca::CaRef;

use super::acme::Acme;
use super::{Authority, CaError};

pub struct Authorities {
    acme: Acme,
}

impl Authorities {
    pub fn new(acme: Acme) -> Self {
        Self { acme }
    }

    /// What works for this CA. The only match on its kind in the issuer.
    pub fn of(&self, ca: &CaRef) -> Result<&dyn Authority, CaError> {
        match ca {
            CaRef::Acme(_) => Ok(&self.acme),
            CaRef::AwsAcm { .. } | CaRef::GcpCm { .. } | CaRef::VaultPki { .. } | CaRef::Manual => {
                Err(CaError::NotServed { ca: ca.clone() })
            }
        }
    }

    /// The authority of a CA. Orders of earlier versions do not name it: all of those were ACME
    /// CAs.
    pub fn of_any(&self, ca: Option<&CaRef>) -> Result<&dyn Authority, CaError> {
        ca.map_or(Ok(&self.acme), |ca| self.of(ca))
    }
}
