//! Numbers with what they count, as people say them.

use std::fmt::Display;

/// `1 host`, `2 hosts`; of nouns that end as `policy` or `address` too.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) {
        return format!("{number} {noun}");
    }
    match noun
        .strip_suffix('y')
        .filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']))
    {
        Some(stem) => format!("{number} {stem}ies"),
        None if noun.ends_with('s') || noun.ends_with("ch") => format!("{number} {noun}es"),
        None => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_many() {
        let said = [0, 1, 2].map(|number| counted(number, "host"));
        assert_eq!(said, ["0 hosts", "1 host", "2 hosts"]);
        let said = ["policy", "address", "day"].map(|noun| counted(7_usize, noun));
        assert_eq!(said, ["7 policies", "7 addresses", "7 days"]);
    }
}
