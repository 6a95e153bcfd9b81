//! Which of its limits a CA means, by the words that Boulder uses: said by a CA in prose only, and read in this one place.
//!
//! For the issuer, which makes a cause of it, and for reports of versions that did not.

use super::Scope;

/// The scope of the limit, the account's when it does not say; and what in the message could be a name.
pub fn limit_of(said: &str) -> (Scope, Vec<String>) {
    (scope(said), names(said))
}

fn scope(said: &str) -> Scope {
    if said.contains("exact set") {
        Scope::ExactSet
    } else if said.contains("failed authorizations") {
        Scope::FailedAuthorization
    } else if said.contains("temporarily prevented from requesting") {
        Scope::ConsecutiveFailure
    } else if said.contains("already issued for") {
        Scope::RegisteredDomain
    } else {
        Scope::Account
    }
}

/// Who reads them knows which names are its own.
fn names(said: &str) -> Vec<String> {
    // A URL names a page, or the CA itself.
    let plain = said.split_whitespace().filter(|word| !word.contains("://"));
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '*');
    let words = plain.flat_map(|word| word.split(move |letter| !is_of_name(letter)));
    let words = words.map(|word| word.trim_matches(['.', '-']));
    let mut names: Vec<String> = Vec::new();
    for name in words.filter(|word| word.contains('.') && word.parse::<f64>().is_err()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boulders_words_name_the_limit_and_whom_it_is_of() {
        for (said, expected, named) in [
            (
                "too many certificates (50) already issued for \"one.org\" in the last 168h0m0s",
                Scope::RegisteredDomain,
                vec!["one.org"],
            ),
            (
                "too many certificates (5) already issued for this exact set of identifiers",
                Scope::ExactSet,
                vec![],
            ),
            (
                "too many failed authorizations (5) for \"*.a.one.org\" in the last 1h",
                Scope::FailedAuthorization,
                vec!["*.a.one.org"],
            ),
            (
                "Your account is temporarily prevented from requesting certificates for a.one.org and possibly others.",
                Scope::ConsecutiveFailure,
                vec!["a.one.org"],
            ),
            ("too many new orders (3) from this account.", Scope::Account, vec![]),
            (
                "https://ca.example.org/dir: slow down for 1.5 s",
                Scope::Account,
                vec![],
            ),
        ] {
            let named: Vec<String> = named.into_iter().map(str::to_owned).collect();
            assert_eq!(limit_of(said), (expected, named), "{said}");
        }
    }
}
