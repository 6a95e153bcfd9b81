//! Names that a CA has paused: their checks failed so often in a row that it takes no order for them before a person has
//! been at its portal (letsencrypt.org/docs/rate-limits, "Consecutive Authorization Failures").
//!
//! In: the detail of a `rateLimited`. Out: the portal's address, when the detail is of a pause. Never: opens it.
//!
//! There is no type of its own for it, and no `Retry-After`: Boulder tells it from a limit that passes by its words alone.

use url::Url;

/// What Boulder says of a pause and of nothing else.
const SAID: &str = "prevented from requesting certificates";
/// The portal's address carries a signed token; what is longer than this is none.
const LONGEST: usize = 4096;

/// Where a person may end the pause; nothing when the text is of another limit, or names no such place.
pub fn portal(detail: &str) -> Option<Url> {
    let (_, rest) = detail.split_once(SAID)?;
    rest.split_whitespace()
        .filter(|word| word.starts_with("https://") && word.len() <= LONGEST)
        .filter_map(|word| Url::parse(word.trim_end_matches(['.', ',', ';', ')'])).ok())
        .find(|url| url.host().is_some() && url.username().is_empty() && url.password().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSED: &str = "Your account is temporarily prevented from requesting certificates for a.example and possibly \
                          others. Please visit: ";

    #[test]
    fn a_pause_names_its_portal() {
        let said = format!("{PAUSED}https://portal.ca.example/sfe/v1/unpause?jwt=a.b-c_d");
        let portal = portal(&said).expect("a portal");
        assert_eq!(portal.as_str(), "https://portal.ca.example/sfe/v1/unpause?jwt=a.b-c_d");
    }

    #[test]
    fn no_other_limit_is_a_pause_and_no_other_address_is_shown() {
        for said in [
            "too many certificates (50) already issued for \"a.example\" in the last 168h0m0s, retry after 2026-11-28 \
             10:00:00 UTC: see https://ca.example/docs/rate-limits/#new-certificates-per-registered-domain",
            "too many failed authorizations (5) for \"a.example\" in the last 1h0m0s, retry after 2026-11-28 10:00:00 UTC: \
             see https://ca.example/docs/rate-limits/#authorization-failures-per-hostname-per-account",
            "your request is paused: see https://portal.ca.example/unpause",
            "slow down",
            "",
        ] {
            assert_eq!(portal(said), None, "{said}");
        }
        for address in [
            "",
            "http://portal.ca.example/unpause",
            "javascript:alert(1)",
            "https://",
            "https://ca.example@elsewhere.example/unpause",
        ] {
            assert_eq!(portal(&format!("{PAUSED}{address}")), None, "{address}");
        }
        let endless = format!("{PAUSED}https://portal.ca.example/{}", "a".repeat(LONGEST));
        assert_eq!(portal(&endless), None);
    }
}
