//! The same idempotency key asks once: it is answered as it was, when it comes with the same wish. With another one it is
//! refused: an answer about other hosts than those that were asked for would be taken for theirs.
//!
//! In: what is wished, the answer that was kept. Out: what is kept, what is answered. Pure.

use domain::Invalid;
use protocol::request::Answer;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where the mark of the wish lies in what is kept; readers of an answer do not know it.
const WISH: &str = "wish";

/// The answer to a wish as it is kept.
pub(crate) fn answer_to_keep(answer: &Answer, wish: &impl Serialize) -> serde_json::Result<Value> {
    let mut kept = serde_json::to_value(answer)?;
    if let Some(fields) = kept.as_object_mut() {
        fields.insert(WISH.to_owned(), mark(wish)?.into());
    }
    Ok(kept)
}

/// What was kept for a key, given to the same wish. Answers from before there were marks are given to every one.
pub(crate) fn read_answer(kept: Value, wish: &impl Serialize) -> serde_json::Result<Answer> {
    let (before, now) = (kept[WISH].as_str(), mark(wish)?);
    if before.is_some_and(|before| before != now) {
        let problem = "it was used for another request before";
        let reason = Invalid::new(
            "idempotency_key",
            problem,
            "take a new key, or send that request as it was",
        );
        return Ok(Answer::Rejected { reason });
    }
    serde_json::from_value(kept)
}

fn mark(wish: &impl Serialize) -> serde_json::Result<String> {
    Ok(format!("{:x}", Sha256::digest(serde_json::to_vec(wish)?)))
}

#[cfg(test)]
mod tests {
    use domain::JobId;

    use super::*;

    #[test]
    fn a_key_is_answered_the_same_way_for_the_same_wish_only() {
        let answer = Answer::Job { job_id: JobId::new() };
        let row = answer_to_keep(&answer, &("renew", ["a.example.org"])).expect("kept");
        assert_eq!(
            read_answer(row.clone(), &("renew", ["a.example.org"])).expect("read"),
            answer
        );
        for other in [("renew", ["b.example.org"]), ("plan", ["a.example.org"])] {
            let Answer::Rejected { reason } = read_answer(row.clone(), &other).expect("read") else {
                panic!("{other:?} was answered")
            };
            assert_eq!(reason.field, "idempotency_key");
        }
    }

    #[test]
    fn what_was_kept_without_a_mark_is_given_to_everybody() {
        let answer = Answer::Job { job_id: JobId::new() };
        let row = serde_json::to_value(&answer).expect("JSON");
        assert_eq!(read_answer(row, &"anything").expect("read"), answer);
    }
}
