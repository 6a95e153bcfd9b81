//! Placing an order: with the profile that the policy names, and in place of the certificate that
//! it renews.
//!
//! In: an account and an application. Out: an order at the CA. Never: a profile that the CA does
//! not list or has not taken; an order less because the CA does not want to hear of a predecessor.

use domain::ari::CertId;
use domain::run::Check;
use instant_acme::{Account, CertificateIdentifier, Error, Identifier, NewOrder, Order};

use super::client::Obstacle;
use super::translate::{is_bad_nonce, problem, translate};
use super::{nonce_proof, recorder};
use crate::ca::{Application, CaError, Concern};

pub async fn place(account: &Account, for_: &Application<'_>) -> Result<Order, CaError> {
    check_profile_offered(account, for_)?;
    let order = match for_.replaces {
        None => place_order(account, for_, None).await,
        Some(predecessor) => place_replacement(account, for_, predecessor).await,
    };
    let mut order = order.map_err(translate)?;
    check_profile_taken(&mut order, for_)?;
    Ok(order)
}

/// The names of the profiles that the CA lists, in the order of the alphabet.
pub fn profiles(account: &Account) -> Vec<String> {
    let mut names: Vec<String> = account.profiles().map(|one| one.name.to_owned()).collect();
    names.sort();
    names
}

/// A CA that knows no profiles would leave the field aside without a word.
fn check_profile_offered(account: &Account, for_: &Application<'_>) -> Result<(), CaError> {
    let Some(asked) = for_.profile else { return Ok(()) };
    let offered = profiles(account);
    if offered.iter().any(|name| name == asked) {
        return Ok(());
    }
    let asked = asked.to_owned();
    Err(CaError::NoSuchProfile { asked, offered })
}

fn check_profile_taken(order: &mut Order, for_: &Application<'_>) -> Result<(), CaError> {
    let got = order.state().profile.clone();
    match for_.profile {
        Some(asked) if got.as_deref() != Some(asked) => Err(CaError::OtherProfile {
            asked: asked.to_owned(),
            got,
        }),
        Some(_) | None => Ok(()),
    }
}

/// What a CA may have against the predecessor is nothing against the order: whatever it was, it is
/// tried once without.
async fn place_replacement(account: &Account, for_: &Application<'_>, predecessor: &CertId) -> Result<Order, Error> {
    match place_order(account, for_, Some(predecessor)).await {
        Ok(order) => {
            let evidence = format!("it replaces {predecessor} (ARI)");
            for_.ctx
                .check(Check::tick("the CA took the order as a replacement", evidence));
            Ok(order)
        }
        // It knows nothing of predecessors: that needs no warning.
        Err(Error::Unsupported(_)) => place_order(account, for_, None).await,
        Err(error) => match refused(&error) {
            Some(why) => {
                let left_aside = left_aside(&error);
                let then = if left_aside.is_some() {
                    "it goes on without"
                } else {
                    "it is placed without"
                };
                for_.ctx.warn(
                    format!("the CA did not take the order as a replacement ({why}); {then}"),
                    &[("replaces", predecessor.as_str())],
                );
                match left_aside {
                    // The order is there already: another one would be counted too.
                    Some(url) => nonce_proof!(account.order(url.clone())),
                    None => place_order(account, for_, None).await,
                }
            }
            None => Err(error),
        },
    }
}

/// The order of a CA that took it and does not say what it replaces (RFC 9773 §5): the library
/// throws it away.
fn left_aside(error: &Error) -> Option<String> {
    let of_library = matches!(error, Error::Other(inner) if !inner.is::<Obstacle>());
    recorder::location().filter(|_| of_library)
}

async fn place_order(account: &Account, for_: &Application<'_>, predecessor: Option<&CertId>) -> Result<Order, Error> {
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

/// Why the order with its predecessor failed; nothing where the predecessor has no part in it: a
/// limit, an account that the CA has forgotten, a time that the CA has named, or a request that was
/// not sent.
fn refused(error: &Error) -> Option<String> {
    match error {
        Error::Api(said) => {
            let problem = problem(said);
            let elsewhere = matches!(problem.concern(), Concern::Limit | Concern::ForgottenAccount);
            (!elsewhere).then(|| problem.to_string())
        }
        Error::Other(inner) => match inner.downcast_ref::<Obstacle>() {
            Some(Obstacle::Unexpected { .. } | Obstacle::Moved { .. } | Obstacle::Unavailable { until: None, .. }) => {
                Some(inner.to_string())
            }
            Some(
                Obstacle::RateLimited { .. }
                | Obstacle::Unavailable { until: Some(_), .. }
                | Obstacle::Untrusted { .. }
                | Obstacle::Foreign { .. }
                | Obstacle::NoAddress { .. },
            ) => None,
            None => Some("it left the field aside".to_owned()),
        },
        other => Some(other.to_string()),
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

    fn unavailable(until: Option<domain::Timestamp>) -> Error {
        stopped(Obstacle::Unavailable {
            until,
            said: "it answered 500".to_owned(),
        })
    }

    #[test]
    fn any_refusal_or_failure_is_tried_without_the_predecessor_but_what_it_has_no_part_in() {
        let unexpected = Obstacle::Unexpected {
            status: 409,
            said: String::new(),
        };
        let without = [
            api("alreadyReplaced"),
            api("malformed"),
            api("unauthorized"),
            api("notFound"),
            api("rejectedIdentifier"),
            api("serverInternal"),
            stopped(unexpected),
            unavailable(None),
            Error::Other("replaces field mismatch".into()),
            Error::Str("no order URL found"),
        ];
        for error in without {
            assert!(refused(&error).is_some(), "{error}");
        }
        for error in [
            api("rateLimited"),
            api("accountDoesNotExist"),
            unavailable(Some(domain::Timestamp::EPOCH)),
        ] {
            assert!(refused(&error).is_none(), "{error}");
        }
    }
}
