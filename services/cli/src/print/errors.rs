//! What error codes mean.

use codes::Explanation;

use super::Text;

pub fn list(all: &[Explanation]) -> Text {
    super::list(all, |one| format!("{}  {}", one.code, one.title))
}

pub fn explanation(explanation: &Explanation) -> Text {
    let mut text = Text::default();
    text.block("", explanation.markdown().trim_end());
    text
}
