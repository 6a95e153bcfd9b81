//! What a solver places for an order, by value: a list for each type of challenge.

use serde::{Deserialize, Serialize};

/// Everything that is to be removed when the order needs it no more. It is saved before the first
/// of it is placed, so a process that dies in between leaves nothing behind that is not recorded.
///
/// It is part of checkpoints, certificates and Tidy orders, as the fields of those: `tokens` stood
/// there before solvers had receipts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// http-01: the tokens for which a response is served (RFC 8555 §8.3).
    pub tokens: Vec<String>,
}

impl Receipt {
    /// Of responses for these tokens.
    pub fn http01(tokens: Vec<String>) -> Self {
        Self { tokens }
    }

    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// How many things it lists.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether everything of the other one is in this one: then that may be placed.
    pub fn covers(&self, other: &Self) -> bool {
        other.tokens.iter().all(|token| self.tokens.contains(token))
    }

    /// With what the other one lists beside; nothing twice.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for token in other.tokens {
            if !self.tokens.contains(&token) {
                self.tokens.push(token);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tokens: &[&str]) -> Receipt {
        Receipt::http01(tokens.iter().map(|token| (*token).to_owned()).collect())
    }

    #[test]
    fn what_is_saved_covers_what_is_placed_and_nothing_is_listed_twice() {
        let (saved, placed) = (of(&["a", "b"]), of(&["b", "c"]));
        assert!(!saved.covers(&placed) && saved.covers(&of(&["b"])) && saved.covers(&Receipt::default()));
        let both = saved.and(placed.clone());
        assert_eq!(both, of(&["a", "b", "c"]));
        assert!(both.covers(&placed) && both.len() == 3 && !both.is_empty());
    }
}
