//! How a command ends without success.

use crate::print::Text;

/// How a command ended without success; see the exit codes in `--help`.
#[derive(Debug)]
pub enum Failed {
    /// 1: the command worked, but what it reports is not good.
    Report,
    /// 65: the API refused the input, with the reason.
    Refused(String),
    /// 69
    Unreachable(String),
    /// 75
    OutOfTime(String),
}

impl Failed {
    pub fn code(&self) -> u8 {
        match self {
            Self::Report => 1,
            Self::Refused(_) => 65,
            Self::Unreachable(_) => 69,
            Self::OutOfTime(_) => 75,
        }
    }

    /// What is said beside the answer: each line of the reason is one line.
    pub fn text(&self) -> Text {
        let mut text = Text::default();
        match self {
            Self::Report => {}
            Self::Refused(why) | Self::Unreachable(why) | Self::OutOfTime(why) => {
                for (index, line) in why.lines().enumerate() {
                    let before = if index == 0 { "vigilo: " } else { "        " };
                    text.line(format!("{before}{line}"));
                }
            }
        }
        text
    }
}
