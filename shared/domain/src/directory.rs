//! The URL of a CA's ACME directory, wherever people write one.

use url::Url;

use crate::invalid::Invalid;

/// Always https (RFC 8555 §6.1), and never with a password in it: the URL is shown to everybody and sent everywhere.
pub fn check(field: &str, url: &Url) -> Result<(), Invalid> {
    if url.scheme() != "https" || url.host_str().is_none() {
        let remedy = "an ACME directory is always https (RFC 8555 §6.1)";
        return Err(Invalid::new(field, format!("{url} is not https"), remedy));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let remedy = "leave user and password out: an ACME directory asks for none, and the URL is shown to everybody";
        return Err(Invalid::new(field, "there is a user or password in it", remedy));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_https_without_a_user() {
        let check = |text: &str| check("directory_url", &text.parse().expect("a URL"));
        assert_eq!(check("https://ca.example.org/dir"), Ok(()));
        assert!(
            check("http://ca.example.org/dir")
                .expect_err("no TLS")
                .problem
                .contains("not https")
        );
        for secret in [
            "https://user:word@ca.example.org/dir",
            "https://user@ca.example.org/dir",
        ] {
            let refused = check(secret).expect_err("a user");
            assert_eq!(refused.field, "directory_url");
            assert!(!refused.to_string().contains("word@"), "{refused}");
        }
    }
}
