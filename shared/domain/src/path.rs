//! Paths of files as people write them: one spelling for each place. Pure.
//!
//! In: an absolute path. Out: the same without `.`, `..` and doubled slashes. Never: a look at a file system: what links lead to
//! is known at the machine alone.

/// `/etc//tls/./x/../a.crt` is `/etc/tls/a.crt`.
pub fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn every_spelling_of_a_place_is_one() {
        for spelling in [
            "/etc/tls/a.crt",
            "//etc///tls/a.crt",
            "/etc/./tls/x/../a.crt",
            "/../etc/tls/a.crt",
        ] {
            assert_eq!(normal(spelling), "/etc/tls/a.crt", "{spelling}");
        }
        assert_ne!(normal("/etc/tls/A.crt"), "/etc/tls/a.crt");
    }
}
