//! What a hook printed, as it may be shown. Pure but for the reading.
//!
//! In: a stream. Out: the end of it as text. Never: a PEM block: a hook may print a private key, and its output is stored and shown;
//! a character that a terminal would obey.

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

/// What is shown: the end, because errors come last.
const SHOWN: usize = 4096;
/// What is looked through for PEM blocks: more than any block, so that the end of one is known as such.
const KEPT: usize = 65_536;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const CUT: &str = "[a PEM block was cut out]";

/// The last bytes of a stream.
#[derive(Default)]
pub struct Tail {
    kept: Vec<u8>,
    cut: bool,
}

impl Tail {
    /// Until the stream ends. May be broken off and begun again.
    pub async fn read(&mut self, from: &mut Receiver) {
        let mut buffer = [0_u8; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            self.add(&buffer[..read]);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        // In large steps: each costs a copy of what is kept.
        if self.kept.len() > 2 * KEPT {
            self.kept.drain(..self.kept.len() - KEPT);
            self.cut = true;
        }
    }

    pub fn text(&self) -> String {
        let text = without_pem(&printable(&String::from_utf8_lossy(&self.kept)));
        let (shown, shortened) = end_of(text.trim());
        if self.cut || shortened {
            format!("… {}", shown.trim_start())
        } else {
            shown.to_owned()
        }
    }
}

/// Without characters that are obeyed in place of shown, and without the sequences that such a character begins.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut all = text.chars().peekable();
    while let Some(c) = all.next() {
        match c {
            '\n' | '\t' => shown.push(c),
            '\r' if all.peek() == Some(&'\n') => {}
            '\r' => shown.push('\n'),
            '\u{1b}' if all.next_if_eq(&'[').is_some() => {
                // ECMA-48 §5.4: parameters, then one final character.
                while all.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                let _final = all.next_if(|c| matches!(c, '@'..='~'));
            }
            _ if c.is_control() || is_direction(c) => {}
            _ => shown.push(c),
        }
    }
    shown
}

/// Turns the order of what is shown around.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A block whose beginning is lost reaches from the start of the text, one whose end is lost to its end.
fn without_pem(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        match (rest.find(BEGIN), rest.find(END)) {
            (begin, Some(end)) if begin.is_none_or(|begin| end < begin) => {
                shown.clear();
                shown.push_str(CUT);
                rest = behind(rest, end + END.len());
            }
            (Some(begin), end) => {
                shown.push_str(&rest[..begin]);
                shown.push_str(CUT);
                let Some(end) = end else { return shown };
                rest = behind(rest, end + END.len());
            }
            (None, _) => {
                shown.push_str(rest);
                return shown;
            }
        }
    }
}

/// What follows the label of an end line.
fn behind(text: &str, label: usize) -> &str {
    let rest = &text[label..];
    match (rest.find(DASHES), rest.find('\n')) {
        (Some(dashes), line) if line.is_none_or(|line| dashes < line) => &rest[dashes + DASHES.len()..],
        (_, Some(line)) => &rest[line..],
        (_, None) => "",
    }
}

fn end_of(text: &str) -> (&str, bool) {
    let Some(mut from) = text.len().checked_sub(SHOWN).filter(|from| *from > 0) else {
        return (text, false);
    };
    while !text.is_char_boundary(from) {
        from += 1;
    }
    (&text[from..], true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let mut tail = Tail::default();
        for part in bytes.chunks(1000) {
            tail.add(part);
        }
        tail.text()
    }

    fn key(lines: usize) -> String {
        let body = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n";
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----\n",
            body.repeat(lines)
        )
    }

    #[test]
    fn a_pem_block_is_cut_out_wherever_it_stands() {
        let (one, large) = (key(3), key(2000));
        for text in [
            format!("before\n{one}after"),
            format!("before\n{one}{one}after"),
            // Only its beginning, or only its end, is in what was kept.
            format!("before\n{}", &one[..60]),
            format!("{}after", &one[40..]),
            format!("{}{}after", "x\n".repeat(100_000), large),
            // In one line, as JSON prints it.
            format!("before {} after", one.replace('\n', "\\n")),
            format!(
                "before\n{}after",
                one.replace("PRIVATE", "ENCRYPTED PRIVATE").replace('\n', "\r\n")
            ),
            format!("before\n-----BE\u{1b}[31mGIN EC PRIVATE KEY-----{}", &one[28..]),
        ] {
            let shown = shown(text.as_bytes());
            assert!(!shown.contains("MIGH"), "{shown}");
            assert!(shown.contains(CUT), "{shown}");
            assert!(!text.ends_with("after") || shown.ends_with("after"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_block_stays() {
        assert_eq!(
            shown(b"----- a line -----\nnginx: [emerg] no \"events\""),
            "----- a line -----\nnginx: [emerg] no \"events\""
        );
    }

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        assert_eq!(
            shown(b"a\x1b[1;31mred\x1b[0m\x07\x00\x7f b\tc\r\nd\re\xc2\x9b"),
            "ared b\tc\nd\ne"
        );
        assert_eq!(shown("a\u{202e}b\u{2066}c".as_bytes()), "abc");
    }

    #[test]
    fn of_a_long_output_the_end_is_shown() {
        let long = shown(&[&b"x".repeat(300_000)[..], "\nü the end".as_bytes()].concat());
        assert!(
            long.starts_with("… x") && long.ends_with("ü the end"),
            "{} bytes",
            long.len()
        );
        assert!(long.len() <= SHOWN + "… ".len());
        let umlauts = shown("ü".repeat(4_000).as_bytes());
        assert!(umlauts.starts_with("… ü") && umlauts.len() <= SHOWN + "… ".len());
    }
}
