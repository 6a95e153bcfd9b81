//! What cannot be applied together is applied one by one.
//!
//! In: a batch, and how some of it are applied. Out: what became of each. Never: one that fails or panics keeps another from its end.

use bus::panics::{Panicked, caught};
use store::StoreError;

/// What became of one.
#[derive(Debug)]
pub(super) enum Fate<A> {
    Applied(A),
    /// It comes again until its deliveries are used up.
    Failed(StoreError),
    Panicked(Panicked),
}

/// How some of a batch are applied, and what is done with one that was, or could not be.
pub(super) trait OneByOne {
    type One: Sync;
    type Applied: Send;

    fn apply(&self, some: &[Self::One]) -> impl Future<Output = Result<Self::Applied, StoreError>> + Send;
    fn settle(&self, one: &Self::One, fate: Fate<Self::Applied>) -> impl Future<Output = ()> + Send;
}

/// Each is settled before the next is begun.
pub(super) async fn each_alone<L: OneByOne>(ledger: &L, batch: &[L::One]) {
    for one in batch {
        let fate = match caught(ledger.apply(std::slice::from_ref(one))).await {
            Ok(Ok(applied)) => Fate::Applied(applied),
            Ok(Err(error)) => Fate::Failed(error),
            Err(panicked) => Fate::Panicked(panicked),
        };
        ledger.settle(one, fate).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// As the ledger would: what is odd in a batch spoils all of it.
    #[derive(Default)]
    struct Spoilt {
        settled: Mutex<Vec<String>>,
    }

    impl OneByOne for Spoilt {
        type One = u32;
        type Applied = u32;

        async fn apply(&self, some: &[u32]) -> Result<u32, StoreError> {
            for one in some {
                assert_ne!(*one, 7, "a report that nobody thought of");
                if *one == 9 {
                    let (table, id, why) = ("runs", "9".to_owned(), "nonsense".to_owned());
                    return Err(StoreError::Corrupt { table, id, why });
                }
            }
            Ok(some.iter().sum())
        }

        async fn settle(&self, one: &u32, fate: Fate<u32>) {
            let said = match fate {
                Fate::Applied(sum) => format!("{one} is applied as {sum}"),
                Fate::Failed(error) => format!("{one} fails: {error}"),
                Fate::Panicked(panicked) => format!("{one} is buried: {panicked}"),
            };
            self.settled.lock().expect("nobody panics with it").push(said);
        }
    }

    #[tokio::test]
    async fn a_report_that_panics_or_fails_is_told_apart_and_the_others_are_applied() {
        let (ledger, batch) = (Spoilt::default(), [1, 7, 2, 9, 3]);
        assert!(
            caught(ledger.apply(&batch)).await.is_err(),
            "together they cannot be applied"
        );
        each_alone(&ledger, &batch).await;
        let settled = ledger.settled.into_inner().expect("nobody panics with it");
        assert_eq!(
            (settled[0].as_str(), settled[2].as_str()),
            ("1 is applied as 1", "2 is applied as 2")
        );
        assert_eq!(settled[4], "3 is applied as 3", "also what comes after both");
        assert!(
            settled[1].starts_with("7 is buried: ") && settled[1].contains("nobody thought of"),
            "{settled:?}"
        );
        assert!(settled[3].starts_with("9 fails: "), "{settled:?}");
    }
}
