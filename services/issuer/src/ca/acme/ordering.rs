//! Placing an order: with the profile that the policy names, and in place of the certificate that it renews.
//!
//! In: an account and an application. Out: an order at the CA. Never: a profile that the CA does not list or has not
//! taken; an order less because the CA does not want to hear of a predecessor.

use domain::ari::CertId;
use domain::run::Check;
use instant_acme::{Account, CertificateIdentifier, Error, Identifier, NewOrder, Order};

use super::client::Obstacle;
use super::nonce_proof;
use super::translate::{is_bad_nonce, problem, translate};
use crate::ca::{Application, CaError, ProblemKind};

pub async fn place(account: &Account, for_: &Application<'_>) -> Result<Order, CaError> {
    offered(account, for_)?;
    let order = match for_.replaces {
        None => once(account, for_, None).await,
        Some(predecessor) => replacing(account, for_, predecessor).await,
    };
    let mut order = order.map_err(translate)?;
    taken(&mut order, for_)?;
    Ok(order)
}

/// The names of the profiles that the CA lists, in the order of the alphabet.
pub fn profiles(account: &Account) -> Vec<String> {
    let mut names: Vec<String> = account.profiles().map(|one| one.name.to_owned()).collect();
    names.sort();
    names
}

/// A CA that knows no profiles would leave the field aside without a word.
fn offered(account: &Account, for_: &Application<'_>) -> Result<(), CaError> {
    let Some(asked) = for_.profile else { return Ok(()) };
    let offered = profiles(account);
    if offered.iter().any(|name| name == asked) {
        return Ok(());
    }
    let asked = asked.to_owned();
    Err(CaError::NoSuchProfile { asked, offered })
}

fn taken(order: &mut Order, for_: &Application<'_>) -> Result<(), CaError> {
    let got = order.state().profile.clone();
    match for_.profile {
        Some(asked) if got.as_deref() != Some(asked) => Err(CaError::OtherProfile {
            asked: asked.to_owned(),
            got,
        }),
        Some(_) | None => Ok(()),
    }
}

/// What a CA may have against the predecessor is nothing against the order: it is placed again without.
async fn replacing(account: &Account, for_: &Application<'_>, predecessor: &CertId) -> Result<Order, Error> {
    match once(account, for_, Some(predecessor)).await {
        Ok(order) => {
            let evidence = format!("it replaces {predecessor} (ARI)");
            for_.ctx
                .check(Check::tick("the CA took the order as a replacement", evidence));
            Ok(order)
        }
        Err(error) => match refused(&error) {
            Some(why) => {
                for_.ctx.warn(
                    format!("the CA did not take the order as a replacement ({why}); it is placed without"),
                    &[("replaces", predecessor.as_str())],
                );
                once(account, for_, None).await
            }
            None => Err(error),
        },
    }
}

async fn once(account: &Account, for_: &Application<'_>, predecessor: Option<&CertId>) -> Result<Order, Error> {
    let names: Vec<Identifier> = for_
        .names
        .iter()
        .map(|name| Identifier::Dns(name.as_str().to_owned()))
        .collect();
    let mut new = NewOrder::new(&names);
    if let Some(profile) = for_.profile {
        new = new.profile(profile);
    }
    if let Some(predecessor) = predecessor {
        let (key, serial) = predecessor.parts();
        new = new.replaces(CertificateIdentifier {
            authority_key_identifier: key.into(),
            serial: serial.into(),
        });
    }
    nonce_proof!(account.new_order(&new))
}

/// Why the predecessor may be what the CA did not like; nothing when it is something else, which asking without it would
/// not mend.
fn refused(error: &Error) -> Option<String> {
    match error {
        // The directory has no renewal information.
        Error::Unsupported(_) => Some("it offers no renewal information".to_owned()),
        Error::Api(said) => {
            let problem = problem(said);
            let of_it = matches!(
                problem.kind,
                ProblemKind::AlreadyReplaced
                    | ProblemKind::Malformed
                    | ProblemKind::Unauthorized
                    | ProblemKind::Other(_)
            );
            of_it.then(|| problem.to_string())
        }
        Error::Other(inner) => match inner.downcast_ref::<Obstacle>() {
            Some(Obstacle::Unexpected { .. }) => Some(inner.to_string()),
            Some(
                Obstacle::RateLimited { .. }
                | Obstacle::Unavailable { .. }
                | Obstacle::Untrusted { .. }
                | Obstacle::Foreign { .. },
            ) => None,
            // The library's own: the order is there, but does not say what it replaces (RFC 9773 §5).
            None => Some("it left the field aside".to_owned()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(kind: &str) -> Error {
        let said = format!(r#"{{"type":"urn:ietf:params:acme:error:{kind}","detail":"because"}}"#);
        Error::Api(serde_json::from_str(&said).expect("a problem"))
    }

    fn stopped(obstacle: Obstacle) -> Error {
        Error::Other(Box::new(obstacle))
    }

    #[test]
    fn only_what_the_predecessor_may_be_the_reason_of_is_tried_without_it() {
        let unexpected = Obstacle::Unexpected {
            status: 409,
            said: String::new(),
        };
        let without = [
            api("alreadyReplaced"),
            api("malformed"),
            api("unauthorized"),
            api("notFound"),
            stopped(unexpected),
            Error::Other("replaces field mismatch".into()),
            Error::Unsupported("ACME renewal information (ARI)"),
        ];
        for error in without {
            assert!(refused(&error).is_some(), "{error}");
        }
        let busy = Obstacle::Unavailable {
            until: None,
            said: String::new(),
        };
        for error in [
            api("rateLimited"),
            api("accountDoesNotExist"),
            api("rejectedIdentifier"),
            stopped(busy),
        ] {
            assert!(refused(&error).is_none(), "{error}");
        }
    }
}
